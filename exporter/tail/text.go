package tail

import (
	"strconv"

	"out_edge/plugin/wire"
)

// mainKeys are the fields that hold a record's text, in the order of preference.
var mainKeys = [...]string{"log", "message", "MESSAGE", "msg"}

// maxDepth is how deep maps and arrays are written.
const maxDepth = 3

// writer writes a record into a buffer of a fixed size.
type writer struct {
	to   []byte
	room int // what of to may be used
}

// appendBody writes a record: its main text first, then the other fields. cut means that
// there was no room for all of it.
func appendBody(to []byte, body wire.Value, most int) (text []byte, cut bool) {
	w := writer{to: to, room: most}
	main := ""
	for _, key := range mainKeys {
		if content, ok := body.Get(key).Bytes(); ok && len(content) > 0 {
			main = key
			w.bytes(content)
			break
		}
	}
	w.pairs(body, main, 0)
	return w.to, w.isFull()
}

func (w *writer) isFull() bool { return len(w.to) >= w.room }

func (w *writer) bytes(b []byte) { w.to = append(w.to, b[:min(len(b), w.room-len(w.to))]...) }

func (w *writer) text(s string) { w.to = append(w.to, s[:min(len(s), w.room-len(w.to))]...) }

// pairs writes a map's fields but the one named skip.
func (w *writer) pairs(m wire.Value, skip string, depth int) {
	it := m.Map()
	for !w.isFull() {
		k, v, ok := it.Next()
		if !ok {
			return
		}
		key, isText := k.Bytes()
		if isText && skip != "" && string(key) == skip {
			continue
		}
		if n := len(w.to); n > 0 && w.to[n-1] != '{' {
			w.text(" ")
		}
		if !isText {
			key = nil
		}
		w.bytes(key)
		w.text("=")
		if isSecretName(key) {
			w.text(hidden)
			continue
		}
		w.value(v, depth)
	}
}

// value writes one value.
func (w *writer) value(v wire.Value, depth int) {
	var number [32]byte
	r := v.Reader()
	switch r.Next() {
	case wire.Str, wire.Bin:
		w.bytes(r.Bytes())
	case wire.Integer:
		w.bytes(strconv.AppendInt(number[:0], r.Int64(), 10))
	case wire.Unsigned:
		w.bytes(strconv.AppendUint(number[:0], r.Uint64(), 10))
	case wire.Double:
		w.bytes(strconv.AppendFloat(number[:0], r.Float64(), 'g', 6, 64))
	case wire.Bool:
		w.bytes(strconv.AppendBool(number[:0], r.Bool()))
	case wire.Nil:
		w.text("null")
	case wire.Map, wire.Array:
		w.nested(v, depth+1)
	default:
		w.text("?")
	}
}

// nested writes a map or an array.
func (w *writer) nested(v wire.Value, depth int) {
	if depth > maxDepth {
		w.text("…")
		return
	}
	if v.IsMap() {
		w.text("{")
		w.pairs(v, "", depth)
		w.text("}")
		return
	}
	w.text("[")
	it := v.Array()
	for i := 0; !w.isFull(); i++ {
		one, ok := it.Next()
		if !ok {
			break
		}
		if i > 0 {
			w.text(" ")
		}
		w.value(one, depth)
	}
	w.text("]")
}
