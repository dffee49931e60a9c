package remotewrite_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"out_edge/build/testkit"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
)

// worker is what the pipeline's does: one goroutine, a gate, a backlog.
type worker struct {
	*kit
	gate    delivery.Gate
	waiting []*flushed
	samples int
}

func newWorker(k *kit) *worker {
	w := &worker{kit: k}
	w.gate.Jitter = func() float64 { return 1 }
	return w
}

// take has chunks come.
func (w *worker) take(chunks ...*flushed) {
	for _, c := range chunks {
		c.admit(w.Sink, w.clock, w.counts)
		w.waiting = append(w.waiting, c)
		w.samples += len(c.samples)
	}
}

// work sends what waits, as far as the gate lets it.
func (w *worker) work() {
	w.t.Helper()
	for range 1000 {
		now := w.clock.Now().Elapsed()
		probe, wait := w.gate.Ask(now)
		if wait > 0 || len(w.waiting) == 0 && !w.Waits() {
			return
		}
		var jobs []*delivery.Job
		for _, c := range w.waiting[:min(len(w.waiting), 256)] {
			jobs = append(jobs, c.job)
		}
		err := w.Send(context.Background(), jobs, probe)
		for i, j := range jobs {
			if err == nil && !probe && j.Open() > 0 {
				w.t.Fatalf("Send returned nil, but of chunk %d %d samples are open", i, j.Open())
			}
		}
		w.gate.Note(err, probe, now)
		w.waiting = slices.DeleteFunc(w.waiting, (*flushed).isSettled)
	}
	w.t.Fatal("the sink never comes to an end")
}

// drain heals the receiver and sends all that is left.
func (w *worker) drain() {
	w.in.set(healthy)
	for range 200 {
		w.clock.Advance(time.Minute)
		if w.work(); len(w.waiting) == 0 && !w.Waits() {
			return
		}
	}
	w.t.Fatalf("%d chunks are never settled", len(w.waiting))
}

// accounted fails unless each sample is counted once, as what is allowed.
func (w *worker) accounted(allowed ...string) {
	w.t.Helper()
	n := 0
	for _, what := range allowed {
		n += w.counts.get("samples " + what)
	}
	if n != w.samples {
		w.t.Errorf("%d of %d samples are accounted for: %v", n, w.samples, w.counts.n)
	}
}

// faults makes a receiver fail as pick says: whatever happens on the way.
func faults(pick func() string) func(*receiver) {
	return func(r *receiver) {
		r.answer = func(_ int, q request, w http.ResponseWriter) bool {
			switch f := pick(); f {
			case "":
				return false
			case "lost": // stored, and the answer is lost
				if r.refusal(q) == "" {
					r.store(q)
				}
				panic(http.ErrAbortHandler)
			case "reset":
				panic(http.ErrAbortHandler)
			case "stored 500":
				if r.refusal(q) == "" {
					r.store(q)
				}
				w.WriteHeader(500)
			case "429":
				w.Header().Set("Retry-After", "5")
				w.WriteHeader(429)
			default:
				w.WriteHeader(503)
			}
			return true
		}
	}
}

var allFaults = []string{"lost", "reset", "stored 500", "429", "503"}

// program is a random run: chunks of some tags, faults, outages.
type program struct {
	*rand.Rand
	*worker
	totals map[*metric.Series]float64
	gauges map[*metric.Series]map[int64]float64 // by ms: what a healthy run stores
	last   map[*metric.Series]int64
	mode   string
}

func newProgram(t *testing.T, seed uint64) *program {
	p := &program{Rand: testkit.NewRand(seed), worker: newWorker(newKit(t, nil)),
		totals: map[*metric.Series]float64{}, gauges: map[*metric.Series]map[int64]float64{}, last: map[*metric.Series]int64{}}
	for i := range 2 + p.IntN(4) {
		p.totals[&metric.Series{Name: fmt.Sprintf("kept_%d_total", i), Kind: metric.Counter}] = 0
	}
	for i := range 1 + p.IntN(4) {
		p.gauges[gauge(fmt.Sprint("gauge_", i))] = map[int64]float64{}
	}
	return p
}

func sorted[V any](m map[*metric.Series]V) []*metric.Series {
	return slices.SortedFunc(maps.Keys(m), func(a, b *metric.Series) int { return slices.Compare([]byte(a.Name), []byte(b.Name)) })
}

// chunk is one of random records: totals with any time, gauges in order.
func (p *program) chunk() *flushed {
	c := &flushed{}
	for _, s := range sorted(p.totals) {
		for range p.IntN(4) {
			p.totals[s]++
			sample := kept(s, p.totals[s])
			sample.UnixNano = p.clock.Now().Wall + int64(p.IntN(1200)-600)*1e9
			c.samples = append(c.samples, sample)
		}
	}
	for _, s := range sorted(p.gauges) {
		at := p.last[s]
		for range p.IntN(3) {
			at = max(p.last[s]+1+int64(p.IntN(400)), p.clock.Now().Wall/1e6-int64(p.IntN(3000)))
			p.last[s] = at
			c.samples = append(c.samples, metric.Sample{Series: s, UnixNano: at * 1e6, Value: float64(p.IntN(1000))})
		}
		if at > 0 && len(c.samples) > 0 && c.samples[len(c.samples)-1].Series == s {
			p.gauges[s][at] = c.samples[len(c.samples)-1].Value
		}
	}
	return c
}

func (p *program) run() {
	for range 300 {
		if p.IntN(15) == 0 {
			p.mode = []string{"", "", "one", "mixed"}[p.IntN(4)]
		}
		one, mode := allFaults[p.IntN(len(allFaults))], p.mode
		p.in.set(faults(func() string {
			switch {
			case mode == "one":
				return one
			case mode == "mixed" && p.IntN(3) > 0:
				return allFaults[p.IntN(len(allFaults))]
			}
			return ""
		}))
		for range p.IntN(6) {
			p.take(p.chunk())
		}
		p.clock.Advance(time.Duration(p.IntN(3000)) * time.Millisecond)
		p.work()
	}
	p.drain()
}

func (p *program) check() {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	for s, total := range p.totals {
		points := p.in.stored[`__name__="`+s.Name+`"`]
		if total == 0 {
			continue
		}
		if len(points) == 0 || points[len(points)-1].value != total {
			p.t.Errorf("%s ends with %v, want %v", s.Name, points[max(0, len(points)-1):], total)
		}
		for i := 1; i < len(points); i++ {
			if points[i].ms < points[i-1].ms || points[i].value < points[i-1].value {
				p.t.Errorf("%s: %v follows %v", s.Name, points[i], points[i-1])
			}
		}
	}
	for s, want := range p.gauges {
		got := map[int64]float64{}
		for _, point := range p.in.stored[`__name__="`+s.Name+`"`] {
			got[point.ms] = point.value
		}
		if !maps.Equal(got, want) {
			p.t.Errorf("%s: %d points are stored, want %d", s.Name, len(got), len(want))
		}
	}
	p.accounted("delivered", "adjusted superseded", "adjusted resent")
}

// TestConservation: whatever fails on the way, a Prometheus with its default rules
// ends with each total as it is, and with every sample of a gauge that a healthy run
// stores.
func TestConservation(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			p := newProgram(t, seed)
			p.run()
			p.check()
		})
	}
}

// TestHourOfOutage: 1,000 series that grow each second for an hour lose nothing, and
// what waits fits.
func TestHourOfOutage(t *testing.T) {
	w := newWorker(newKit(t, nil))
	var totals []*metric.Series
	for i := range 1000 {
		totals = append(totals, &metric.Series{Name: "kept_total", Kind: metric.Counter, Labels: []metric.Label{{Name: "i", Value: fmt.Sprint(i)}}})
	}
	chunk := func(n int) *flushed {
		c := &flushed{}
		for _, s := range totals {
			c.samples = append(c.samples, kept(s, float64(n)))
		}
		return c
	}
	w.take(chunk(1))
	w.work()
	w.in.set(status(503))
	before := testkit.Heap()
	for n := range 3600 {
		c := chunk(n + 2)
		w.take(c)
		c.samples = nil // the pipeline makes them again where memory is short
		w.clock.Advance(time.Second)
		w.work()
	}
	if used := testkit.Heap() - before; used > 8<<20 {
		t.Errorf("%d KiB are in use", used>>10)
	}
	requests := len(w.in.got())
	w.drain()
	for labels, points := range w.in.stored {
		if last := points[len(points)-1]; last.value != 3601 {
			t.Fatalf("%s ends with %v", labels, last)
		}
		if len(points) < 20 {
			t.Fatalf("%s: %d points are left of an hour", labels, len(points))
		}
	}
	w.accounted("delivered")
	if n := len(w.in.got()) - requests; n > 40 {
		t.Errorf("%d requests after the outage", n)
	}
	if w.counts.get("request 400") > 0 {
		t.Error("points were refused")
	}
}
