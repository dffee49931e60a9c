package chunk_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"out_edge/build/testkit"
	"out_edge/plugin/chunk"
	"out_edge/plugin/wire"
)

// seeds adds the captured chunks that want names, and payloads that are bad in
// telling ways. The largest chunks are left out: a fuzzer gets nowhere with
// them.
func seeds(f *testing.F, want func(chunk.Payload) bool) {
	for _, c := range testkit.Payloads(f, "*") {
		if want(chunk.Detect(c.Payload)) && len(c.Payload) < 4096 {
			f.Add(c.Payload)
		}
	}
	for _, s := range []string{
		"", "c1", good, good + "c1" + good, "92 92" + startTime + "80" + startBody + good + "92 92" + endTime + "80 80",
		"9307 81a16da178 80", "92 91 07 80", "92 92 07 c0 de0001a161c3", "9292 c9000000080000000001ffffffff 80 df00000001 d90161 ca3fc00000",
		"dfffffffff", "92 07 dbffffffff", "9207 81a16b919191919190",
		"92 cb7ff8000000000000 82 c40161 c40162 d4ff61 cfffffffffffffffff",
	} {
		f.Add(testkit.Unhex(f, s))
	}
}

// FuzzDecode holds the Decoder, and the Values that it gives, to what they
// promise for any bytes; and Values over bytes that nobody checked.
func FuzzDecode(f *testing.F) {
	seeds(f, func(chunk.Payload) bool { return true })
	f.Fuzz(func(t *testing.T, payload []byte) {
		checkDecode(t, slices.Clip(payload))
		testkit.CheckValue(t, payload, false)
		chunk.Detect(payload)

		all, whole := decode(payload)
		cut, d := decode(slices.Clone(payload[:len(payload)/2]))
		if len(cut) > len(all) || !slices.Equal(cut, all[:len(cut)]) {
			t.Fatalf("half of the payload gives %q, all of it %q", cut, all)
		}
		if d.Undecodable() > whole.Undecodable()+1 {
			t.Fatalf("half of the payload has %d undecodable, all of it %d", d.Undecodable(), whole.Undecodable())
		}
	})
}

// FuzzAgainstMsgpack compares what is decoded with what msgpack/v5 reads from
// the same bytes: the values, and where one root value ends and the next
// begins.
func FuzzAgainstMsgpack(f *testing.F) {
	seeds(f, func(p chunk.Payload) bool { return p == chunk.Logs })
	f.Fuzz(func(t *testing.T, payload []byte) {
		var d chunk.Decoder
		d.Reset(payload)
		var bodies []string
		clean := true
		for d.Next() {
			r := d.Record()
			for _, v := range []wire.Value{r.Body, r.Metadata, r.RawTime} {
				want, err := testkit.Oracle(v)
				if got := testkit.Render(v); err != nil || got != want {
					t.Fatalf("%x\n got %s\nwant %s, error %v", []byte(v), got, want, err)
				}
			}
			clean = clean && r.Index == len(bodies) && r.Group == nil
			bodies = append(bodies, fmt.Sprintf("%x %s", r.RawTime, testkit.Render(r.Body)))
		}
		if clean && d.Undecodable() == 0 && isRunOfPairs(payload) {
			if got := oracleBodies(t, payload); len(got) >= len(bodies) && !slices.Equal(got[:len(bodies)], bodies) {
				t.Fatalf("got %q\nwant %q", bodies, got)
			}
		}
	})
}

// isRunOfPairs says whether all of payload's root values start as pairs: then
// all of them are records or group markers.
func isRunOfPairs(payload []byte) bool {
	return len(payload) > 0 && payload[0] == 0x92
}

// oracleBodies reads all root values with msgpack/v5, up to the first one that
// is no array of two, and gives the time and body of each.
func oracleBodies(t *testing.T, payload []byte) []string {
	src := bytes.NewReader(payload)
	dec := msgpack.NewDecoder(src)
	var all []string
	for src.Len() > 0 {
		if n, err := dec.DecodeArrayLen(); err != nil {
			t.Fatalf("root value: %v", err)
		} else if n != 2 {
			return all
		}
		head, err := dec.DecodeRaw()
		if err != nil {
			t.Fatalf("header: %v", err)
		}
		body, err := dec.DecodeRaw()
		if err != nil {
			t.Fatalf("body: %v", err)
		}
		text, err := testkit.Oracle(body)
		if err != nil {
			t.Fatalf("body: %v", err)
		}
		all = append(all, fmt.Sprintf("%x %s", rawTime(t, head), text))
	}
	return all
}

// rawTime takes the time out of a v1 or v2 header.
func rawTime(t *testing.T, head []byte) []byte {
	dec := msgpack.NewDecoder(bytes.NewReader(head))
	switch {
	case head[0]&0xf0 != 0x90 && head[0] != 0xdc && head[0] != 0xdd:
		return head
	default:
		if n, err := dec.DecodeArrayLen(); err != nil || n == 0 {
			return nil
		}
		time, err := dec.DecodeRaw()
		if err != nil {
			t.Fatalf("time: %v", err)
		}
		return time
	}
}
