package e2e_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"out_edge/build/intake"
)

// event is one log record as Fluent Bit v5 frames it.
func event(t *testing.T, at time.Time, body map[string]any) []byte {
	t.Helper()
	stamp := binary.BigEndian.AppendUint32([]byte{0x92, 0x92, 0xd7, 0x00}, uint32(at.Unix()))
	stamp = binary.BigEndian.AppendUint32(stamp, uint32(at.Nanosecond()))
	var buf bytes.Buffer
	enc := msgpack.NewEncoder(&buf)
	enc.SetSortMapKeys(true)
	if err := enc.Encode(body); err != nil {
		t.Fatal(err)
	}
	return append(append(stamp, 0x80), buf.Bytes()...)
}

// payload writes records of the present into a file.
func payload(t *testing.T, bodies ...map[string]any) string {
	t.Helper()
	var all []byte
	for _, b := range bodies {
		all = append(all, event(t, time.Now(), b)...)
	}
	return payloadFile(t, all)
}

func payloadFile(t *testing.T, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "payload")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// diskChunk is what the disk input writes.
func diskChunk(t *testing.T, read, written int64) string {
	t.Helper()
	return payload(t, map[string]any{"read_size": read, "write_size": written})
}

// ddSeries is a series as Datadog's intake gets it.
type ddSeries struct {
	Metric string
	Tags   []string
	Points []struct {
		Timestamp int64
		Value     float64
	}
}

// seriesOf may be called on any goroutine.
func seriesOf(t *testing.T, e intake.Entry) (s ddSeries) {
	t.Helper()
	if err := json.Unmarshal(e.JSON, &s); err != nil {
		t.Error(err)
	}
	return s
}

// sumPoints adds up all points of each metric.
func sumPoints(t *testing.T, series []intake.Entry) map[string]float64 {
	t.Helper()
	type instant struct {
		metric, tags string
		second       int64
	}
	last := map[instant]float64{} // of a second that is sent again the last value counts, as at Datadog
	for _, e := range series {
		s := seriesOf(t, e)
		for _, p := range s.Points {
			last[instant{s.Metric, strings.Join(s.Tags, ","), p.Timestamp}] = p.Value
		}
	}
	sums := map[string]float64{}
	for at, value := range last {
		sums[at.metric] += value
	}
	return sums
}
