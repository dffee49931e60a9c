package textformat

import (
	"bytes"
	"math"
	"strconv"
)

// appendFloat appends a value.
func (f Format) appendFloat(dst []byte, v float64) []byte {
	switch n := int64(v); {
	case float64(n) == v && -maxPlain < n && n < maxPlain:
		dst = strconv.AppendInt(dst, n, 10)
	case float64(n) == v && -maxWhole < n && n < maxWhole:
		return appendWhole(dst, n)
	case math.IsInf(v, 1):
		return append(dst, "+Inf"...)
	case v != v:
		return append(dst, "NaN"...)
	default:
		return f.appendAny(dst, v)
	}
	if f == OpenMetrics {
		dst = append(dst, ".0"...)
	}
	return dst
}

const (
	// maxPlain is the first whole number that has an exponent.
	maxPlain = 1_000_000
	// maxWhole is where whole numbers are so far apart that fewer digits than all may
	// tell one from its neighbours.
	maxWhole = 1 << 53
)

// appendWhole appends a whole number of maxPlain and more: its digits are those of an
// integer, which are found faster than the shortest ones of any number.
func appendWhole(dst []byte, n int64) []byte {
	var room [20]byte
	if n < 0 {
		dst = append(dst, '-')
		n = -n
	}
	digits := strconv.AppendInt(room[:0], n, 10)
	exponent := len(digits) - 1
	digits = bytes.TrimRight(digits, "0")
	dst = append(dst, digits[0])
	if len(digits) > 1 {
		dst = append(append(dst, '.'), digits[1:]...)
	}
	return append(dst, 'e', '+', byte('0'+exponent/10), byte('0'+exponent%10))
}

func (f Format) appendAny(dst []byte, v float64) []byte {
	from := len(dst)
	dst = strconv.AppendFloat(dst, v, 'g', -1, 64)
	if f == OpenMetrics && !bytes.ContainsAny(dst[from:], "eI.") {
		dst = append(dst, ".0"...)
	}
	return dst
}

// appendCount appends a number of observations, which is an integer in OpenMetrics alone.
func (f Format) appendCount(dst []byte, n uint64) []byte {
	if f == OpenMetrics {
		return strconv.AppendUint(dst, n, 10)
	}
	return f.appendFloat(dst, float64(n))
}
