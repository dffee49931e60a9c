package remotewrite_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"out_edge/plugin/metric"
)

// limited is a receiver that refuses some series: the whole request for them, of
// which it stores the good part or nothing.
func limited(storesPart bool, bad func(labels string) bool) func(*receiver) {
	return func(r *receiver) {
		r.answer = func(_ int, q request, w http.ResponseWriter) bool {
			var good request
			for _, s := range q.series {
				if !bad(s.labels) {
					good.series = append(good.series, s)
				}
			}
			if len(good.series) == len(q.series) {
				return false
			}
			if text := r.refusal(good); text != "" && storesPart {
				http.Error(w, text, 400)
				return true
			}
			if storesPart {
				r.store(good)
			}
			http.Error(w, "per-user series limit of 50 exceeded (err-mimir-max-series-per-user)", 400)
			return true
		}
	}
}

// TestRefusedSeries: 150 of 200 series are refused for good. The good ones are
// there at the end of each interval; a refused one costs two requests once, and all
// of them one an interval.
func TestRefusedSeries(t *testing.T) {
	for _, storesPart := range []bool{false, true} {
		for name, bad := range map[string]func(i int) bool{
			"first": func(i int) bool { return i < 150 }, "mixed": func(i int) bool { return i%4 != 1 },
			"last": func(i int) bool { return i >= 50 }, "one": func(i int) bool { return i == 77 },
		} {
			t.Run(fmt.Sprintf("%s, stores part %v", name, storesPart), func(t *testing.T) {
				w := newWorker(newKit(t, nil))
				var all []*metric.Series
				refused, isBad := 0, map[string]bool{}
				for i := range 200 {
					all = append(all, gauge("g", metric.Label{Name: "i", Value: fmt.Sprint(i)}))
					if bad(i) {
						refused++
						isBad[fmt.Sprintf(`__name__="g",i="%d"`, i)] = true
					}
				}
				w.in.set(limited(storesPart, func(labels string) bool { return isBad[labels] }))
				const intervals = 90
				for n := range intervals {
					before := len(w.in.got())
					c := &flushed{}
					for _, s := range all {
						c.samples = append(c.samples, at(s, float64(10*n), float64(n)))
					}
					w.take(c)
					w.work()
					w.in.mu.Lock()
					good := 0
					for _, points := range w.in.stored {
						if points[len(points)-1].ms == ms(float64(10*n)) {
							good++
						}
					}
					w.in.mu.Unlock()
					if good != 200-refused {
						t.Fatalf("interval %d: %d good series are there", n, good)
					}
					switch cost := len(w.in.got()) - before; {
					case n == 0 && cost > max(2*refused, 20):
						t.Fatalf("%d requests for %d refused series", cost, refused)
					case n > 0 && cost > 2: // one for the good ones, one for the others
						t.Fatalf("interval %d: %d requests", n, cost)
					}
					w.clock.Advance(10 * time.Second)
				}
				if got := w.counts.get("samples dropped rejected"); got != intervals*refused {
					t.Errorf("%d are counted as rejected, want %d", got, intervals*refused)
				}
				w.accounted("delivered", "dropped rejected")
				if lines := w.log.all(); len(lines) != 1 {
					t.Errorf("logged %q", lines)
				}
			})
		}
	}
}

// TestRefusedSeriesComeBack: once the receiver takes them, they are there after some
// minutes, more of them at each interval.
func TestRefusedSeriesComeBack(t *testing.T) {
	w := newWorker(newKit(t, nil))
	var all []*metric.Series
	for i := range 200 {
		all = append(all, gauge("g", metric.Label{Name: "i", Value: fmt.Sprint(i)}))
	}
	w.in.set(limited(true, func(labels string) bool { return labels != `__name__="g",i="0"` }))
	back := 0
	for n := range 60 {
		if n == 10 {
			w.in.set(healthy)
		}
		c := &flushed{}
		for _, s := range all {
			c.samples = append(c.samples, at(s, float64(10*n), float64(n)))
		}
		w.take(c)
		w.work()
		w.clock.Advance(10 * time.Second)
		w.in.mu.Lock()
		if len(w.in.stored) == 200 && back == 0 {
			back = n
		}
		w.in.mu.Unlock()
	}
	if back == 0 || back > 42 {
		t.Errorf("all are back at interval %d, of 10 s", back)
	}
}

// TestGoodSeriesOfAMimir: what it stored of a request that it refused is no loss.
func TestGoodSeriesOfAMimir(t *testing.T) {
	w := newWorker(newKit(t, nil))
	for n := range 3 {
		var chunks []*flushed
		for i := range 6 { // a flush a minute, six events in it
			sec := float64(60*n + 10*i)
			chunks = append(chunks, &flushed{samples: []metric.Sample{at(temperature, sec, sec), at(memory, sec, sec), at(gauge("bad"), sec, sec)}})
		}
		if n == 1 {
			w.in.set(limited(true, func(labels string) bool { return labels == `__name__="bad"` }))
		}
		w.take(chunks...)
		w.work()
		w.clock.Advance(time.Minute)
	}
	for _, labels := range []string{hasTemperature, hasMemory} {
		seen := map[int64]bool{}
		for _, p := range w.in.stored[labels[1:len(labels)-1]] {
			seen[p.ms] = true
		}
		if len(seen) != 18 {
			t.Errorf("%s: %d points", labels, len(seen))
		}
	}
	w.accounted("delivered", "dropped rejected", "adjusted resent")
	if got := w.counts.get("samples dropped rejected"); got != 12 {
		t.Errorf("%d rejected", got)
	}
}

// TestSomebodyElsesSeries: a series that another device writes too costs little.
func TestSomebodyElsesSeries(t *testing.T) {
	w := newWorker(newKit(t, nil))
	w.in.set(func(r *receiver) { r.stored[`__name__="edge_temperature_celsius",zone="0"`] = []point{{ms(1e6), 1}} })
	for n := range 60 {
		w.take(&flushed{samples: []metric.Sample{at(temperature, float64(10*n), 1), at(memory, float64(10*n), 1), kept(packets, float64(n))}})
		w.work()
		w.clock.Advance(10 * time.Second)
	}
	if n := len(w.in.got()); n > 60+40 {
		t.Errorf("%d requests for 60 chunks", n)
	}
	w.counts.want(t, "delivered 120", "dropped out_of_order 60")
}

// TestOneRequestForManyChunks: a metrics event is a chunk of its own in Fluent Bit.
func TestOneRequestForManyChunks(t *testing.T) {
	k := newKit(t, nil)
	var chunks []*flushed
	for i := range 6 {
		chunks = append(chunks, &flushed{samples: []metric.Sample{at(temperature, float64(10*i), 1), at(memory, float64(10*i), 1)}})
	}
	k.mustSend(chunks...)
	got := k.in.got()
	if len(got) != 1 || len(got[0].series) != 2 || got[0].points() != 12 {
		t.Errorf("%d requests, the first with %d points of %d series", len(got), got[0].points(), len(got[0].series))
	}
}

// countingSource counts how often a chunk's samples are asked for.
type countingSource struct {
	*flushed
	asked *int
}

func (s countingSource) Samples() []metric.Sample {
	*s.asked++
	return s.flushed.Samples()
}

// TestGatheredOnce: what waits is not gathered at each try, and tries stay small.
func TestGatheredOnce(t *testing.T) {
	w := newWorker(newKit(t, nil))
	w.in.set(status(503))
	asked := 0
	for i := range 500 {
		c := &flushed{samples: []metric.Sample{at(temperature, float64(i), 1)}}
		c.source = countingSource{c, &asked}
		w.take(c)
		w.work()
		w.clock.Advance(time.Second)
	}
	if asked > 2*500 { // once at Admit, once when it is gathered
		t.Errorf("500 chunks were asked for their samples %d times", asked)
	}
	for _, r := range w.in.got() {
		if r.points() > 64 {
			t.Errorf("a try with %d points", r.points())
		}
	}
	w.drain()
	if n := w.counts.get("samples delivered"); n != 500 {
		t.Errorf("%d delivered", n)
	}
}

// TestAbsolutePointsAreBounded: what does not fit waits in its chunk.
func TestAbsolutePointsAreBounded(t *testing.T) {
	w := newWorker(newKit(t, nil))
	w.in.set(status(503))
	for i := range 100 {
		c := many(1000)
		for k := range c.samples {
			c.samples[k].UnixNano += int64(i) * 1e9
		}
		w.take(c)
		w.work()
	}
	w.drain()
	w.accounted("delivered")
	if n := w.counts.get("request 400"); n > 0 {
		t.Errorf("%d requests were refused", n)
	}
}

// TestNoCliff: the cost of a sample does not rise with the number of series.
func TestNoCliff(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	perSeries := func(n int) float64 {
		s := newSilent(t, newDiscard())
		c := many(n)
		flush := func() {
			for i := range c.samples {
				c.samples[i].UnixNano += 1e9
			}
			if err := (&real{s, newClock(), newCounts()}).send(t.Context(), &flushed{samples: c.samples}); err != nil {
				t.Fatal(err)
			}
		}
		flush()
		return testing.AllocsPerRun(2, flush) / float64(n)
	}
	few, many := perSeries(20_000), perSeries(60_000)
	if many > 1.5*few+0.1 {
		t.Errorf("%.2f allocations a series with 60,000 of them, %.2f with 20,000", many, few)
	}
}
