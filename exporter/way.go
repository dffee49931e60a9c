package exporter

import (
	"slices"

	"out_edge/plugin/metric"
)

// way is a way in to a series: one source of its samples, which is known again
// by it at once.
type way struct {
	to *series // nil: relabelling drops what comes this way
	// from is the source's own series, of a metrics event or a rule.
	from *metric.Series
	// slots is the map of the instance that a host record's value is looked up
	// in, slot its key there.
	slots map[string]*way
	slot  string
}

const (
	// maxAway bounds the ways in that lead nowhere, or to another's total.
	maxAway = 16384
	// maxWays bounds those to one series. What comes by others is worked out
	// anew each time.
	maxWays = 16
	// patience is how many samples of other sources must come, without one of
	// the owner, until a total changes hands: a series may be followed by one
	// that differs only in labels that relabelling takes away.
	patience = 100
)

// same tells whether two ways are those of one source: a metrics event's series
// may come under a new pointer.
func (w *way) same(o *way) bool {
	a, b := w.from, o.from
	if a == nil || b == nil {
		return a == b && w.slot == o.slot
	}
	return a == b || a.Kind == b.Kind && a.Name == b.Name && slices.Equal(a.Labels, b.Labels)
}

// feeds tells whether the series takes a sample that comes this way. A total has
// one source, or it would jump between theirs; a gauge takes whoever comes last.
func (m *Instance) feeds(w *way) bool {
	s := w.to
	switch {
	case s.owner == w:
		s.missing = 0
		return true
	case s.expires():
		return true
	}
	if s.missing++; s.missing <= patience {
		m.cfg.Telemetry.Refused(relabelRule, duplicateReason, 1)
		return false
	}
	m.handOver(s, w)
	return true
}

// What Self.Refused calls a sample of a total's second source. The names are
// those of the rules' own refusals.
const (
	relabelRule     = "metric_relabel_configs"
	duplicateReason = "relabel_duplicate"
)

// handOver makes w the source of a total. Its samples have nothing to do with
// those before: the first one counts, and is no growth.
func (m *Instance) handOver(s *series, w *way) {
	if !slices.Contains(s.ways, w) {
		m.forget(s.owner)
		m.remember(w)
	}
	s.owner, s.missing = w, 0
	s.known, s.handed = false, true
	if s.id.Kind.IsDistribution() {
		s.resetCount++
	}
}

// enter remembers a way that was just worked out, as far as there is room.
func (m *Instance) enter(w *way) {
	s := w.to
	if i := slices.IndexFunc(s.ways, w.same); i >= 0 {
		old := s.ways[i]
		m.forget(old)
		m.remember(w)
		if s.owner == old {
			s.owner = w
		}
		return
	}
	if s.owner == nil {
		s.owner = w
	} else if len(s.ways) >= maxWays || len(m.events) >= maxAway || len(w.slots) >= maxAway {
		return
	}
	m.remember(w)
}

func (m *Instance) remember(w *way) {
	w.to.ways = append(w.to.ways, w)
	if w.from != nil {
		m.events[w.from] = w
	} else {
		w.slots[w.slot] = w
	}
}

func (m *Instance) forget(w *way) {
	w.to.ways = slices.DeleteFunc(w.to.ways, func(x *way) bool { return x == w })
	if w.from != nil {
		delete(m.events, w.from)
	} else {
		delete(w.slots, w.slot)
	}
}
