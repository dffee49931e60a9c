package chunk_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"out_edge/build/testkit"
	"out_edge/plugin/chunk"
)

// TestGoldenChunks compares every captured log chunk, all of each record, with a
// listing that was checked against the table of what was sent.
func TestGoldenChunks(t *testing.T) {
	var out strings.Builder
	for _, c := range testkit.Payloads(t, "*") {
		kind := chunk.Detect(c.Payload)
		fmt.Fprintf(&out, "%s: %s\n", c, payloadName(kind))
		if kind != chunk.Logs {
			continue
		}
		records, d := decode(c.Payload)
		for _, r := range records {
			fmt.Fprintf(&out, "  %s\n", r)
		}
		if d.Undecodable() != 0 || d.Truncated() {
			t.Errorf("%s: undecodable %d, truncated %v", c, d.Undecodable(), d.Truncated())
		}
	}
	testkit.Golden(t, "chunks.txt", out.String())
}

func payloadName(p chunk.Payload) string {
	return [...]string{"logs", "metrics", "traces", "unknown"}[p]
}

// TestBothHostsAlike compares the records that the two hosts were sent alike:
// only the widths of their headers differ.
func TestBothHostsAlike(t *testing.T) {
	bodies := map[string][]string{}
	for _, c := range testkit.Payloads(t, "*") {
		var d chunk.Decoder
		d.Reset(c.Payload)
		for d.Next() {
			r := d.Record()
			text := fmt.Sprintf("%s %s %s", renderTime(r.Time), testkit.Render(r.Metadata), testkit.Render(r.Body))
			bodies[c.Host+" "+c.Name] = append(bodies[c.Host+" "+c.Name], text)
		}
	}
	for _, name := range []string{"fw.all.1", "fw.packed.1", "fw.t00.1", "fw.t01.1", "fw.t02.1", "fw.t06.1", "fw.t09.1", "fw.msg06.1"} {
		amd64, armv7 := bodies["amd64-v5.1.1 "+name], bodies["armv7-v4.2.0 "+name]
		if len(amd64) == 0 {
			t.Errorf("%s: no records", name)
		}
		if !slices.Equal(stripEmpty(amd64), stripEmpty(armv7)) {
			t.Errorf("%s\n amd64 %q\n armv7 %q", name, amd64, armv7)
		}
	}
}

// stripEmpty makes no difference between no metadata and an empty map.
func stripEmpty(texts []string) []string {
	var out []string
	for _, s := range texts {
		out = append(out, strings.Replace(s, " {} ", " - ", 1))
	}
	return out
}

// TestEveryPrefix cuts every log chunk at every byte: what stands before the
// cut is given, nothing else, and the cut is noticed unless it falls between
// two root values.
func TestEveryPrefix(t *testing.T) {
	for _, c := range testkit.Payloads(t, "*") {
		if chunk.Detect(c.Payload) != chunk.Logs {
			continue
		}
		all, _ := decode(c.Payload)
		seen := 0
		for n := range len(c.Payload) + 1 {
			records, d := decode(slices.Clone(c.Payload[:n]))
			if len(records) < seen || !slices.Equal(records, all[:len(records)]) {
				t.Fatalf("%s cut at %d: %d records after %d, or other ones", c, n, len(records), seen)
			}
			seen = len(records)
			if want := map[bool]int{true: 1}[d.Truncated()]; d.Undecodable() != want {
				t.Fatalf("%s cut at %d: undecodable %d, want %d", c, n, d.Undecodable(), want)
			}
			if n == len(c.Payload) && (d.Truncated() || seen != len(all)) {
				t.Fatalf("%s: whole chunk truncated %v, %d of %d records", c, d.Truncated(), seen, len(all))
			}
		}
	}
}

// TestEveryByteCorrupt puts each of a few telling bytes at each place of every
// chunk (at thirty places of the large ones) and decodes what it is then.
func TestEveryByteCorrupt(t *testing.T) {
	for _, c := range testkit.Payloads(t, "*") {
		if chunk.Detect(c.Payload) != chunk.Metrics { // they are package cmetrics'
			testkit.Corrupt(c.Payload, func(payload []byte) { checkDecode(t, payload) })
		}
	}
}
