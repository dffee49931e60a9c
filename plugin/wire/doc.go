// Package wire walks MessagePack in place: a Value is a view of one value, a
// Reader steps through its tokens, a Checker says whether a value is whole.
//
// The bytes come from outside. Lengths are compared with the bytes that are there
// before anything else is done with them, nesting is followed with a fixed stack,
// and no length makes anything be allocated. That is why the walking is done here:
// msgpack/v5 v5.4.1 allocates what a length declares and recurses as deep as the
// input likes, so that five bytes can end the process.
package wire
