package chunk_test

import (
	"math"
	"slices"
	"testing"
	"unsafe"

	"out_edge/plugin/chunk"
	"out_edge/plugin/metric"
	"out_edge/plugin/wire"
)

// checkDecode decodes any bytes and holds the Decoder to what it promises
// whatever they are.
func checkDecode(tb testing.TB, payload []byte) {
	tb.Helper()
	var d chunk.Decoder
	d.Reset(payload)
	last, records := -1, 0
	for d.Next() {
		r := d.Record()
		records++
		if r.Index <= last {
			tb.Fatalf("index %d after %d", r.Index, last)
		}
		last = r.Index
		checkRecord(tb, payload, r)
	}
	if records+d.Undecodable() > len(payload) {
		tb.Fatalf("%d records and %d undecodable in %d bytes", records, d.Undecodable(), len(payload))
	}
	if d.Truncated() && d.Undecodable() == 0 {
		tb.Fatal("truncated, but nothing undecodable")
	}
	if d.Next() {
		tb.Fatal("a record after the end")
	}
}

func checkRecord(tb testing.TB, payload []byte, r *chunk.Record) {
	tb.Helper()
	if r.Body.Kind() != wire.Map {
		tb.Fatalf("record %d: body of kind %d", r.Index, r.Body.Kind())
	}
	if len(r.Metadata) > 0 && r.Metadata.Kind() != wire.Map {
		tb.Fatalf("record %d: metadata of kind %d", r.Index, r.Metadata.Kind())
	}
	values := []wire.Value{r.RawTime, r.Body, r.Metadata}
	if g := r.Group; g != nil {
		values = append(values, g.Resource, g.Scope)
		checkInside(tb, payload, g.ScopeName)
		checkInside(tb, payload, g.ScopeVersion)
	}
	for _, v := range values {
		checkInside(tb, payload, v)
		checkValue(tb, v, len(v) > 0)
	}
}

// checkInside sees to it that a view lies in the payload and cannot be
// appended to in place.
func checkInside(tb testing.TB, payload, view []byte) {
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

// checkValue reads a value in every way there is. Only one that a Decoder has
// checked must be whole.
func checkValue(tb testing.TB, v wire.Value, checked bool) {
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

// checkSamples holds samples to the contract of Sample, whatever they were
// decoded from.
func checkSamples(tb testing.TB, samples []metric.Sample) {
	tb.Helper()
	for _, s := range samples {
		if !validName(s.Series.Name, ":") || s.Series.DatadogName == "" && hasLetter(s.Series.Name) {
			tb.Fatalf("names %q, %q", s.Series.Name, s.Series.DatadogName)
		}
		if s.UnixNano <= 0 {
			tb.Fatalf("time %d", s.UnixNano)
		}
		for i, l := range s.Series.Labels {
			if !validName(l.Name, "") || l.Value == "" {
				tb.Fatalf("label %q=%q", l.Name, l.Value)
			}
			if i > 0 && l.Name <= s.Series.Labels[i-1].Name {
				tb.Fatalf("label %q after %q", l.Name, s.Series.Labels[i-1].Name)
			}
		}
		isDist := s.Series.Kind == metric.Histogram || s.Series.Kind == metric.Summary
		if isDist != (s.Dist != nil) {
			tb.Fatalf("kind %d with distribution %v", s.Series.Kind, s.Dist)
		}
		if isDist {
			checkDistribution(tb, s.Series.Kind, s.Dist)
		}
	}
}

func checkDistribution(tb testing.TB, kind metric.Kind, d *metric.Distribution) {
	tb.Helper()
	if !slices.IsSorted(d.Bounds) || slices.ContainsFunc(d.Bounds, math.IsNaN) {
		tb.Fatalf("bounds %v", d.Bounds)
	}
	if kind == metric.Summary {
		if len(d.Values) != len(d.Bounds) || d.Counts != nil {
			tb.Fatalf("summary %+v", d)
		}
		return
	}
	if len(d.Counts) != len(d.Bounds) || d.Values != nil {
		tb.Fatalf("histogram %+v", d)
	}
}

func validName(name, extra string) bool {
	for i, c := range name {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || extra != "" && c == ':'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

func hasLetter(s string) bool {
	return slices.ContainsFunc([]byte(s), func(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' })
}
