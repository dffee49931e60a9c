// Package chunk reads the payload of a flush: MessagePack values one after the other.
//
// Detect returns what the payload holds. A Decoder reads log events and returns one
// Record at a time; package cmetrics reads metrics events. Nothing is copied: a Record
// is a few views into the payload. The Decoder has checked every byte of a Record
// before it returns it.
package chunk
