package testkit

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"out_edge/plugin/wire"
)

// CheckInside checks that a view is inside the payload and cannot be appended to in
// place.
func CheckInside(tb testing.TB, payload, view []byte) {
	tb.Helper()
	if len(view) == 0 {
		return
	}
	from := uintptr(unsafe.Pointer(unsafe.SliceData(view))) - uintptr(unsafe.Pointer(unsafe.SliceData(payload)))
	if from > uintptr(len(payload)) || from+uintptr(len(view)) > uintptr(len(payload)) {
		tb.Fatalf("view of %d bytes at %d of a payload of %d", len(view), from, len(payload))
	}
	if cap(view) != len(view) {
		tb.Fatalf("view of %d bytes has room for %d", len(view), cap(view))
	}
}

// CheckValue reads a value in every possible way. Only one that a Decoder has checked
// must be complete.
func CheckValue(tb testing.TB, v wire.Value, checked bool) {
	tb.Helper()
	r := v.Reader()
	tokens, containers := 0, 0
	for kind := r.Next(); kind != wire.End; kind = r.Next() {
		tokens++
		switch kind {
		case wire.Array, wire.Map:
			containers++
			if r.Len() > len(v) {
				tb.Fatalf("a container of %d in %d bytes", r.Len(), len(v))
			}
		case wire.Str, wire.Bin, wire.Ext:
			if len(r.Bytes()) > len(v) {
				tb.Fatalf("%d bytes of text in %d", len(r.Bytes()), len(v))
			}
		}
	}
	if tokens > len(v) {
		tb.Fatalf("%d tokens in %d bytes", tokens, len(v))
	}
	if checked && (r.Failed() || tokens == 0) {
		tb.Fatalf("a checked value cannot be read: %x", []byte(v))
	}
	_, _ = v.Bool()
	_, _ = v.Int64()
	_, _ = v.Uint64()
	_, _ = v.Float64()
	_, _ = v.Bytes()
	_ = v.Get("resource")
	checkIterators(tb, v, checked)

	skipper := v.Reader()
	if kind := skipper.Next(); kind != wire.End {
		if whole := skipper.Skip(); checked && (len(whole) != len(v) || skipper.Next() != wire.End) {
			tb.Fatalf("skipping gives %d of %d bytes", len(whole), len(v))
		}
	}
}

func checkIterators(tb testing.TB, v wire.Value, checked bool) {
	tb.Helper()
	n := 0
	pairs := v.Map()
	for _, _, ok := pairs.Next(); ok; _, _, ok = pairs.Next() {
		n++
	}
	elements := v.Array()
	for _, ok := elements.Next(); ok; _, ok = elements.Next() {
		n++
	}
	if n > len(v) || checked && n != v.Len() {
		tb.Fatalf("iterators give %d of %d in %d bytes", n, v.Len(), len(v))
	}
}

// Render returns a value as text, close to JSON, that differs for every kind, also for
// str and bin. It reads tokens.
func Render(v wire.Value) string {
	if len(v) == 0 {
		return "-"
	}
	var b strings.Builder
	r := v.Reader()
	renderNext(&b, &r)
	if kind := r.Next(); kind != wire.End || r.Failed() {
		fmt.Fprintf(&b, "!kind %d after the end, failed %v", kind, r.Failed())
	}
	return b.String()
}

func renderNext(b *strings.Builder, r *wire.Reader) {
	switch kind := r.Next(); kind {
	case wire.Nil:
		b.WriteString("nil")
	case wire.Bool:
		fmt.Fprint(b, r.Bool())
	case wire.Integer:
		fmt.Fprint(b, r.Int64())
	case wire.Unsigned:
		fmt.Fprint(b, r.Uint64())
	case wire.Double:
		renderFloat(b, r.Float64())
	case wire.Str:
		fmt.Fprintf(b, "%q", r.Bytes())
	case wire.Bin:
		fmt.Fprintf(b, "bin%q", r.Bytes())
	case wire.Ext:
		fmt.Fprintf(b, "ext%d%q", r.ExtType(), r.Bytes())
	case wire.Array:
		n := r.Len()
		b.WriteString("[")
		for i := range n {
			renderComma(b, i)
			renderNext(b, r)
		}
		b.WriteString("]")
	case wire.Map:
		n := r.Len()
		b.WriteString("{")
		for i := range n {
			renderComma(b, i)
			renderNext(b, r)
			b.WriteString(": ")
			renderNext(b, r)
		}
		b.WriteString("}")
	default:
		fmt.Fprintf(b, "!kind %d", kind)
	}
}

func renderComma(b *strings.Builder, i int) {
	if i > 0 {
		b.WriteString(", ")
	}
}

func renderFloat(b *strings.Builder, f float64) {
	b.WriteString("f" + strconv.FormatFloat(f, 'g', -1, 64))
}
