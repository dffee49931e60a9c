// Package chunk reads the payload of a flush: a run of MessagePack values without
// anything around them.
//
// Detect says what the payload holds. A Decoder walks log events and returns one
// Record at a time; metrics events are package cmetrics' to read. Nothing is
// copied and nothing is built: a Record is a handful of views into the payload.
// The Decoder has checked every byte of a Record before it returns it.
package chunk
