package registry

import (
	"math"

	"out_edge/plugin/metric"
)

// Totals are the totals that a Registry knows, for the one that replaces it: those of
// host records go on, and of those of metrics events the growth is known. Totals of
// rules are the rules' own. The zero Totals is empty.
type Totals struct{ bySeries map[*metric.Series]total }

// total is one of them, and whose it is.
type total struct {
	value      float64
	dist       *metric.Distribution
	at, start  int64
	resetCount uint32
	takenOver  bool
	tag        string
	from       *metric.Series
	host       bool
}

// Totals returns those of all series.
func (r *Registry) Totals() Totals {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make(map[*metric.Series]total)
	for id, s := range r.all {
		if id.Kind.IsTotal() && s.known && s.owner != nil && s.owner.tag != r.rules {
			o := s.owner
			all[id] = total{s.number(), s.dist.Load(), s.at, s.start, s.resetCount, s.takenOver, o.tag.tag, o.from, o.host}
		}
	}
	return Totals{all}
}

// Inherit makes totals go on where those of another Registry have ended, each when its
// source has its first sample here. It is called before the first Apply.
func (r *Registry) Inherit(t Totals) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inherited = t.bySeries
}

// inherit sets the total of a new series.
func (r *Registry) inherit(s *series, src *source) {
	t, ok := r.inherited[s.id]
	if !ok {
		return
	}
	delete(r.inherited, s.id)
	if t.tag != src.tag.tag || t.from != src.from || t.host != src.host {
		return
	}
	s.value.Store(math.Float64bits(t.value))
	s.dist.Store(t.dist)
	s.known, s.at, s.start, s.resetCount, s.takenOver = true, t.at, t.start, t.resetCount, t.takenOver
}
