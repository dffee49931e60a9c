package ddsink_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"out_edge/build/testkit"
	"out_edge/ddsink"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
)

// worker is what the pipeline's does: one goroutine, a gate, a backlog.
type worker struct {
	*setup
	t       *testing.T
	gate    delivery.Gate
	waiting []*delivery.Job
	samples int
	// stored is what Datadog shows: by metric and second, the last value. early
	// are points that came ahead of the clock, or too old.
	stored map[string]map[int64]float64
	early  int
	// arrived is what has come in which second, by the same names.
	arrived map[string]map[int64]float64

	mu   sync.Mutex // of stored and mode: a request whose answer is lost may still run
	mode func() string
}

// fail has the receiver fail as mode says, from now on.
func (w *worker) fail(mode func() string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mode = mode
}

func newWorker(t *testing.T) *worker {
	w := &worker{setup: newSink(t, func(c *ddsink.Config) { c.Compress = ddsink.CompressOff }), t: t,
		stored: map[string]map[int64]float64{}, arrived: map[string]map[int64]float64{}, mode: func() string { return "" }}
	w.gate.Jitter = func() float64 { return 1 }
	w.intake.answer = func(_ int, r request, rw http.ResponseWriter) { w.answer(r, rw) }
	return w
}

// answer stores what comes, or not, and answers, or not.
func (w *worker) answer(r request, rw http.ResponseWriter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch w.mode() {
	case "":
		w.store(r)
		accept(rw)
	case "lost":
		w.store(r)
		panic(http.ErrAbortHandler)
	case "stored 500":
		w.store(r)
		rw.WriteHeader(500)
	case "reset":
		panic(http.ErrAbortHandler)
	case "429":
		rw.Header().Set("Retry-After", "5")
		rw.WriteHeader(429)
	default:
		rw.WriteHeader(503)
	}
}

func (w *worker) store(r request) {
	now := w.clock.Now().Wall / 1e9
	for _, item := range r.items {
		name := item["metric"].(string) + fmt.Sprint(item["tags"])
		if w.stored[name] == nil {
			w.stored[name] = map[int64]float64{}
		}
		for _, p := range item["points"].([]any) {
			m := p.(map[string]any)
			sec, _ := m["timestamp"].(interface{ Int64() (int64, error) }).Int64()
			value, _ := m["value"].(interface{ Float64() (float64, error) }).Float64()
			if sec > now || sec <= now-3600 {
				w.early++
			}
			w.stored[name][sec] = value
		}
	}
}

func (w *worker) take(samples ...metric.Sample) {
	w.samples += len(samples)
	if len(samples) == 0 {
		return
	}
	j := delivery.NewJob(delivery.JobSpec{Arrived: w.clock.Now(), Sink: w.series.Name(), Telemetry: w.counts,
		Source: sampleChunk(samples), Open: len(samples)})
	w.series.Admit(j)
	w.waiting = append(w.waiting, j)
}

// comes notes that something arrives now.
func (w *worker) comes(name string, n float64) {
	if w.arrived[name] == nil {
		w.arrived[name] = map[int64]float64{}
	}
	w.arrived[name][w.clock.Now().Wall/1e9] += n
}

func (w *worker) work() {
	w.t.Helper()
	for range 1000 {
		now := w.clock.Now().Elapsed()
		probe, wait := w.gate.Ask(now)
		if wait > 0 || len(w.waiting) == 0 {
			return
		}
		jobs := slices.Clone(w.waiting[:min(len(w.waiting), 256)])
		err := w.series.Send(context.Background(), jobs, probe)
		for i, j := range jobs {
			if err == nil && !probe && j.Open() > 0 {
				w.t.Fatalf("Send returned nil, but of chunk %d %d samples are open", i, j.Open())
			}
		}
		w.gate.Note(err, probe, now)
		w.waiting = slices.DeleteFunc(w.waiting, func(j *delivery.Job) bool { return j.Open() == 0 })
	}
	w.t.Fatal("the sink never comes to an end")
}

func (w *worker) drain() {
	w.fail(func() string { return "" })
	for range 200 {
		w.clock.Advance(10 * time.Second)
		if w.work(); len(w.waiting) == 0 {
			return
		}
	}
	w.t.Fatalf("%d chunks are never settled", len(w.waiting))
}

// TestConservation: whatever fails on the way, and whatever the records' times, each
// second at Datadog ends with what arrived in it: nothing is lost, or counted twice, or
// ahead of its records' arrival. No point is older than Datadog takes.
func TestConservation(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := testkit.NewRand(seed)
			w := newWorker(t)
			var counters []*metric.Series
			for i := range 2 + random.IntN(5) {
				counters = append(counters, series(fmt.Sprint("c", i), metric.Counter))
			}
			hist, dist := series("h", metric.Histogram), &metric.Distribution{Bounds: []float64{1}, Counts: []uint64{0}}
			all := []string{"lost", "reset", "stored 500", "429", "503"}
			mode := ""
			for range 300 {
				if random.IntN(15) == 0 {
					mode = []string{"", "", "one", "mixed"}[random.IntN(4)]
				}
				one, now := all[random.IntN(len(all))], mode
				w.fail(func() string {
					switch {
					case now == "one":
						return one
					case now == "mixed" && random.IntN(3) > 0:
						return all[random.IntN(len(all))]
					}
					return ""
				})
				for range random.IntN(6) {
					var samples []metric.Sample
					for range random.IntN(8) {
						c, n := counters[random.IntN(len(counters))], float64(1+random.IntN(9))
						w.comes(c.Name+"[]", n)
						samples = append(samples, added(c, random.IntN(1200)-600, n))
					}
					if random.IntN(3) == 0 {
						dist = &metric.Distribution{Count: dist.Count + 2, Sum: dist.Sum + 3, Bounds: dist.Bounds, Counts: []uint64{dist.Counts[0] + 1}}
						w.comes("h.count[]", 2)
						w.comes("h.sum[]", 3)
						w.comes("h.bucket[upper_bound:1]", 1)
						w.comes("h.bucket[upper_bound:inf]", 2)
						samples = append(samples, metric.Sample{Series: hist, UnixNano: at(random.IntN(500)), Dist: dist, Kept: true})
					}
					w.take(samples...)
				}
				w.clock.Advance(time.Duration(random.IntN(3000)) * time.Millisecond)
				w.work()
			}
			w.drain()
			if !maps.EqualFunc(w.stored, w.arrived, maps.Equal) {
				t.Errorf("datadog has %v\nwant %v", w.stored, w.arrived)
			}
			if w.early > 0 {
				t.Errorf("%d points are ahead, or too old", w.early)
			}
			w.wantCounts(t, map[string]int{"datadog_metrics delivered": w.samples})
		})
	}
}

// TestHourOfOutage: 1,000 records a second of 1,000 series for an hour lose nothing,
// and what waits fits.
func TestHourOfOutage(t *testing.T) {
	w := newWorker(t)
	var all []*metric.Series
	for i := range 1000 {
		all = append(all, series("c", metric.Counter, metric.Label{Name: "i", Value: fmt.Sprint(i)}))
	}
	samples := make([]metric.Sample, len(all))
	for i, c := range all {
		samples[i] = added(c, 0, 1)
	}
	w.take(samples...)
	w.work()
	w.fail(func() string { return "503" })
	before := testkit.Heap()
	for range 3600 {
		w.clock.Advance(time.Second)
		w.take(samples...)
		w.work()
		w.intake.forget()
	}
	if used := testkit.Heap() - before; used > 8<<20 {
		t.Errorf("%d KiB are in use", used>>10)
	}
	w.drain()
	for name, points := range w.stored {
		sum := 0.0
		for _, v := range points {
			sum += v
		}
		if sum != 3601 || len(points) < 20 {
			t.Fatalf("%s: %v in %d points", name, sum, len(points))
		}
	}
	if len(w.stored) != len(all) || w.early > 0 {
		t.Errorf("%d series, %d points are ahead, or too old", len(w.stored), w.early)
	}
	w.wantCounts(t, map[string]int{"datadog_metrics delivered": w.samples})
}
