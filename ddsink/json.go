package ddsink

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
	"unicode/utf8"

	"out_edge/plugin/wire"
)

// How values become JSON:
//
//	nil, bool, integers of any width    as they are, exactly
//	float                               as encoding/json writes it; NaN and Inf: null
//	str                                 a string; each byte that is not UTF-8: U+FFFD
//	bin                                 a string if it is UTF-8, else base64
//	ext                                 base64 of its content
//	array, map                          array, object
//	a key that is not str               its JSON text as a string; a container: base64

// frame is a container that is being written.
type frame struct {
	left   int // elements or pairs still to come
	isMap  bool
	object int // the map's number in the entry, for its keys
}

// valueWriter writes MessagePack values as JSON. It is reused; reset it for each entry.
type valueWriter struct {
	stack   [wire.MaxDepth + 1]frame
	keys    keySet // of all maps below the entry itself
	objects int    // the number of the last map
}

func (w *valueWriter) reset() {
	w.keys.reset()
	w.objects = 0
}

// object returns the number for a new map.
func (w *valueWriter) object() int {
	w.objects++
	return w.objects
}

// append appends the value that r is before, and skips it. Of two pairs of a map with
// the same key the first is written. It stops early, with ok false and dst longer by
// what it wrote so far, when dst would exceed limit bytes, or when the bytes are no
// value.
func (w *valueWriter) append(dst []byte, r *wire.Reader, limit int) (out []byte, ok bool) {
	kind := r.Next()
	switch {
	case kind >= wire.Array:
		return w.container(dst, r, kind, limit)
	case kind == wire.Str && len(r.Bytes()) <= limit-len(dst): // as usual
		return appendString(dst, r.Bytes()), true
	}
	return appendWithin(dst, r, kind, limit)
}

// container appends the array or map that r has just returned.
func (w *valueWriter) container(dst []byte, r *wire.Reader, kind wire.TokenKind, limit int) (out []byte, ok bool) {
	for depth := 0; ; kind = r.Next() {
		switch {
		case kind < wire.Array || r.Len() == 0:
			if dst, ok = appendWithin(dst, r, kind, limit); !ok {
				return dst, false
			}
			dst, depth = w.close(dst, depth)
		case depth == len(w.stack):
			return dst, false
		default:
			dst = w.open(dst, r, kind, depth)
			depth++
		}
		if dst, depth, ok = w.advance(dst, r, depth, limit); !ok || depth == 0 {
			return dst, ok
		}
	}
}

// open begins a container that is not empty.
func (w *valueWriter) open(dst []byte, r *wire.Reader, kind wire.TokenKind, depth int) []byte {
	if kind == wire.Map {
		w.stack[depth] = frame{left: r.Len(), isMap: true, object: w.object()}
		return append(dst, '{')
	}
	w.stack[depth] = frame{left: r.Len()}
	return append(dst, '[')
}

// close counts an element or pair that is written, and ends the containers that this
// completes. It returns how many are still open.
func (w *valueWriter) close(dst []byte, depth int) ([]byte, int) {
	for depth > 0 {
		top := &w.stack[depth-1]
		if top.left--; top.left > 0 {
			break
		}
		if top.isMap {
			dst = append(dst, '}')
		} else {
			dst = append(dst, ']')
		}
		depth--
	}
	return dst, depth
}

// advance appends what precedes the next value: a comma and, in a map, the key and a
// colon. It skips pairs whose key the map has already.
func (w *valueWriter) advance(dst []byte, r *wire.Reader, depth, limit int) (out []byte, left int, ok bool) {
	for depth > 0 {
		before, top := len(dst), &w.stack[depth-1]
		if last := dst[before-1]; last != '{' && last != '[' {
			dst = append(dst, ',')
		}
		if !top.isMap {
			break
		}
		key := len(dst)
		if dst, ok = appendKeyWithin(dst, r, r.Next(), limit); !ok {
			return dst, depth, false
		}
		if w.keys.add(dst, key, top.object) {
			dst = append(dst, ':')
			break
		}
		r.Next()
		r.Skip()
		dst, depth = w.close(dst[:before], depth)
	}
	return dst, depth, true
}

// fits reports whether there is room for a token.
func fits(dst []byte, r *wire.Reader, kind wire.TokenKind, limit int) bool {
	if kind == wire.End || len(dst) > limit {
		return false
	}
	return kind < wire.Str || kind >= wire.Array || len(r.Bytes()) <= limit-len(dst)
}

// appendWithin appends a token that is no container, if there is room for it.
func appendWithin(dst []byte, r *wire.Reader, kind wire.TokenKind, limit int) ([]byte, bool) {
	if !fits(dst, r, kind, limit) {
		return dst, false
	}
	return appendToken(dst, r, kind), true
}

// appendKeyWithin is appendWithin for a key.
func appendKeyWithin(dst []byte, r *wire.Reader, kind wire.TokenKind, limit int) ([]byte, bool) {
	if !fits(dst, r, kind, limit) {
		return dst, false
	}
	return appendKeyToken(dst, r, kind), true
}

// appendToken appends a token that is no container, or an empty one.
func appendToken(dst []byte, r *wire.Reader, kind wire.TokenKind) []byte {
	switch kind {
	case wire.Str:
		return appendString(dst, r.Bytes())
	case wire.Integer:
		return strconv.AppendInt(dst, r.Int64(), 10)
	case wire.Unsigned:
		return strconv.AppendUint(dst, r.Uint64(), 10)
	case wire.Double:
		return appendFloat(dst, r.Float64())
	case wire.Bool:
		return strconv.AppendBool(dst, r.Bool())
	case wire.Bin:
		return appendBin(dst, r.Bytes())
	case wire.Ext:
		return appendBase64(dst, r.Bytes())
	case wire.Array:
		return append(dst, "[]"...)
	case wire.Map:
		return append(dst, "{}"...)
	default:
		return append(dst, "null"...)
	}
}

// appendKeyToken appends a token as an object's key.
func appendKeyToken(dst []byte, r *wire.Reader, kind wire.TokenKind) []byte {
	switch kind {
	case wire.Str, wire.Bin, wire.Ext:
		return appendToken(dst, r, kind)
	case wire.Array, wire.Map:
		return appendBase64(dst, r.Skip())
	default:
		dst = append(dst, '"')
		dst = appendToken(dst, r, kind)
		return append(dst, '"')
	}
}

// appendFloat appends f like encoding/json does, so that it reads back exactly; NaN and
// the infinities, which JSON does not have, become null.
func appendFloat(dst []byte, f float64) []byte {
	abs := math.Abs(f)
	if abs < 1e15 {
		if i := int64(f); float64(i) == f && (i != 0 || !math.Signbit(f)) {
			return strconv.AppendInt(dst, i, 10)
		}
	}
	if abs >= 1e-3 && abs < 1e11 {
		if n := int64(abs*1000 + 0.5); float64(n)/1000 == abs {
			return appendThousandths(dst, n, f < 0)
		}
	}
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return append(dst, "null"...)
	}
	if abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
		if n := len(dst); n >= 4 && dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' {
			dst[n-2] = dst[n-1]
			dst = dst[:n-1]
		}
		return dst
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}

// appendThousandths appends n/1000. No two decimal numbers of 15 digits or less are the
// same float64, so that this one is the shortest that reads back.
func appendThousandths(dst []byte, n int64, negative bool) []byte {
	if negative {
		dst = append(dst, '-')
	}
	dst = strconv.AppendInt(dst, n/1000, 10)
	rest := int(n % 1000)
	dst = append(dst, '.', '0'+byte(rest/100), '0'+byte(rest/10%10), '0'+byte(rest%10))
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

func appendBin(dst, b []byte) []byte {
	if utf8.Valid(b) {
		return appendString(dst, b)
	}
	return appendBase64(dst, b)
}

func appendBase64(dst, b []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '"')
}

// appendString appends s as a JSON string. It escapes only what JSON requires.
func appendString(dst, s []byte) []byte {
	dst = append(dst, '"')
	n := 0
	if len(s) <= shortText && cap(dst)-len(dst) >= shortText+8 {
		dst, n = appendShort(dst, s)
	} else {
		n = plainPrefix(s, false)
		dst = append(dst, s[:n]...)
	}
	if n < len(s) {
		dst = appendEscaped(dst, s[n:])
	}
	return append(dst, '"')
}

// shortText is the length up to which a text is copied while it is searched; longer ones
// are faster in two steps.
const shortText = 64

// appendShort appends the bytes at the start of a short s that need no escape, eight at
// a time and up to eight more than there are: dst has the room. It returns how many.
func appendShort(dst, s []byte) (out []byte, n int) {
	out = dst[len(dst) : len(dst)+shortText+8]
	for ; n+8 <= len(s); n += 8 {
		x := binary.LittleEndian.Uint64(s[n:])
		binary.LittleEndian.PutUint64(out[n:], x)
		if found := needEscape(x, highs); found != 0 {
			n += bits.TrailingZeros64(found) / 8
			return dst[:len(dst)+n], n
		}
	}
	if n == len(s) {
		return dst[:len(dst)+n], n
	}
	x := lastBytes(s, len(s)-n)
	binary.LittleEndian.PutUint64(out[n:], x)
	n = min(n+bits.TrailingZeros64(needEscape(x, highs))/8, len(s))
	return dst[:len(dst)+n], n
}

// lastBytes returns the last n bytes of s, 1 to 7, and above them zeros.
func lastBytes(s []byte, n int) uint64 {
	switch at := len(s) - n; {
	case len(s) >= 8:
		return binary.LittleEndian.Uint64(s[len(s)-8:]) >> (8 * (8 - n))
	case n >= 4:
		return uint64(binary.LittleEndian.Uint32(s[at:])) | uint64(binary.LittleEndian.Uint32(s[len(s)-4:]))<<(8*(n-4))
	default:
		return uint64(s[at]) | uint64(s[at+n/2])<<(8*(n/2)) | uint64(s[len(s)-1])<<(8*(n-1))
	}
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plainPrefix returns how many bytes at the start of s need no escape: no control
// character, no quote, no backslash, and, unless validUTF8, no byte over 0x7f.
func plainPrefix(s []byte, validUTF8 bool) int {
	mask := uint64(highs)
	if validUTF8 {
		mask = 0
	}
	i := 0
	for ; i+8 <= len(s); i += 8 {
		if found := needEscape(binary.LittleEndian.Uint64(s[i:]), mask); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	if i > 0 && i < len(s) { // the last eight bytes, of which the first are known
		found := needEscape(binary.LittleEndian.Uint64(s[len(s)-8:]), mask)
		if found == 0 {
			return len(s)
		}
		return len(s) - 8 + bits.TrailingZeros64(found)/8
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf && !validUTF8 {
			return i
		}
	}
	return i
}

// needEscape marks the bytes of x that need an escape with their high bits. Only the
// lowest mark is exact: there may be too many above it. mask is highs if bytes over
// 0x7f count too.
func needEscape(x, mask uint64) uint64 {
	quote, slash := x^ones*'"', x^ones*'\\'
	return ((x-ones*' ')&^x|(quote-ones)&^quote|(slash-ones)&^slash)&highs | x&mask
}

// appendEscaped appends s without the quotes around it.
func appendEscaped(dst, s []byte) []byte {
	valid := false
	for {
		n := plainPrefix(s, valid)
		dst = append(dst, s[:n]...)
		s = s[n:]
		if len(s) == 0 {
			return dst
		}
		if s[0] < utf8.RuneSelf {
			dst = appendEscape(dst, s[0])
			s = s[1:]
			continue
		}
		if valid = utf8.Valid(s); valid {
			continue
		}
		return appendRepaired(dst, s)
	}
}

// appendRepaired is appendEscaped for text with invalid UTF-8.
func appendRepaired(dst, s []byte) []byte {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c < ' ' || c == '"' || c == '\\' {
				dst = appendEscape(dst, c)
			} else {
				dst = append(dst, c)
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(s[i:])
		dst = utf8.AppendRune(dst, r) // RuneError for a bad byte is U+FFFD
		i += size
	}
	return dst
}

func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	default:
		return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
	}
}

// appendStringMax is appendString for as much of s, cut between characters, as fits
// limit bytes with the quotes. used is how many bytes of s that is.
func appendStringMax(dst, s []byte, limit int) (out []byte, used int) {
	if len(s)*6+2 <= limit { // the longest escape has six bytes
		return appendString(dst, s), len(s)
	}
	start := len(dst)
	dst = append(dst, '"')
	for used < len(s) {
		_, size := utf8.DecodeRune(s[used:])
		before := len(dst)
		dst = appendRepaired(dst, s[used:used+size])
		if len(dst)-start+1 > limit {
			dst = dst[:before]
			break
		}
		used += size
	}
	return append(dst, '"'), used
}
