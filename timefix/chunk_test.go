package timefix_test

import (
	"encoding/binary"
	"encoding/hex"
	"testing"
	"time"

	"out_edge/timefix"
)

// What Fluent Bit hands on of forward-protocol records {"m":"x"}, captured from
// v4.2.0 on 32-bit ARM: one chunk each, and a PackedForward blob with all of the
// sender's times untouched. All were sent for 1764771798.767208589.
const (
	chunkRight      = "dd00000002dd00000002d700693047d62dbaac8d8081a16da178" // EventTime
	chunkMs         = "dd00000002dd00000002d700e4989eef000000008081a16da178" // from uint64 ms
	chunkUpstream   = "dd00000002dd00000002d700e4988e2f2dbaac8d8081a16da178" // wrapped by an upstream node
	chunkBadNsec    = "dd00000002dd00000002d700693047d6ee6b28008081a16da178" // nsec 4000000000
	chunkNaN        = "dd00000002dd00000002d70000000000000000008081a16da178" // from float64 NaN
	chunkNs         = "dd00000002dd00000002d700cf25888d000000008081a16da178" // from uint64 ns
	packedForward   = "92ce693047d681a16da17892cb41da4c11f5a0000081a16da17892d700693047d62dbaac8d81a16da17892d2e4989eef81a16da178" + "92d3ffffffffe4989eef81a16da17892cf0000019ae4989eef81a16da17892d700e4988e2f2dbaac8d81a16da17892d700693047d6ee6b280081a16da178" + "92cb7ff800000000000081a16da17892c70800693047d60000000581a16da17892cf187dba99cf25888d81a16da178"
	packedBody      = "\x81\xa1m\xa1x"
	arrayOfTwoWide  = "\xdd\x00\x00\x00\x02"
	arrayOfTwoShort = "\x92"
)

// times reads the times of a run of such records.
func times(t *testing.T, chunk string) (raws []timefix.Raw) {
	t.Helper()
	b, err := hex.DecodeString(chunk)
	if err != nil {
		t.Fatal(err)
	}
	skip := func(prefix string) bool {
		found := len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
		if found {
			b = b[len(prefix):]
		}
		return found
	}
	for len(b) > 0 {
		for skip(arrayOfTwoWide) || skip(arrayOfTwoShort) {
		}
		raws = append(raws, timeOf(t, &b))
		skip("\x80")
		if !skip(packedBody) {
			t.Fatalf("not a record: %x", b)
		}
	}
	return raws
}

func timeOf(t *testing.T, b *[]byte) timefix.Raw {
	t.Helper()
	kinds := map[byte]struct{ skip, size int }{0xce: {1, 4}, 0xcf: {1, 8}, 0xd2: {1, 4}, 0xd3: {1, 8}, 0xcb: {1, 8}, 0xd7: {2, 8}, 0xc7: {3, 8}}
	code := (*b)[0]
	kind, ok := kinds[code]
	if !ok {
		t.Fatalf("not a time: %x", *b)
	}
	data := make([]byte, 8)
	copy(data[8-kind.size:], (*b)[kind.skip:kind.skip+kind.size])
	*b = (*b)[kind.skip+kind.size:]
	bits := binary.BigEndian.Uint64(data)
	switch code {
	case 0xd2:
		return signed(int64(int32(bits)))
	case 0xd3:
		return signed(int64(bits))
	case 0xcb:
		return timefix.Raw{Form: timefix.Float, Bits: bits}
	case 0xd7, 0xc7:
		return timefix.Raw{Form: timefix.EventTime, Bits: bits}
	}
	return unsigned(bits)
}

func TestRealChunks(t *testing.T) {
	nano := time.Unix(1764771798, 767208589)
	second, milli := nano.Truncate(time.Second), nano.Truncate(time.Millisecond)
	arrived := nano.Add(1500 * time.Millisecond)
	// The upstream node's 1764771794479 ms are 4.3 s off for a reason of its
	// own, and its nsec is of no whole second: the ms stand.
	upstream := time.UnixMilli(1764771794479)
	type result struct {
		want    time.Time
		verdict timefix.Verdict
	}
	for _, c := range []struct {
		name, chunk string
		want        []result
	}{
		{"right", chunkRight, []result{{nano, timefix.OK}}},
		{"ms", chunkMs, []result{{milli, timefix.WrappedMs}}},
		{"upstream", chunkUpstream, []result{{upstream, timefix.WrappedMs}}},
		{"bad nsec", chunkBadNsec, []result{{second.Add(4e9), timefix.BadNsec}}},
		{"NaN", chunkNaN, []result{{arrived, timefix.Arrival}}},
		// Seen once, the low 32 bits of ns might be ms of four days ago, or
		// anything else; a stream of them is found out.
		{"ns", chunkNs, []result{{arrived, timefix.Arrival}}},
		{"packed", packedForward, []result{
			{second, timefix.OK}, {second.Add(5e8), timefix.OK}, {nano, timefix.OK},
			{milli, timefix.WrappedMs}, {milli, timefix.WrappedMs}, {milli, timefix.ScaledMs},
			{upstream, timefix.WrappedMs}, {second.Add(4e9), timefix.BadNsec}, {arrived, timefix.Arrival},
			{second.Add(5), timefix.OK}, {nano, timefix.ScaledNs},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := send(timefix.New(timefix.Config{}), "tag", at(arrived), times(t, c.chunk)...)
			if len(got) != len(c.want) {
				t.Fatalf("%d records, want %d", len(got), len(c.want))
			}
			for i, w := range c.want {
				want(t, got[i], w.want, w.verdict)
			}
		})
	}
}

// TestDatadogProduct: what Fluent Bit's own output on 32-bit ARM sent to Datadog
// at 1795238791 s, computed in a 32-bit long, can be undone exactly: a single one
// for three hours, one of a known source for 49 days.
func TestDatadogProduct(t *testing.T) {
	truth := time.UnixMilli(1795238791279)
	want(t, one(signed(-57538449), truth.Add(3*time.Hour)), truth, timefix.WrappedMs)
	late := truth.Add(20 * day)
	want(t, one(signed(-57538449), late), late, timefix.Arrival)
	for _, age := range []time.Duration{20 * day, 49 * day} {
		f := knownAt(truth.Add(age))
		want(t, send(f, "tag", at(truth.Add(age)), signed(-57538449))[0], truth, timefix.WrappedMs)
	}
}

// knownAt is a Fixer that found the source "tag" to wrap in the two minutes before.
func knownAt(now time.Time) *timefix.Fixer {
	f := timefix.New(timefix.Config{})
	for d := -2 * time.Minute; d < 0; d += time.Minute {
		send(f, "tag", clockAt(now, d), wrapped(now.Add(d), time.Millisecond))
	}
	return f
}
