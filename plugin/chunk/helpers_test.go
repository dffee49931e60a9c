package chunk_test

import (
	"fmt"
	"testing"

	"out_edge/build/testkit"
	"out_edge/plugin/chunk"
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
		testkit.CheckInside(tb, payload, g.ScopeName)
		testkit.CheckInside(tb, payload, g.ScopeVersion)
	}
	for _, v := range values {
		testkit.CheckInside(tb, payload, v)
		testkit.CheckValue(tb, v, len(v) > 0)
	}
}

// renderRecord writes all of a record.
func renderRecord(r *chunk.Record) string {
	s := fmt.Sprintf("#%d time=%s raw=%x meta=%s body=%s",
		r.Index, renderTime(r.Time), r.RawTime, testkit.Render(r.Metadata), testkit.Render(r.Body))
	if g := r.Group; g != nil {
		s += fmt.Sprintf(" group(resource=%s scope=%s name=%q version=%q)",
			testkit.Render(g.Resource), testkit.Render(g.Scope), g.ScopeName, g.ScopeVersion)
	}
	return s
}

func renderTime(t chunk.Time) string {
	name := [...]string{"absent", "event", "int", "uint", "float"}[t.Form]
	return fmt.Sprintf("%s:%016x", name, t.Bits)
}

// decode gives the text of each of a payload's records.
func decode(payload []byte) (records []string, d *chunk.Decoder) {
	d = new(chunk.Decoder)
	d.Reset(payload)
	for d.Next() {
		records = append(records, renderRecord(d.Record()))
	}
	return records, d
}
