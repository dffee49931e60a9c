package pipeline_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"out_edge/exporter/remotewrite"
	"out_edge/plugin/pipeline"
)

// event encodes a metrics event with one counter, node_net_bytes_total.
func event(t *testing.T, unixNano int64, value float64) []byte {
	t.Helper()
	return encode(t, map[string]any{
		"meta": map[string]any{"processing": map[string]any{"static_labels": []any{}}},
		"metrics": []any{map[string]any{
			"meta": map[string]any{"ver": 2, "type": 0, "labels": []any{}, "aggregation_type": 2,
				"opts": map[string]any{"ns": "node", "ss": "net", "name": "bytes_total", "desc": "Bytes."}},
			"values": []any{map[string]any{"ts": uint64(unixNano), "value": value, "labels": []any{}}},
		}},
	})
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := msgpack.NewEncoder(&buf).Encode(v); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// lostAnswer is the status of requests that an intake stores all the same.
const lostAnswer = http.StatusBadGateway

// sums adds up the points of each metric that the intake has taken, of which the
// last of a series and second counts; newest is the time of the latest.
func (in *intake) sums() (sum map[string]float64, newest int64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	sum = make(map[string]float64)
	for s, v := range in.stored() {
		sum[s.metric] += v
		newest = max(newest, s.sec)
	}
	return sum, newest
}

// storedSecond is where the intake keeps a value.
type storedSecond struct {
	metric, tags string
	sec          int64
}

// stored returns what the intake has taken; its lock is held.
func (in *intake) stored() map[storedSecond]float64 {
	all := make(map[storedSecond]float64)
	for _, r := range in.requests {
		if r.status != http.StatusAccepted && r.status != lostAnswer {
			continue
		}
		for _, s := range r.series.Series {
			for _, p := range s.Points {
				all[storedSecond{s.Metric, fmt.Sprint(s.Tags), p.Timestamp}] = p.Value
			}
		}
	}
	return all
}

// seconds returns what the intake has of a metric in each second.
func (in *intake) seconds(metric string) map[int64]float64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	all := make(map[int64]float64)
	for s, v := range in.stored() {
		if s.metric == metric {
			all[s.sec] += v
		}
	}
	return all
}

// awaitSum waits for the points of a metric to add up.
func (in *intake) awaitSum(t *testing.T, metric string, want float64) {
	t.Helper()
	in.await(t, metric, func() bool {
		sum, _ := in.sums()
		return sum[metric] >= want
	})
}

func (in *intake) wantSum(t *testing.T, metric string, want float64) {
	t.Helper()
	if sum, _ := in.sums(); sum[metric] != want {
		t.Errorf("Datadog has %s = %v, want %v", metric, sum[metric], want)
	}
}

// What a counter has grown by is sent once, in whatever order its totals come.
func TestACounterThatComesLateIsNotCountedTwice(t *testing.T) {
	in := newIntake(t, accept)
	b := start(t, in, nil)
	for i := range int64(11) {
		b.flush(pipeline.OK, event(t, (present+10*i)*1e9, 1000+10*float64(i)), workerThread)
		b.clock.Advance(10 * time.Second)
	}
	in.wantSum(t, "node.net.bytes_total", 100)
	b.flush(pipeline.OK, event(t, (present+95)*1e9, 1095), workerThread)
	in.wantSum(t, "node.net.bytes_total", 100)
}

func TestACounterSurvivesASmallStepBack(t *testing.T) {
	in := newIntake(t, accept)
	b := start(t, in, nil)
	value := 1e6
	scrape := func(n int) {
		for range n {
			value += 10
			b.flush(pipeline.OK, event(t, b.clock.Now().Wall, value), workerThread)
			b.clock.Advance(10 * time.Second)
		}
	}
	scrape(100)
	b.clock.Step(-30 * time.Second)
	scrape(5)
	in.wantSum(t, "node.net.bytes_total", 1040)
}

func TestACounterOnSeveralThreads(t *testing.T) {
	in := newIntake(t, accept)
	b := start(t, in, nil)
	const scrapes = 200
	b.flush(pipeline.OK, event(t, (present-scrapes-1)*1e9, 0), workerThread)
	turns := make(chan int64, scrapes)
	for i := range int64(scrapes) {
		turns <- i + 1
	}
	close(turns)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range turns {
				b.flush(pipeline.OK, event(t, (present-scrapes+i)*1e9, float64(i)), workerThread)
			}
		})
	}
	wg.Wait()
	in.wantSum(t, "node.net.bytes_total", scrapes)
}

// An event whose delivery is tried again is shown, sent and refused once.
func TestAnEventIsTakenOnce(t *testing.T) {
	down := true
	in := newIntake(t, unless(&down))
	b := start(t, in, func(c *pipeline.Config) { c.Metrics.Listen = "127.0.0.1:0" })
	down = false
	b.flush(pipeline.OK, event(t, present*1e9, 100), workerThread)
	b.clock.Advance(10 * time.Second)
	down = true
	cut := append(event(t, (present+10)*1e9, 130), 0x81)
	b.flush(pipeline.Retry, cut, workerThread)
	b.flush(pipeline.Retry, cut, workerThread)
	down = false
	b.pause()
	b.flush(pipeline.OK, cut, workerThread)
	in.wantSum(t, "node.net.bytes_total", 30)
	b.wantPage("node_net_bytes_total 130", `edge_dropped_records_total{reason="undecodable",sink="decode"} 1`,
		`edge_records_total{result="delivered",sink="prometheus"} 2`)
}

// A scrape from before the clock was set is moved by the step, as a record is,
// whether it is flushed after the step or was already.
func TestAnEventFromBeforeAStep(t *testing.T) {
	const early = present - 600*86400
	for name, flushedBefore := range map[string]bool{"flushed after it": false, "flushed before it": true} {
		t.Run(name, func(t *testing.T) {
			in, rw := newIntake(t, accept), newRemote(t)
			c := newClock()
			c.Step((early - present) * time.Second)
			b := startAt(t, c, in, func(c *pipeline.Config) {
				c.RemoteWrite = &remotewrite.Config{URL: rw.URL, Version: "1"}
				c.Metrics.Listen = "127.0.0.1:0"
			})
			b.flush(pipeline.Retry, event(t, c.Now().Wall, 100), workerThread)
			c.Advance(10 * time.Second)
			chunk := event(t, c.Now().Wall, 130)
			if flushedBefore {
				b.flush(pipeline.Retry, chunk, workerThread)
			}
			c.Advance(5 * time.Second)
			c.Step((present - early) * time.Second)
			b.flush(pipeline.OK, chunk, workerThread)
			sum, newest := in.sums()
			arrived := int64(present + 15) // as the clock says that was set since
			if flushedBefore {
				arrived = present + 10
			}
			if sum["node.net.bytes_total"] != 30 || newest != arrived {
				t.Errorf("Datadog has %v, the newest at %d, want 30 at %d", sum, newest, arrived)
			}
			if got := rw.names(); !slices.Contains(got, "node_net_bytes_total") {
				t.Errorf("remote write has %v", got)
			}
			b.wantPage(`edge_time_repairs_total{reason="clock_step"} 1`)
		})
	}
}

// An exposition's stamp is in ms. One in seconds is read as a date of January 1970, and
// receivers would refuse it as too old: it is put right exactly.
func TestAStampOfAScrapeInSeconds(t *testing.T) {
	in := newIntake(t, accept)
	b := start(t, in, func(c *pipeline.Config) { c.Metrics.Listen = "127.0.0.1:0" })
	for i := range int64(2) {
		b.flush(pipeline.OK, event(t, (present+10*i)*1e6, 100+30*float64(i)), workerThread) // seconds taken for ms
		b.clock.Advance(10 * time.Second)
	}
	if sum, newest := in.sums(); sum["node.net.bytes_total"] != 30 || newest != present+10 {
		t.Errorf("Datadog has %v, the newest at %d, want 30 at %d", sum, newest, present+10)
	}
	b.wantPage(`edge_time_repairs_total{reason="scaled_ms"} 2`, "node_net_bytes_total 130")
}

// Metrics too wait for the clock, without a request.
func TestNoMetricLeavesWhileTheClockIsWrong(t *testing.T) {
	in := newIntake(t, accept)
	c := newClock()
	c.Step(-600 * 24 * time.Hour)
	b := startAt(t, c, in, nil)
	b.flush(pipeline.Retry, recordOf(t, uint32(c.Now().Wall/1e9), map[string]any{"read_size": 1, "write_size": 2}), workerThread)
	if n := len(in.requests); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// The verdicts and faults of a chunk are counted with its first try.
func TestARetryCountsNothingTwice(t *testing.T) {
	down := true
	in := newIntake(t, unless(&down))
	b := start(t, in, func(c *pipeline.Config) { c.Metrics.Listen = "127.0.0.1:0" })
	// Two records, the second of 1.8e12 "seconds", and one bad byte.
	chunk := slices.Concat(logChunk(t, present, "fine"), encode(t, []any{[]any{present * 1000.0, map[string]any{}}, map[string]any{"log": "ms"}}), []byte{0x01})
	b.flush(pipeline.Retry, chunk, workerThread)
	b.flush(pipeline.Retry, chunk, workerThread)
	down = false
	b.pause()
	b.flush(pipeline.OK, chunk, workerThread)
	b.wantPage(`edge_time_repairs_total{reason="ok"} 1`, `edge_time_repairs_total{reason="scaled_ms"} 1`,
		`edge_dropped_records_total{reason="undecodable",sink="decode"} 1`)
	if got := in.accepted(); !slices.Equal(got, []string{"fine", "ms"}) {
		t.Errorf("accepted %v", got)
	}
}

// The same bytes under two tags are two chunks.
func TestATagIsPartOfAChunk(t *testing.T) {
	down := true
	in := newIntake(t, unless(&down))
	b := start(t, in, func(c *pipeline.Config) { c.Metrics.TagLabel = "tag" }) // else b would be a second source
	chunk := slices.Concat(recordOf(t, present, map[string]any{"read_size": 1, "write_size": 2}), logChunk(t, present, "x"))
	if got := b.Flush("a", chunk, workerThread); got != pipeline.Retry {
		t.Errorf("Flush = %d", got)
	}
	down = false
	b.pause()
	for _, tag := range []string{"b", "a"} {
		if got := b.Flush(tag, chunk, workerThread); got != pipeline.OK {
			t.Errorf("Flush = %d", got)
		}
	}
	in.wantSum(t, "edge.disk.read_bytes_total", 2)
	if got := strings.Join(in.accepted(), " "); got != "x x" {
		t.Errorf("accepted %s", got)
	}
}
