package wire

import "encoding/binary"

// The head bytes of MessagePack that are used by name.
const (
	headFixMap   = 0x80
	headFixArray = 0x90
	headFixStr   = 0xa0
	headNil      = 0xc0
	headNever    = 0xc1
	headFalse    = 0xc2
	headTrue     = 0xc3
	headBin8     = 0xc4
	headBin16    = 0xc5
	headBin32    = 0xc6
	headExt8     = 0xc7
	headExt16    = 0xc8
	headExt32    = 0xc9
	headFloat32  = 0xca
	headFloat64  = 0xcb
	headUint8    = 0xcc
	headUint16   = 0xcd
	headUint32   = 0xce
	headUint64   = 0xcf
	headInt8     = 0xd0
	headInt16    = 0xd1
	headInt32    = 0xd2
	headInt64    = 0xd3
	headFixExt1  = 0xd4
	headFixExt8  = 0xd7
	headFixExt16 = 0xd8
	headStr8     = 0xd9
	headStr16    = 0xda
	headStr32    = 0xdb
	headArray16  = 0xdc
	headArray32  = 0xdd
	headMap16    = 0xde
	headMap32    = 0xdf
	headNegFix   = 0xe0
)

// widths holds, for each head byte, the length of the whole value if the head byte
// determines it, else 0. It is a constant string because nothing can write to that.
const widths = ones16 + ones16 + ones16 + ones16 + ones16 + ones16 + ones16 + ones16 + // positive fixint
	zeros16 + zeros16 + // fixmap, fixarray
	"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10" + // fixstr
	"\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x20" +
	"\x01\x00\x01\x01" + // nil, never used, false, true
	"\x00\x00\x00\x00\x00\x00" + // bin, ext
	"\x05\x09\x02\x03\x05\x09\x02\x03\x05\x09" + // floats, unsigned, signed
	"\x03\x04\x06\x0a\x12" + // fixext
	"\x00\x00\x00\x00\x00\x00\x00" + // str, array, map
	ones16 + ones16 // negative fixint

const (
	zeros16 = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	ones16  = "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"
)

// lengthAt reads the length of size bytes (1, 2 or 4) at p[i]. It returns false when p
// ends too early.
func lengthAt(p []byte, i, size int) (uint64, bool) {
	if len(p)-i < size {
		return 0, false
	}
	switch size {
	case 1:
		return uint64(p[i]), true
	case 2:
		return uint64(binary.BigEndian.Uint16(p[i:])), true
	default:
		return uint64(binary.BigEndian.Uint32(p[i:])), true
	}
}

// Open skips the head of the value at p[i], whose entry in widths must be 0, and its
// data if it has any. inner is the number of values in it (two for each pair of a map).
// It returns false when a length exceeds p; a container is rejected as soon as its
// values cannot fit the remaining bytes, each being at least one byte.
func Open(p []byte, i int) (next, inner int, ok bool) {
	b := p[i]
	i++
	switch {
	case b < headFixArray:
		return i, int(b&0x0f) * 2, true
	case b < headFixStr:
		return i, int(b & 0x0f), true
	}
	var size, extra, each int
	switch b {
	case headNever:
		return i, 0, true
	case headBin8, headStr8:
		size = 1
	case headBin16, headStr16:
		size = 2
	case headBin32, headStr32:
		size = 4
	case headExt8:
		size, extra = 1, 1
	case headExt16:
		size, extra = 2, 1
	case headExt32:
		size, extra = 4, 1
	case headArray16:
		size, each = 2, 1
	case headArray32:
		size, each = 4, 1
	case headMap16:
		size, each = 2, 2
	case headMap32:
		size, each = 4, 2
	}
	n, ok := lengthAt(p, i, size)
	i += size
	if !ok {
		return i, 0, false
	}
	rest := uint64(len(p) - i)
	if each > 0 {
		n *= uint64(each)
		return i, int(min(n, rest)), n <= rest
	}
	n += uint64(extra)
	return i + int(min(n, rest)), 0, n <= rest
}

// Skip returns where the value at p[i] ends; false when p ends first.
func Skip(p []byte, i int) (int, bool) { return skipAll(p, i, 1) }

// skipAll returns where the need values at p[i] end; false when p ends first. It needs
// no stack: it counts the values still to come, and stops as soon as there are more of
// them than bytes.
func skipAll(p []byte, i, need int) (int, bool) {
	for ; need > 0; need-- {
		if uint(i) >= uint(len(p)) {
			return len(p), false
		}
		if w := int(widths[p[i]]); w > 0 {
			i += w
			continue
		}
		next, inner, ok := Open(p, i)
		if !ok || inner > len(p)-next-(need-1) {
			return len(p), false
		}
		i = next
		need += inner
	}
	return min(i, len(p)), i <= len(p)
}

// IsArray reports whether a value with the head byte b is an array.
func IsArray(b byte) bool { return b&0xf0 == headFixArray || b|1 == headArray32 }

// IsSigned reports whether an integer with the head byte b is negative, or written in a
// signed type.
func IsSigned(b byte) bool { return b >= headInt8 && b <= headInt64 || b >= headNegFix }

func isMap(b byte) bool { return b&0xf0 == headFixMap || b|1 == headMap32 }

// isContainer reports whether b, whose entry in widths is 0, is an array or a map.
func isContainer(b byte) bool { return b < headFixStr || b >= headArray16 }
