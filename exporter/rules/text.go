package rules

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf8"

	"out_edge/plugin/wire"
)

// appendText appends a value as the text for a label or a regex, in UTF-8: texts
// unchanged, numbers in decimal, true and false. Anything else is empty.
func appendText(dst []byte, v wire.Value) []byte {
	if text, ok := v.Bytes(); ok {
		if utf8.Valid(text) {
			return append(dst, text...)
		}
		return append(dst, bytes.ToValidUTF8(text, []byte("\uFFFD"))...)
	}
	r := v.Reader()
	switch r.Next() {
	case wire.Bool:
		return strconv.AppendBool(dst, r.Bool())
	case wire.Integer:
		return strconv.AppendInt(dst, r.Int64(), 10)
	case wire.Unsigned:
		return strconv.AppendUint(dst, r.Uint64(), 10)
	case wire.Double:
		return appendFloat(dst, r.Float64())
	}
	return dst
}

// appendFloat writes f without an exponent up to 1e15, up to which every whole number
// is an exact float64.
func appendFloat(dst []byte, f float64) []byte {
	if a := math.Abs(f); a == 0 || a >= 1e-6 && a < 1e15 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	return strconv.AppendFloat(dst, f, 'g', -1, 64)
}

// number returns the number of v: a number, a text with one in decimal, or a bool as 1
// or 0.
func number(v wire.Value) (float64, bool) {
	r := v.Reader()
	switch r.Next() {
	case wire.Integer, wire.Unsigned, wire.Double:
		return r.Float64(), true
	case wire.Bool:
		if r.Bool() {
			return 1, true
		}
		return 0, true
	case wire.Str, wire.Bin:
		return parseNumber(r.Bytes())
	}
	return 0, false
}

// maxNumber is the longest text of a number, in bytes; a float64 never needs more than
// 24.
const maxNumber = 40

// parseNumber reads a number in the usual form of JSON, nginx and others, with spaces
// around it. Go's other forms (hexadecimal, inf, underscores) are not accepted.
func parseNumber(text []byte) (float64, bool) {
	text = bytes.Trim(text, " \t")
	if len(text) == 0 || len(text) > maxNumber {
		return 0, false
	}
	for _, c := range text {
		if !isDigit(c) && c != '.' && c != '-' && c != '+' && c|0x20 != 'e' {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(string(text), 64)
	return f, err == nil
}
