package registry

import (
	"math"
	"sync/atomic"

	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// How far ahead of the clock, in ns, a sample may be and still count as newer than
// later ones. Beyond that its time was wrong, or the clock was set back since, and it
// must not block the series until that time. Totals that are kept elsewhere get the
// longer limit, because a late one would look like a reset.
const (
	shortSlack = int64(2e9)
	longSlack  = int64(10 * 60 * 1e9)
)

// series is one series of one Registry, whose mutex guards it, except for what a scrape
// reads: value and dist are atomic; family does not change once the series is shown; text
// belongs to whoever renders the page.
type series struct {
	id *metric.Series
	// registry owns the series; it never changes.
	registry *Registry
	family   *family
	text     string // the labels as /metrics writes them, made by the first scrape
	shown    bool
	value    atomic.Uint64 // math.Float64bits
	dist     atomic.Pointer[metric.Distribution]
	// exemplars are those of the newest value with some.
	exemplars atomic.Pointer[metric.Exemplars]
	known     bool    // it has a sample
	at        int64   // time of the newest sample, ns since 1970
	seen      int64   // arrival of the last sample
	watch     Watcher // may be nil

	owner      *source // the source whose samples it accepts
	missing    int     // samples of other sources since the owner's last
	takenOver  bool    // it has had another owner
	resetCount uint32  // number of changes of the owner, of a histogram or summary
	resetIn    uint32  // Sample.ResetCount of a rule's newest total
	abandoned  bool    // its owner continues without it
	dropped    bool    // it has ended
	// start is when the total began, if its source reports that: such a total may
	// expire, because the start shows whether one that comes back is the same.
	start int64
}

// Watcher receives the values of one series.
type Watcher interface {
	// Add is called with a value and its arrival, in ns of timefix.Instant.Elapsed. It
	// must not block.
	Add(arrival int64, v float64)
	// Close is called when the series ends.
	Close()
}

// take sets the value if the sample is the newest, and completes the sample: a total
// from what was added, or what was added from totals.
func (s *series) take(sm *metric.Sample, now timefix.Instant, origin Origin) Refusal {
	if sm.Exemplars != nil {
		s.exemplars.Store(sm.Exemplars)
	}
	switch {
	case s.id.Kind.IsDistribution():
		if !isValid(sm.Dist, s.id.Kind) {
			return Malformed
		}
		newest := s.isNewTotal(sm, now, origin)
		sm.ResetCount += s.resetCount
		if newest {
			s.dist.Store(sm.Dist)
			s.start = sm.Start
		}
	case !s.id.Kind.IsTotal():
		if s.newer(sm.UnixNano, now, shortSlack) {
			s.set(sm.Value, now)
		}
	case origin == FromHost:
		s.newer(sm.UnixNano, now, shortSlack)
		sm.Value = s.number() + sm.Delta
		s.set(sm.Value, now)
	default:
		s.total(sm, now, origin)
	}
	return Accepted
}

func (s *series) number() float64 { return math.Float64frombits(s.value.Load()) }

// isNewTotal reports whether a total that is kept elsewhere is the newest.
func (s *series) isNewTotal(sm *metric.Sample, now timefix.Instant, origin Origin) bool {
	if origin == FromRule {
		return s.grown(sm, now)
	}
	return s.newer(sm.UnixNano, now, longSlack)
}

// grown is isNewTotal for a total of a rule. Those never decrease: the largest is the
// newest, however late the record. One that was evicted starts again, with another
// ResetCount.
func (s *series) grown(sm *metric.Sample, now timefix.Instant) bool {
	s.seen = arrival(now)
	if s.known && sm.ResetCount <= s.resetIn {
		switch d := s.dist.Load(); {
		case sm.Dist != nil && sm.Dist.Count <= d.Count,
			sm.Dist == nil && sm.Value <= s.number():
			return false
		}
	}
	s.known, s.at, s.resetIn = true, sm.UnixNano, sm.ResetCount
	return true
}

// set sets the value. The arrival counts for expiry, even if the sample is old.
func (s *series) set(v float64, now timefix.Instant) {
	s.value.Store(math.Float64bits(v))
	if s.watch != nil {
		s.watch.Add(arrival(now), v)
	}
}

func (s *series) newer(unixNano int64, now timefix.Instant, slack int64) bool {
	s.seen = arrival(now)
	if s.known && unixNano < s.at && !s.ahead(unixNano, now.Wall, slack) {
		return false
	}
	s.known, s.at = true, unixNano
	return true
}

// ahead reports whether the newest sample is too far ahead of the clock, and the one of
// unixNano is not. Above longSlack, the time is wrong.
func (s *series) ahead(unixNano, wall, slack int64) bool {
	return s.at > wall+longSlack || s.at > wall+slack && unixNano <= wall+slack
}

// total sets a counter's total, and fills in the growth since the newest sample before.
// A total that has decreased was reset to 0. The growth of a late one is included in
// that of the newest. The growth of the first one of another source is not known.
func (s *series) total(sm *metric.Sample, now timefix.Instant, origin Origin) {
	before, known := s.number(), s.known
	beganAnew := sm.Start != 0 && s.start != 0 && sm.Start > s.start
	newest := s.isNewTotal(sm, now, origin)
	if newest {
		s.set(sm.Value, now)
		s.start = sm.Start
	}
	sm.ResetCount = 0
	if sm.HasDelta || !known && !s.takenOver {
		return
	}
	sm.Delta, sm.HasDelta = 0, true
	switch {
	case !known || !newest:
	case sm.Value < before, beganAnew:
		sm.Delta = sm.Value
	default:
		sm.Delta = sm.Value - before
	}
}

// arrival is the time that expiry uses.
func arrival(now timefix.Instant) int64 { return int64(now.Elapsed()) }

// isValid reports whether a distribution can be shown as kind.
func isValid(d *metric.Distribution, kind metric.Kind) bool {
	if d == nil || kind == metric.Summary && len(d.Values) != len(d.Bounds) ||
		kind == metric.Histogram && len(d.Counts) != len(d.Bounds) {
		return false
	}
	for i, b := range d.Bounds {
		if math.IsNaN(b) || i > 0 && b <= d.Bounds[i-1] {
			return false
		}
		if kind == metric.Histogram && (d.Counts[i] > d.Count || i > 0 && d.Counts[i] < d.Counts[i-1]) {
			return false
		}
	}
	return d.Native == nil || kind == metric.Histogram && isValidNative(d.Native, d.Count)
}
