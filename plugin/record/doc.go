// Package record reads what Fluent Bit hands to an output's flush: a payload,
// which is a run of MessagePack values without anything around them.
//
// Detect says what the payload holds. A Decoder walks log events and gives one
// Record at a time; AppendMetrics turns metrics events into Samples.
//
// Nothing is copied and nothing is built: a Record is a handful of views into
// the payload, and a Value is a view of exactly one MessagePack value. The
// Decoder has checked every byte of a Record before it hands it out, so its
// Values can be read without looking at bounds or depth again; reading a Value
// that was never checked is still safe, it just ends early.
//
// The payload comes from outside. Lengths are compared with the bytes that are
// there before anything else is done with them, nesting is followed with a
// fixed stack, and no length in the payload makes anything be allocated. That
// is also why the walking is done here: msgpack/v5 v5.4.1 allocates what a
// length declares and recurses as deep as the input likes, so that five bytes
// can end the process.
package record
