package e2e_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/intake"
)

// eventTime, number and real are times as they stand in a payload.
func eventTime(at time.Time) []byte {
	b := binary.BigEndian.AppendUint32([]byte{0xd7, 0x00}, uint32(at.Unix()))
	return binary.BigEndian.AppendUint32(b, uint32(at.Nanosecond()))
}

func number(n int64) []byte { return binary.BigEndian.AppendUint64([]byte{0xd3}, uint64(n)) }

func real(f float64) []byte {
	return binary.BigEndian.AppendUint64([]byte{0xcb}, math.Float64bits(f))
}

// sentAs is a time as a source sends it, and when Datadog has to show it; zero is
// the arrival.
type sentAs struct {
	raw  []byte
	want time.Time
}

// wrongTimes are issues with dates by name; what stands under one name is one chunk.
func wrongTimes(now time.Time) map[string][]sentAs {
	const day = 24 * time.Hour
	all := map[string][]sentAs{}
	arrives := func(name string, raw []byte) { all[name] = append(all[name], sentAs{raw: raw}) }
	for _, ahead := range []time.Duration{20 * time.Minute, 3 * time.Hour, 9 * time.Hour, 2 * day, 3 * day, 20 * day, 31 * day, 365 * day, 3653 * day} {
		at := now.Add(ahead)
		arrives(fmt.Sprint("clock ahead ", ahead), eventTime(at))
		arrives(fmt.Sprint("s ahead ", ahead), number(at.Unix()))
		arrives(fmt.Sprint("float ahead ", ahead), real(float64(at.Unix())))
		arrives(fmt.Sprint("ms ahead ", ahead), number(at.UnixMilli()))
		arrives(fmt.Sprint("us ahead ", ahead), number(at.UnixMicro()))
		arrives(fmt.Sprint("ns ahead ", ahead), number(at.UnixNano()))
	}
	for _, year := range []int{1900, 1904, 1970, 1975, 1980, 1999, 2000, 2001, 2010, 2013, 2014} {
		for _, d := range []int{1, 4, 60, 200} {
			at := time.Date(year, 1, d, 0, 0, 9, 0, time.UTC)
			name := fmt.Sprintf("dead clock %d, day %d", year, d)
			for i := range 3 { // a live chunk
				arrives(name, eventTime(at.Add(time.Duration(i)*time.Second)))
			}
		}
	}
	for _, n := range []int64{math.MaxInt32, math.MinInt32, math.MaxUint32, 0} {
		arrives(fmt.Sprint("constant ", n), number(n))
	}
	for _, d := range []int{5, 17, 31} {
		read := time.Date(now.Year(), 12, d, 23, 41, 58, 0, time.UTC)
		name := fmt.Sprint("no year, December ", d)
		all[name] = []sentAs{{eventTime(read), read.AddDate(-1, 0, 0)}, {eventTime(read.Add(time.Hour)), read.Add(time.Hour).AddDate(-1, 0, 0)}}
		if d == 31 {
			all[name] = all[name][:1]
		}
	}
	for _, age := range []time.Duration{2 * time.Second, time.Hour, 30 * day} {
		truth := now.Add(-age)
		all[fmt.Sprint("seconds as ms, ", age)] = []sentAs{{eventTime(time.UnixMicro(truth.Unix() * 1000)), truth.Truncate(time.Second)}}
		all[fmt.Sprint("us as ns, ", age)] = []sentAs{{eventTime(time.Unix(0, truth.UnixMicro())), truth}}
		var backlog []sentAs
		for i := range 4 {
			at := truth.Add(time.Duration(i-4) * time.Second)
			backlog = append(backlog, sentAs{number(int64(int32(at.UnixMilli()))), at})
		}
		all[fmt.Sprint("wrapped ms, ", age)] = backlog
	}
	return all
}

// TestWrongTimes plays dates that are wrong, each under a tag of its own, at two
// times of which the second is one in whose days wrapped ms read as a date of 2020.
func TestWrongTimes(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 7, 30, 123e6, time.UTC)
	believable := now.Add(time.Duration(int32(uint32(time.Date(2020, 6, 1, 0, 0, 0, 0, time.UTC).Unix())-uint32(now.UnixMilli()))) * time.Millisecond)
	for _, now := range []time.Time{now, believable} {
		t.Run(now.Format(time.DateOnly), func(t *testing.T) {
			in := startIntake(t, intake.Config{})
			cases := wrongTimes(now)
			if now.Equal(believable) {
				for name := range cases {
					if name != "wrapped ms, 2s" {
						delete(cases, name)
					}
				}
			}
			var chunks []harness.Chunk
			for name, records := range cases {
				var data []byte
				for i, r := range records {
					body := append([]byte{0x81, 0xa2, 'i', 'd'}, byte(i))
					data = append(append(append(data, 0x92, 0x92), r.raw...), append([]byte{0x80}, body...)...)
				}
				chunks = append(chunks, harness.Chunk{Tag: name, File: payloadFile(t, data)})
			}
			res := replay(t, harness.Run{V5: true, Threads: 1, Chunks: chunks,
				Outputs: []harness.Output{toIntake(in, "clock_start", now.Format(time.RFC3339Nano), "include_tag_key", "on", "tag_key", "tag")}})
			if o := res.Outputs[0]; o.OK != len(cases) {
				t.Errorf("%d of %d chunks were OK\n%s", o.OK, len(cases), res.Stderr)
			}
			wantTimes(t, in, now, cases)
		})
	}
}

func wantTimes(t *testing.T, in *intake.Server, now time.Time, cases map[string][]sentAs) {
	t.Helper()
	seen := 0
	for _, e := range in.Logs() {
		var entry struct {
			Timestamp int64
			Tag       string
			ID        int
		}
		if err := json.Unmarshal(e.JSON, &entry); err != nil {
			t.Fatal(err)
		}
		seen++
		got, want := time.UnixMilli(entry.Timestamp).UTC(), cases[entry.Tag][entry.ID].want
		if arrival := !got.Before(now.Truncate(time.Millisecond)) && got.Before(now.Add(soonest)); want.IsZero() && !arrival || !want.IsZero() && got.UnixMilli() != want.UnixMilli() {
			t.Errorf("%s: record %d: got %s, want %s", entry.Tag, entry.ID, got, want)
		}
	}
	for _, records := range cases {
		seen -= len(records)
	}
	if seen != 0 {
		t.Errorf("%d logs too many", seen)
	}
}

// soonest is how long after the start a chunk arrives at the latest.
const soonest = 2 * time.Minute
