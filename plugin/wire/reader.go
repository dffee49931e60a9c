package wire

import (
	"encoding/binary"
	"math"
)

// TokenKind is the kind of one token.
type TokenKind uint8

// The kinds of tokens are those of MessagePack, whatever width the sender chose.
const (
	End      TokenKind = iota // the end of the value, or the bytes are not a value
	Nil                       // nil
	Bool                      // Reader.Bool
	Integer                   // an integer within int64: Reader.Int64
	Unsigned                  // an integer over math.MaxInt64: Reader.Uint64
	Double                    // float32 or float64: Reader.Float64
	Str                       // Reader.Bytes; it need not be UTF-8
	Bin                       // Reader.Bytes
	Ext                       // Reader.ExtType and Reader.Bytes
	Array                     // Reader.Len elements follow
	Map                       // Reader.Len pairs follow: key, value, key, value, ...
)

// Reader returns the tokens of one Value in order: a container's token, then those of
// its content. It keeps no stack; a caller that needs to know where a container ends
// counts its elements. A checked Value is never nested deeper than MaxDepth.
//
// Bool, Int64, Uint64, Float64, Bytes, ExtType and Len describe the token that Next
// returned last, and are valid only for the kinds that name them.
type Reader struct {
	buf   []byte
	pos   int    // of the next token
	start int    // of this token
	need  int    // values still to come
	bits  uint64 // of a number or bool; a container's length; an ext's type
	from  int    // where a str's, bin's or ext's content starts; it ends at pos
	kind  TokenKind
	bad   bool
}

// Reader returns a token stream over the value. That of an empty Value is at its end.
func (v Value) Reader() Reader {
	return Reader{buf: v, need: min(len(v), 1)}
}

// Kind is what Next returned last.
func (r *Reader) Kind() TokenKind { return r.kind }

// IsContainer reports whether values follow that belong to the token.
func (r *Reader) IsContainer() bool { return r.kind >= Array }

// Text is the content of a Str or Bin, a view; nil for all other kinds.
func (r *Reader) Text() []byte {
	if r.kind != Str && r.kind != Bin {
		return nil
	}
	return r.Bytes()
}

// Integer is the value of an Integer; false for all other kinds.
func (r *Reader) Integer() (int64, bool) {
	if r.kind != Integer {
		return 0, false
	}
	return r.Int64(), true
}

// Unsigned is the value of an Unsigned, or of an Integer that is not negative; false for
// all others.
func (r *Reader) Unsigned() (uint64, bool) {
	switch r.kind {
	case Integer:
		return r.bits, int64(r.bits) >= 0
	case Unsigned:
		return r.bits, true
	default:
		return 0, false
	}
}

// Number is the value of any number; false for all other kinds.
func (r *Reader) Number() (float64, bool) {
	switch r.kind {
	case Integer, Unsigned, Double:
		return r.Float64(), true
	default:
		return 0, false
	}
}

// Key advances to the next pair's value, and returns the key's text, nil for a key of
// another kind.
func (r *Reader) Key() []byte {
	r.Next()
	key := r.Text()
	r.Leave()
	r.Next()
	return key
}

// Leave skips the content of the container that Next returned last, like Skip.
func (r *Reader) Leave() {
	if r.IsContainer() {
		r.Skip()
	}
}

// Bool is the value of a Bool.
func (r *Reader) Bool() bool { return r.bits != 0 }

// Int64 is the value of an Integer.
func (r *Reader) Int64() int64 { return int64(r.bits) }

// Uint64 is the value of an Unsigned, or of an Integer that is not negative.
func (r *Reader) Uint64() uint64 { return r.bits }

// Bytes is the content of a Str, Bin or Ext, a view.
func (r *Reader) Bytes() []byte { return r.buf[r.from:r.pos:r.pos] }

// Len is the number of an Array's elements or a Map's pairs.
func (r *Reader) Len() int { return int(r.bits) }

// ExtType is the application's type of an Ext.
func (r *Reader) ExtType() int8 { return int8(r.bits) }

// Match skips the next token if it is token, a scalar's or text's whole value, and
// reports whether it was. What describes a token is not valid after it.
func (r *Reader) Match(token Value) bool {
	end := r.pos + len(token)
	if r.need == 0 || end > len(r.buf) || string(r.buf[r.pos:end]) != string(token) {
		return false
	}
	r.pos = end
	r.need--
	return true
}

// Offset is where the next token begins.
func (r *Reader) Offset() int { return r.pos }

// Since returns what was read since the next token began at an offset: a whole value, if
// it was.
func (r *Reader) Since(offset int) Value { return Value(r.buf[offset:r.pos:r.pos]) }

// Failed reports whether the stream ended because the bytes are not a value. That
// cannot happen for a checked Value.
func (r *Reader) Failed() bool { return r.bad }

// Skip skips the content of the container that Next returned last (nothing for other
// kinds) and returns the whole container. It must be called before the following Next.
func (r *Reader) Skip() Value {
	switch {
	case r.kind == End:
		return nil
	case r.kind < Array:
		return Value(r.buf[r.start:r.pos:r.pos])
	}
	end, ok := Skip(r.buf, r.start)
	if !ok {
		r.fail()
		return nil
	}
	if r.pos < end {
		r.need -= r.inner()
		r.pos = end
	}
	return Value(r.buf[r.start:end:end])
}

// inner is the number of values directly in the token's container.
func (r *Reader) inner() int {
	switch r.kind {
	case Array:
		return int(r.bits)
	case Map:
		return int(r.bits) * 2
	default:
		return 0
	}
}

// Float64 is the value of a Double, or of an Integer or Unsigned as float64.
func (r *Reader) Float64() float64 {
	switch r.kind {
	case Double:
		return math.Float64frombits(r.bits)
	case Unsigned:
		return float64(r.bits)
	default:
		return float64(int64(r.bits))
	}
}

func (r *Reader) fail() TokenKind {
	r.bad = true
	r.need = 0
	r.kind = End
	return End
}

// Next advances to the next token and returns its kind, or End.
func (r *Reader) Next() TokenKind {
	if r.need == 0 {
		r.kind = End
		return End
	}
	p := r.buf
	i := r.pos
	if uint(i) >= uint(len(p)) {
		return r.fail()
	}
	b := p[i]
	r.start = i
	r.need--
	if b < headFixMap {
		r.pos = i + 1
		r.bits = uint64(b)
		r.kind = Integer
		return Integer
	}
	w := int(widths[b])
	if w > len(p)-i {
		return r.fail()
	}
	switch {
	case w == 0 && b == headStr8 && len(p)-i > 1 && int(p[i+1]) <= len(p)-i-2: // most texts over 31 bytes
		r.from = i + 2
		r.pos = i + 2 + int(p[i+1])
		r.kind = Str
	case w == 0:
		r.kind = r.long(b)
	case b < headNil:
		r.pos = i + w
		r.from = i + 1
		r.kind = Str
	default:
		r.pos = i + w
		r.from = i + 1
		r.kind = r.plain(b, p[i+1:i+w])
	}
	return r.kind
}

// plain reads a value of fixed width other than positive fixint and fixstr; body is
// what follows its head.
func (r *Reader) plain(b byte, body []byte) TokenKind {
	switch b {
	case headNil:
		return Nil
	case headFalse:
		r.bits = 0
		return Bool
	case headTrue:
		r.bits = 1
		return Bool
	case headFloat32:
		r.bits = math.Float64bits(float32At(body))
		return Double
	case headFloat64:
		r.bits = binary.BigEndian.Uint64(body)
		return Double
	case headUint8:
		r.bits = uint64(body[0])
	case headUint16:
		r.bits = uint64(binary.BigEndian.Uint16(body))
	case headUint32:
		r.bits = uint64(binary.BigEndian.Uint32(body))
	case headUint64:
		r.bits = binary.BigEndian.Uint64(body)
		if r.bits > math.MaxInt64 {
			return Unsigned
		}
	case headInt8:
		r.bits = uint64(int64(int8(body[0])))
	case headInt16:
		r.bits = uint64(int64(int16(binary.BigEndian.Uint16(body))))
	case headInt32:
		r.bits = uint64(int64(int32(binary.BigEndian.Uint32(body))))
	case headInt64:
		r.bits = binary.BigEndian.Uint64(body)
	case headFixExt1, headFixExt1 + 1, headFixExt1 + 2, headFixExt8, headFixExt16:
		r.bits = uint64(body[0])
		r.from++
		return Ext
	default: // negative fixint
		r.bits = uint64(int64(int8(b)))
	}
	return Integer
}

// long reads a value whose length does not follow from its head byte.
func (r *Reader) long(b byte) TokenKind {
	next, inner, ok := Open(r.buf, r.start)
	if !ok || b == headNever || inner > len(r.buf)-next-r.need {
		return r.fail()
	}
	r.pos = next
	switch {
	case b < headFixArray || b >= headMap16:
		r.bits = uint64(inner / 2)
		r.need += inner
		return Map
	case b < headFixStr || b >= headArray16:
		r.bits = uint64(inner)
		r.need += inner
		return Array
	case b >= headStr8:
		r.from = r.start + 1 + 1<<(b-headStr8)
		return Str
	case b <= headBin32:
		r.from = r.start + 1 + 1<<(b-headBin8)
		return Bin
	default:
		r.from = r.start + 1 + 1<<(b-headExt8) + 1
		r.bits = uint64(r.buf[r.from-1])
		return Ext
	}
}
