package remotewrite

import (
	"math"

	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
)

// Bounds of the entries that wait between the tries of their chunks. What finds
// no room comes back with its chunk, later than it could.
const (
	maxEntries       = 4096
	maxWaitingPoints = 64 << 10 // some 2 MiB
)

// point is one value of one series at one instant.
type point struct {
	out    *output // nil once it is settled
	ms     int64   // since 1970
	value  float64
	sample int32 // position in the samples
	// tried is set when a request with this point ended in a way that leaves
	// open whether it arrived.
	tried bool
}

// entry is what one chunk has to send. It is guarded by the Sender's mutex.
type entry struct {
	chunk  *delivery.Set // tells chunks apart
	active bool          // a Send is in it
	// batched is set while a batch has points of it.
	batched bool
	points  []point
	left    []int32 // by sample: points that are not settled
	fates   []fate  // by sample
	open    int     // samples that are not settled
	// settled are samples that the chunk has not been told of.
	settled delivery.Set
	// failed is why the last batch did not settle all of it, for a Send that
	// was waiting meanwhile.
	failed *delivery.RetryError
}

// settle gives a point its fate, and counts its sample once all of it is
// settled.
func (e *entry) settle(index int32, f fate, t *tally) {
	p := &e.points[index]
	if p.out == nil {
		return
	}
	p.out = nil
	s := p.sample
	e.fates[s] = max(e.fates[s], f)
	e.left[s]--
	if e.left[s] == 0 {
		e.finish(int(s), e.fates[s], t)
	}
}

// finish settles a sample.
func (e *entry) finish(sample int, f fate, t *tally) {
	e.open--
	e.settled.Add(sample)
	t[f]++
}

// compact drops the points that are settled.
func (e *entry) compact() {
	kept := e.points[:0]
	for _, p := range e.points {
		if p.out != nil {
			kept = append(kept, p)
		}
	}
	clear(e.points[len(kept):])
	e.points = kept
	if len(kept) == 0 && !e.active { // it waits only to tell its chunk
		e.points, e.left, e.fates = nil, nil, nil
	}
}

// tell puts into done what is settled.
func (e *entry) tell(done *delivery.Set, samples int) {
	for i := range samples {
		if e.settled.Has(i) {
			done.Add(i)
		}
	}
}

// reset makes an entry ready for another chunk.
func (e *entry) reset() {
	clear(e.points)
	*e = entry{points: e.points[:0], left: e.left[:0], fates: e.fates[:0]}
}

// add appends the points of a sample that is sound.
func (e *entry) add(s *metric.Sample, p *plan, position int32) {
	ms := floorDiv(s.UnixNano, 1e6)
	next := 0
	put := func(v float64) {
		if out := p.outputs[next]; out != nil {
			e.points = append(e.points, point{out: out, ms: ms, value: canonical(v), sample: position})
		}
		next++
	}
	if !isDistribution(s.Series.Kind) {
		put(s.Value)
		return
	}
	put(float64(s.Dist.Count))
	put(s.Dist.Sum)
	if s.Series.Kind == metric.Summary {
		for _, v := range s.Dist.Values {
			put(v)
		}
		return
	}
	for _, n := range s.Dist.Counts {
		put(float64(n))
	}
	put(float64(s.Dist.Count)) // +Inf: all of them
}

func isDistribution(k metric.Kind) bool { return k == metric.Histogram || k == metric.Summary }

// isSound tells whether a sample can be sent: a histogram or summary needs a value
// for each of its bounds, which rise.
func isSound(s *metric.Sample) bool {
	d := s.Dist
	switch {
	case !isDistribution(s.Series.Kind):
		return true
	case d == nil,
		s.Series.Kind == metric.Summary && len(d.Values) != len(d.Bounds),
		s.Series.Kind == metric.Histogram && len(d.Counts) != len(d.Bounds):
		return false
	}
	for i, b := range d.Bounds {
		if math.IsNaN(b) || math.IsInf(b, 0) || i > 0 && b <= d.Bounds[i-1] {
			return false
		}
	}
	return true
}

// The NaNs that Prometheus knows: one is a value, the other says that a series
// has ended. Source: prometheus/model/value.
const (
	normalNaN = 0x7ff8000000000001
	staleNaN  = 0x7ff0000000000002
)

// canonical sees to it that no value looks like a staleness marker.
func canonical(v float64) float64 {
	if math.IsNaN(v) {
		return math.Float64frombits(normalNaN)
	}
	return v
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
