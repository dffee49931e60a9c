package pipeline_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"out_edge/plugin/pipeline"
)

// otlpRecord is a record of 1970 that stands in an OTLP group, with metadata.
func otlpRecord(t *testing.T, metadata map[string]any) []byte {
	t.Helper()
	var buf bytes.Buffer
	buf.Write([]byte{0x92, 0x92, 0xd7, 0x00, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0x80, 0x80}) // the group's start
	buf.Write([]byte{0x92, 0x92, 0xd7, 0x00, 0, 0, 0, 0, 0, 0, 0, 0})
	for _, m := range []map[string]any{metadata, {"log": "x"}} {
		if err := msgpack.NewEncoder(&buf).Encode(m); err != nil {
			t.Fatal(err)
		}
	}
	return buf.Bytes()
}

func TestObservedTimeOfOTLP(t *testing.T) {
	hour := int64(time.Hour)
	for name, c := range map[string]struct {
		metadata map[string]any
		want     int64 // ns from the arrival
	}{
		"believable": {map[string]any{"otlp": map[string]any{"observed_timestamp": uint64(present*1e9 - hour)}}, -hour},
		"ahead":      {map[string]any{"otlp": map[string]any{"observed_timestamp": uint64(present*1e9 + hour)}}, 0},
		"no time":    {map[string]any{"otlp": map[string]any{"observed_timestamp": "x"}}, 0},
		"none":       {map[string]any{}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			in := newIntake(t, accept)
			b := start(t, in, nil)
			b.flush(pipeline.OK, otlpRecord(t, c.metadata), workerThread)
			want := fmt.Sprint((present*1e9 + c.want) / 1e6)
			if got := in.logs(); len(got) != 1 || fmt.Sprint(int64(got[0]["timestamp"].(float64))) != want {
				t.Errorf("got %v, want %s", got, want)
			}
		})
	}
}

// TestFirstChunkIsLookedAt: a source that wraps ms is right from its first record,
// though that shows a date of 2020.
func TestFirstChunkIsLookedAt(t *testing.T) {
	in, c := newIntake(t, accept), newClock()
	year2020 := uint32(time.Date(2020, 6, 1, 0, 0, 0, 0, time.UTC).Unix())
	c.Step(time.Duration(int32(year2020-uint32(present*1000%(1<<32)))) * time.Millisecond)
	if now := c.Now().Time(); now.Unix() < present {
		c.Step(1 << 32 * time.Millisecond)
	}
	b := startAt(t, c, in, nil)
	b.flush(pipeline.OK, append(logChunk(t, year2020-2000, "a"), logChunk(t, year2020-500, "b")...), workerThread)
	now := c.Now().Wall / 1e6
	for i, late := range []int64{2000, 500} {
		if got := in.logs(); len(got) != 2 || int64(got[i]["timestamp"].(float64)) != now-late {
			t.Errorf("got %v, want %d", got, now-late)
		}
	}
}
