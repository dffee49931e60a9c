// Package wire reads MessagePack in place: a Value is a view of one value, a Reader
// iterates over its tokens, a Checker checks that a value is complete.
//
// The bytes are untrusted. Lengths are compared with the bytes present before use,
// nesting is followed with a fixed stack, and no declared length causes an allocation.
// That is why no library is used: msgpack/v5 v5.4.1 allocates what a length declares
// and recurses as deep as the input is nested, so that five bytes can end the process.
package wire
