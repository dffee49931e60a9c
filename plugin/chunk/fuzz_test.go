package chunk_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"out_edge/plugin/chunk"
	"out_edge/plugin/cmetrics"
	"out_edge/plugin/wire"
)

// seeds adds the captured chunks that want names, and payloads that are bad in
// telling ways. The largest chunks are left out: a fuzzer gets nowhere with
// them.
func seeds(f *testing.F, want func(chunk.Payload) bool) {
	for _, c := range chunks(f) {
		if want(chunk.Detect(c.payload)) && len(c.payload) < 4096 {
			f.Add(c.payload)
		}
	}
	for _, s := range []string{
		"", "c1", good, good + "c1" + good, "92 92" + startTime + "80" + startBody + good + "92 92" + endTime + "80 80",
		"9307 81a16da178 80", "92 91 07 80", "92 92 07 c0 de0001a161c3", "9292 c9000000080000000001ffffffff 80 df00000001 d90161 ca3fc00000",
		"dfffffffff", "92 07 dbffffffff", "9207 81a16b919191919190",
		"92 cb7ff8000000000000 82 c40161 c40162 d4ff61 cfffffffffffffffff",
	} {
		f.Add(unhex(f, s))
	}
}

// FuzzDecode holds the Decoder, and the Values that it gives, to what they
// promise for any bytes; and Values over bytes that nobody checked.
func FuzzDecode(f *testing.F) {
	seeds(f, func(chunk.Payload) bool { return true })
	f.Fuzz(func(t *testing.T, payload []byte) {
		checkDecode(t, slices.Clip(payload))
		checkValue(t, payload, false)
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
				want, err := oracle(v)
				if got := render(v); err != nil || got != want {
					t.Fatalf("%x\n got %s\nwant %s, error %v", []byte(v), got, want, err)
				}
			}
			clean = clean && r.Index == len(bodies) && r.Group == nil
			bodies = append(bodies, fmt.Sprintf("%x %s", r.RawTime, render(r.Body)))
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
		text, err := oracle(body)
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

// FuzzMetrics holds AppendMetrics to the contract of Sample for any bytes.
func FuzzMetrics(f *testing.F) {
	seeds(f, func(p chunk.Payload) bool { return p == chunk.Metrics })
	f.Add(event(f, list{list{"site", "s1"}},
		metric(counter, list{"k"}, object{"aggregation_type": 1}, object{"ts": 1, "value": 7.5, "labels": list{"v"}}),
		metric(gauge, list{"a", nil}, nil, object{"ts": 1, "value_int64": -5, "labels": list{"", "x"}}),
		metric(summary, list{}, object{"quantiles": list{0.5}}, object{"summary": object{"quantiles_set": 1, "quantiles": list{1.5}, "count": 1, "sum": 2}}),
		metric(histogram, list{}, object{"buckets": list{1.0}, "aggregation_type": 1}, object{"histogram": object{"buckets": list{1, 1}, "sum": 0.5, "count": 2}}),
		metric(untyped, list{}, nil, object{"value": 1.0}),
		metric(expHistogram, list{}, nil, object{"value": 1.0})))
	f.Fuzz(func(t *testing.T, payload []byte) {
		in := cmetrics.Interner{Limit: 4}
		samples, err := cmetrics.Append(nil, payload, arrival, &in)
		checkSamples(t, samples)
		if len(samples) > len(payload)/8 || in.Len() > 8 {
			t.Fatalf("%d samples and %d series of %d bytes", len(samples), in.Len(), len(payload))
		}
		again, errAgain := cmetrics.Append(nil, payload, arrival, &in)
		if len(again) != len(samples) || fmt.Sprint(err) != fmt.Sprint(errAgain) {
			t.Fatalf("%d samples, then %d; error %v, then %v", len(samples), len(again), err, errAgain)
		}
	})
}
