package outbox_test

import (
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"out_edge/build/testkit"
	"out_edge/plugin/chunk"
	"out_edge/plugin/delivery"
	"out_edge/plugin/delivery/outbox"
	"out_edge/plugin/metric"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// own is what the receiver of these tests wants of a series: times in ms that rise.
type own struct{ last int64 }

// receiver takes sums: of two values for one series and time, the last one counts.
type receiver struct {
	*outbox.Box[own]
	t      *testing.T
	clock  *testkit.Clock
	counts map[string]int
	stored map[string]map[int64]float64
	jobs   []*delivery.Job
	items  []outbox.Item[own]
}

func newReceiver(t *testing.T, grain time.Duration) *receiver {
	r := &receiver{t: t, clock: testkit.NewClock(time.Unix(1_795_000_000, 0)), counts: map[string]int{}, stored: map[string]map[int64]float64{}}
	r.Box = outbox.New(outbox.Rules[own]{
		Clock: r.clock,
		Key:   func(dst []byte, id *metric.Series) []byte { return append(dst, id.Name...) },
		New:   func(*metric.Series) own { return own{last: math.MinInt64} },
		Read: func(_ *outbox.Series[own], s *metric.Sample) (outbox.Point, outbox.SampleOutcome) {
			if math.IsNaN(s.Value) {
				return outbox.Point{}, outbox.Dropped("not_finite")
			}
			return outbox.Point{Value: s.Value, At: s.UnixNano / 1e6}, outbox.SampleOutcome{}
		},
		IsKept: func(s *metric.Sample) bool { return s.Kept },
		Merge:  func(newer, older *outbox.Point) { newer.Value += older.Value },
		Stamp: func(s *outbox.Series[own], p, _ *outbox.Point) outbox.SampleOutcome {
			if p.Kept && !p.Stamped {
				p.At = max(p.At/1e6, s.Own.last+1)
			}
			s.Own.last, p.Stamped = max(s.Own.last, p.At), true
			return outbox.SampleOutcome{}
		},
		Unstamp: func(_ *outbox.Series[own], points []outbox.Point) {
			for i := range points {
				if p := &points[i]; p.Kept && !p.Sealed() {
					p.At, p.Stamped = p.At*1e6, false
				}
			}
		},
		Cost:  func(_ *outbox.Series[own], n int) (int, int) { return n, n },
		Grain: int64(grain),
	})
	return r
}

// counted is the Telemetry of jobs.
type counted struct {
	delivery.NoTelemetry
	n map[string]int
}

func (c counted) Delivered(_ string, n int)        { c.n["delivered"] += n }
func (c counted) Dropped(_, reason string, n int)  { c.n["dropped "+reason] += n }
func (c counted) Adjusted(_, reason string, n int) { c.n["adjusted "+reason] += n }

func (r *receiver) wantCounts(want map[string]int) {
	r.t.Helper()
	if !maps.Equal(r.counts, want) {
		r.t.Errorf("counted %v, want %v", r.counts, want)
	}
}

// chunkOf is a chunk of samples. Once they are gone, again is what it gives.
type chunkOf struct {
	samples, again []metric.Sample
	provisional    bool
}

func (*chunkOf) Records(func(*chunk.Record, int64) bool) {}
func (c *chunkOf) Samples() []metric.Sample              { return c.samples }
func (c *chunkOf) Again(string) []metric.Sample          { return slices.Clone(c.again) }

// take has a chunk come.
func (r *receiver) take(samples ...metric.Sample) *delivery.Job {
	return r.takeChunk(&chunkOf{samples: samples})
}

func (r *receiver) takeChunk(c *chunkOf) *delivery.Job {
	j := delivery.NewJob(delivery.JobSpec{Arrived: r.clock.Now(), Provisional: c.provisional, Telemetry: counted{n: r.counts}, Source: c, Open: len(c.samples)})
	r.Admit(j)
	r.jobs = append(r.jobs, j)
	return j
}

// store has the receiver keep items.
func (r *receiver) store(items []outbox.Item[own]) {
	for _, it := range items {
		if r.stored[it.ID.Name] == nil {
			r.stored[it.ID.Name] = map[int64]float64{}
		}
		r.stored[it.ID.Name][it.At] = it.Value
	}
}

// send makes one Send, of requests of so many points, each of which ends as fail says.
func (r *receiver) send(room int, fail func(items []outbox.Item[own]) bool) {
	r.t.Helper()
	for more := true; more; {
		more = r.Gather(r.jobs)
		r.Begin()
		for {
			r.items = r.Take(r.items[:0], outbox.Limit{Points: room, Bytes: room})
			if len(r.items) == 0 {
				break
			}
			if !rises(r.items) {
				r.t.Errorf("points of a series do not rise: %v", r.items)
			}
			if fail(r.items) {
				r.End()
				return
			}
			r.store(r.items)
			r.Deliver(r.items)
		}
	}
	r.End()
}

func well([]outbox.Item[own]) bool { return false }

func rises(items []outbox.Item[own]) bool {
	for i := 1; i < len(items); i++ {
		if items[i].Series == items[i-1].Series && items[i].At <= items[i-1].At {
			return false
		}
	}
	return true
}

func (r *receiver) sum(name string) (sum float64) {
	for _, v := range r.stored[name] {
		sum += v
	}
	return sum
}

func series(name string) *metric.Series { return &metric.Series{Name: name} }

func kept(s *metric.Series, v float64) metric.Sample {
	return metric.Sample{Series: s, Value: v, Kept: true}
}

func (r *receiver) absolute(s *metric.Series, ms int64, v float64) metric.Sample {
	return metric.Sample{Series: s, Value: v, UnixNano: (r.clock.Now().Wall/1e6 + ms) * 1e6}
}
