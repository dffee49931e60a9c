package chunk

import "out_edge/plugin/wire"

// Form is how the sender wrote a record's time.
type Form uint8

// The forms of a time. Their order is that of timefix.Form; a test in pipeline checks
// that.
const (
	Absent    Form = iota // no time, or one of a type that is no time (nil, string, ...)
	EventTime             // ext type 0, 8 bytes: u32 seconds, u32 nanoseconds
	Int                   // a negative integer, or one written in a signed type
	Uint                  // an integer written in an unsigned type, or a positive fixint
	Float                 // float32 or float64, usually in seconds
)

// Time is a record's time as decoded, before any repair.
type Time struct {
	Form Form
	// Bits holds, by Form: seconds<<32|nanoseconds, the int64, the uint64, or
	// math.Float64bits; 0 when Absent.
	Bits uint64
}

// Record is one log event of a payload. It consists of views into the payload, valid
// until the payload's owner takes it back: for a flush, until the flush returns.
// Callers must not keep or modify them.
type Record struct {
	// Index is the record's position among the payload's root values, bad ones and group
	// markers included, from 0. The same payload always has the same indices, so they
	// identify a retried chunk's records.
	Index int
	Time  Time
	// RawTime is the time's own bytes in the payload.
	RawTime []byte
	// Body is a map.
	Body wire.Value
	// Metadata is a map, or empty (v1 records, or a v2 record without).
	Metadata wire.Value
	// Group is the record's group, or nil.
	Group *Group
}

// Group holds what an OTLP group's start marker contains about the records up to its
// end marker. Views, as in Record. A Decoder reuses it for the next group.
type Group struct {
	// Resource and Scope are the attributes maps, or empty.
	Resource, Scope wire.Value
	// ScopeName and ScopeVersion are nil when the marker has none.
	ScopeName, ScopeVersion []byte
}
