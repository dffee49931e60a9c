package wire

import (
	"encoding/binary"
	"math"
)

// Value is a view of exactly one MessagePack value, head and content. Empty means that
// there is none. The Values of a Record have been checked. On unchecked bytes each
// method stays within bounds and returns false, 0 or empty for invalid data.
type Value []byte

// Kind is the value's kind, or End when it is empty or not one.
func (v Value) Kind() TokenKind {
	r := v.Reader()
	return r.Next()
}

// Bool is the value of a bool; false, false for anything else.
func (v Value) Bool() (value, ok bool) {
	if len(v) == 0 || v[0]|1 != headTrue {
		return false, false
	}
	return v[0] == headTrue, true
}

// Int64 is the value of an integer of any width that fits an int64. A float is not an
// integer here, even a whole one.
func (v Value) Int64() (int64, bool) {
	r := v.Reader()
	r.Next()
	return r.Integer()
}

// Uint64 is the value of an integer of any width that is not negative.
func (v Value) Uint64() (uint64, bool) {
	r := v.Reader()
	r.Next()
	return r.Unsigned()
}

// Float64 is the value of any number, integers included: those over 2^53 are
// rounded.
func (v Value) Float64() (float64, bool) {
	r := v.Reader()
	r.Next()
	return r.Number()
}

// Bytes is the content of a str or bin, a view. It is not nil when ok, even if
// it is empty.
func (v Value) Bytes() (content []byte, ok bool) {
	if len(v) > 0 && v[0]&0xe0 == headFixStr { // most keys, and short texts
		end := 1 + int(v[0]&0x1f)
		if end > len(v) {
			return nil, false
		}
		return v[1:end:end], true
	}
	switch {
	case len(v) == 0:
		return nil, false
	case v[0] == headStr8 && len(v) > 1 && int(v[1]) <= len(v)-2: // most others
		end := 2 + int(v[1])
		return v[2:end:end], true
	}
	r := v.Reader()
	switch r.Next() {
	case Str, Bin:
		return r.Bytes(), true
	default:
		return nil, false
	}
}

// Len is the number of an array's elements or a map's pairs, else 0.
func (v Value) Len() int {
	r := v.Reader()
	switch r.Next() {
	case Array, Map:
		return r.Len()
	default:
		return 0
	}
}

// Get returns the value of the first pair whose key is key, as str or bin; empty when
// the map has none, or the value is no map.
func (v Value) Get(key string) Value {
	it := v.Map()
	for {
		k, val, ok := it.Next()
		if !ok {
			return nil
		}
		if b, isText := k.Bytes(); isText && string(b) == key {
			return val
		}
	}
}

// IsMap reports whether v starts like a map.
func (v Value) IsMap() bool {
	return len(v) > 0 && isMap(v[0])
}

// MapIter iterates over the pairs of a map.
type MapIter struct{ items items }

// Map returns an iterator over the pairs of a map in order. It is empty when the value
// is no map.
func (v Value) Map() MapIter {
	if !v.IsMap() {
		return MapIter{}
	}
	return MapIter{openItems(v)}
}

// Next returns the next pair; ok is false at the end. The key may be of any kind.
func (it *MapIter) Next() (key, val Value, ok bool) {
	key, ok = it.items.next()
	if !ok {
		return nil, nil, false
	}
	val, ok = it.items.next()
	if !ok {
		return nil, nil, false
	}
	return key, val, true
}

// ArrayIter iterates over the elements of an array.
type ArrayIter struct{ items items }

// Array returns an iterator over the elements of an array. It is empty when the value
// is no array.
func (v Value) Array() ArrayIter {
	if len(v) == 0 || !IsArray(v[0]) {
		return ArrayIter{}
	}
	return ArrayIter{openItems(v)}
}

// Next returns the next element; ok is false at the end.
func (it *ArrayIter) Next() (Value, bool) { return it.items.next() }

// items iterates over the values directly in a container.
type items struct {
	rest []byte
	left int
}

func openItems(v Value) items {
	next, inner, ok := Open(v, 0)
	if !ok {
		return items{}
	}
	return items{rest: v[next:], left: inner}
}

func (it *items) next() (Value, bool) {
	if it.left == 0 {
		return nil, false
	}
	end, ok := Skip(it.rest, 0)
	if !ok {
		it.left = 0
		return nil, false
	}
	v := Value(it.rest[:end:end])
	it.rest = it.rest[end:]
	it.left--
	return v, true
}

func float32At(b []byte) float64 {
	return float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
}
