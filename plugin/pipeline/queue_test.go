package pipeline_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"out_edge/build/testkit"
	"out_edge/exporter/remotewrite"
	"out_edge/plugin/pipeline"
	"out_edge/timefix"
)

// A receiver that is down stops nobody but itself, whichever it is.
func TestASinkThatIsDownStopsNoOther(t *testing.T) {
	chunk := func(t *testing.T, i int) []byte {
		return slices.Concat(recordOf(t, present+uint32(i), map[string]any{"read_size": 1 + i, "write_size": 2}), logChunk(t, present, fmt.Sprint("m", i)))
	}
	t.Run("remote write", func(t *testing.T) {
		in, rw := newIntake(t, accept), newRemote(t)
		rw.status.Store(http.StatusNotFound)
		b := start(t, in, func(c *pipeline.Config) { c.RemoteWrite = &remotewrite.Config{URL: rw.URL, Version: "1"} })
		for i := range 5 {
			b.flush(pipeline.OK, chunk(t, i), engineThread)
		}
		in.awaitLogs(t, 5)
		in.awaitSum(t, "edge.disk.read_bytes_total", 15)
		if got := in.accepted(); !slices.Equal(got, []string{"m0", "m1", "m2", "m3", "m4"}) {
			t.Errorf("Datadog has %v", got)
		}
		in.wantSum(t, "edge.disk.read_bytes_total", 15)
		rw.status.Store(http.StatusNoContent)
	})
	t.Run("datadog", func(t *testing.T) {
		var up atomic.Bool
		in, rw := newIntake(t, func(int, string) int {
			if up.Load() {
				return http.StatusAccepted
			}
			return http.StatusServiceUnavailable
		}), newRemote(t)
		// The clock goes on: a request may be under way when the instance closes.
		b := startWith(t, newClock(), timefix.SystemClock{}, in, func(c *pipeline.Config) { c.RemoteWrite = &remotewrite.Config{URL: rw.URL, Version: "1"} })
		for i := range 5 {
			b.flush(pipeline.OK, chunk(t, i), engineThread)
		}
		rw.awaitTotal(t, "edge_disk_read_bytes_total", 15)
		rw.awaitTotal(t, "edge_disk_written_bytes_total", 10)
		if got := in.accepted(); len(got) != 0 {
			t.Errorf("Datadog has %v", got)
		}
		up.Store(true)
		// A request that was refused just before the end is followed by a pause.
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			b.stop(ample)
		}()
		b.advanceUntil(ended)
		if got := in.accepted(); !slices.Equal(got, []string{"m0", "m1", "m2", "m3", "m4"}) {
			t.Errorf("Datadog has %v at the end", got)
		}
		in.wantSum(t, "edge.disk.read_bytes_total", 15)
	})
}

// A sink that is down is asked once, however many chunks wait for it.
func TestAQueueDoesNotHammer(t *testing.T) {
	in, rw := newIntake(t, accept), newRemote(t)
	rw.status.Store(http.StatusNotFound)
	// The clock goes on: a request may be under way when the instance closes, and
	// the gate pauses after it.
	b := startWith(t, newClock(), timefix.SystemClock{}, in, func(c *pipeline.Config) { c.RemoteWrite = &remotewrite.Config{URL: rw.URL, Version: "1"} })
	begin := time.Now()
	for i := range 200 {
		b.flush(pipeline.OK, recordOf(t, present+uint32(i), map[string]any{"read_size": 1 + i, "write_size": 2}), engineThread)
	}
	in.awaitSum(t, "edge.disk.read_bytes_total", 200*201/2)
	// A pause is a quarter of a second at least, and grows.
	if n, most := rw.asked.Load(), 2+int64(time.Since(begin)/(250*time.Millisecond)); n > most {
		t.Errorf("the receiver was asked %d times, want %d at most", n, most)
	}
	rw.status.Store(http.StatusNoContent)
	b.stop(ample)
	rw.awaitTotal(t, "edge_disk_read_bytes_total", 200*201/2)
	rw.awaitTotal(t, "edge_disk_written_bytes_total", 400)
}

// The drain at exit waits neither for a long pause nor for a receiver's wish.
func TestTheDrainTriesAgain(t *testing.T) {
	var failures atomic.Int64
	in := newIntake(t, func(int, string) int {
		if failures.Add(1) <= 3 {
			return http.StatusServiceUnavailable
		}
		return http.StatusAccepted
	})
	in.retryAfter = "300"
	b := startWith(t, newClock(), timefix.SystemClock{}, in, func(c *pipeline.Config) { c.Mode = pipeline.Queue })
	b.flush(pipeline.OK, logChunk(t, present, "a"), workerThread)
	<-in.arrived
	b.stop(ample)
	if got := in.accepted(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("accepted %v\n%s", got, b.log)
	}
}

// What needs no sink does not wait for one.
func TestNothingToSendIsNotQueued(t *testing.T) {
	in := newIntake(t, func(int, string) int { return http.StatusServiceUnavailable })
	b := start(t, in, func(c *pipeline.Config) { c.Mode, c.Host = pipeline.Queue, pipeline.HostOff })
	b.flush(pipeline.OK, recordOf(t, present, map[string]any{"read_size": 1, "write_size": 2}), workerThread)
	b.stop(ample)
	if strings.Contains(b.log.String(), "undelivered") || len(in.requests) != 0 {
		t.Errorf("%d requests, log:\n%s", len(in.requests), b.log)
	}
}

// panicky is a clock that panics once when it is armed.
type panicky struct {
	*testkit.Clock
	armed atomic.Bool
}

func (p *panicky) Now() timefix.Instant {
	if p.armed.CompareAndSwap(true, false) {
		panic("armed")
	}
	return p.Clock.Now()
}

// A panic behind the queue costs its chunk, and is counted; the next is sent.
func TestAPanicBehindTheQueueIsCounted(t *testing.T) {
	c := &panicky{Clock: newClock()}
	asked, release := make(chan struct{}), make(chan struct{})
	in := newIntake(t, func(n int, _ string) int {
		if n == 0 {
			close(asked)
			<-release
			c.armed.Store(true)
			return http.StatusServiceUnavailable
		}
		return http.StatusAccepted
	})
	b := startWith(t, c.Clock, c, in, func(cfg *pipeline.Config) { cfg.Mode, cfg.Metrics.Listen = pipeline.Queue, "127.0.0.1:0" })
	b.flush(pipeline.OK, logChunk(t, present, "lost", "too"), workerThread)
	<-asked
	b.flush(pipeline.OK, logChunk(t, present, "kept"), workerThread)
	close(release)
	<-in.arrived
	<-in.arrived
	b.wantPage(`edge_dropped_records_total{reason="panic",sink="datadog"} 2`)
	if got := in.accepted(); !slices.Equal(got, []string{"kept"}) || !strings.Contains(b.log.String(), "panic in delivery") {
		t.Errorf("accepted %v\n%s", got, b.log)
	}
}
