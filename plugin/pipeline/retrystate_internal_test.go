package pipeline

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
)

const hour = int64(time.Hour)

func chunkOf(payload string) *chunkState {
	return &chunkState{tag: "tag", payload: []byte(payload)}
}

func TestRetryStateIsEmptyAfterItsChunksHaveCome(t *testing.T) {
	var r retryState
	for i := range 10 {
		c := chunkOf(fmt.Sprint(i))
		c.samples = make([]metric.Sample, i)
		r.put(c, 0)
	}
	for i := range 10 {
		if got := r.take("tag", fmt.Append(nil, i)); got == nil || len(got.samples) != i {
			t.Errorf("chunk %d: %v", i, got)
		}
	}
	if chunks, bytes := r.backlog(); chunks != 0 || bytes != 0 || len(r.byKey) != 0 {
		t.Errorf("%d chunks, %d bytes held, %d keys are left", chunks, bytes, len(r.byKey))
	}
}

func TestRetryStateGivesUpWhatStaysAway(t *testing.T) {
	var r retryState
	r.put(chunkOf("old"), 0)
	r.put(chunkOf("young"), hour/2)
	if gone := r.expire(hour); len(gone) != 0 {
		t.Errorf("%d gone after an hour", len(gone))
	}
	if gone := r.expire(hour + 1); len(gone) != 1 || r.take("tag", []byte("old")) != nil || r.take("tag", []byte("young")) == nil {
		t.Errorf("%d gone", len(gone))
	}
}

// A state that is full forgets the oldest chunk for a new one.
func TestRetryStateIsBounded(t *testing.T) {
	var r retryState
	for i := range maxRetryChunks {
		if forgotten := r.put(chunkOf(fmt.Sprint(i)), 0); forgotten != nil {
			t.Fatalf("chunk %d makes it forget one", i)
		}
	}
	if forgotten := r.put(chunkOf("new"), 0); forgotten == nil || string(forgotten.payload) != "0" {
		t.Errorf("forgets %v", forgotten)
	}
	if chunks, _ := r.backlog(); chunks != maxRetryChunks || r.take("tag", []byte("new")) == nil {
		t.Errorf("%d chunks", chunks)
	}
}

// Over the bound of samples the oldest chunks lose theirs, and nothing else; the newest
// keeps its own whatever it has.
func TestSamplesAreEvictedFromTheOldestChunks(t *testing.T) {
	p := &Pipeline{samples: new(sampleStore)}
	p.workers = []*worker{{route: route{logs: true}}, {wake: make(chan struct{}, 1)}}
	third := int(maxSampleBytes / 3 / int64(unsafe.Sizeof(metric.Sample{})))
	chunk := func(n int) *chunkState {
		c := &chunkState{p: p, samples: make([]metric.Sample, n)}
		c.jobs = []*delivery.Job{delivery.NewJob(delivery.JobSpec{Open: 3}), delivery.NewJob(delivery.JobSpec{Open: n})}
		p.samples.keep(c)
		return c
	}
	first := chunk(third)
	second := chunk(third)
	if len(first.Samples()) != third || first.jobs[1].Open() != third {
		t.Error("evicted below the bound")
	}
	large := chunk(4 * third)
	for i, c := range []*chunkState{first, second} {
		if c.Samples() != nil || c.jobs[1].Open() != third || c.jobs[0].Open() != 3 {
			t.Errorf("chunk %d has %d samples, %d of them open, and %d logs", i, len(c.Samples()), c.jobs[1].Open(), c.jobs[0].Open())
		}
	}
	if len(large.Samples()) != 4*third {
		t.Errorf("the newest has %d samples", len(large.Samples()))
	}
	if p.samples.drop(large); p.samples.bytes != 0 || p.samples.order.Len() != 0 {
		t.Errorf("%d bytes left", p.samples.bytes)
	}
}

func TestBacklogIsBounded(t *testing.T) {
	const limit = 100
	var b backlog
	if !b.reserve(1000, limit) {
		t.Error("a chunk above the whole limit finds no room")
	}
	if b.reserve(1, limit) {
		t.Error("there is room beside it")
	}
	b.release(1000)
	for i := range maxHeldChunks {
		if !b.reserve(0, limit) {
			t.Fatalf("no room for chunk %d", i)
		}
	}
	if b.reserve(0, limit) {
		t.Error("room for more chunks than may be held")
	}
	if chunks, bytes := b.size(); chunks != maxHeldChunks || bytes != 0 {
		t.Errorf("%d chunks, %d bytes", chunks, bytes)
	}
}

// What is parked is Fluent Bit's own memory: more of it is held than may wait in the queue.
func TestMoreIsParkedThanQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startToy(t, func(c *Config) { c.QueueBytes = 64 << 10 })
		b.set(false)
		var results []chan Result
		for range parkedShare + 1 {
			results = append(results, b.park("app", strings.Repeat("x", 60<<10)))
		}
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		for i, r := range results[:parkedShare] {
			if len(r) > 0 {
				t.Errorf("chunk %d is answered with %d", i, <-r)
			}
		}
		b.wantResult("the one beyond", results[parkedShare], Retry)
		b.set(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		for i, r := range results[:parkedShare] {
			b.wantResult(fmt.Sprint("chunk ", i), r, OK)
		}
		b.stop(time.Second)
	})
}
