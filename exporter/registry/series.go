package registry

import (
	"math"
	"sync/atomic"

	dto "github.com/prometheus/client_model/go"

	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// How far ahead of the clock, in ns, a sample may be and still count as newer than
// the next ones; beyond it its time was wrong, or the clock was set back since, and
// it must not block the series until that time has come. Totals that are made
// elsewhere get long: of those, a late one would look like a restart.
const (
	shortSlack = int64(2e9)
	longSlack  = int64(10 * 60 * 1e9)
)

// series is one series of one Registry, whose mutex guards it, but for what a scrape
// reads: value and dist are atomic, pairs and family are settled before the series is
// shown.
type series struct {
	id *metric.Series
	// registry is the one that the series is of; it never changes.
	registry *Registry
	pairs    []*dto.LabelPair
	family   *family
	shown    bool
	value    atomic.Uint64 // math.Float64bits
	dist     atomic.Pointer[metric.Distribution]
	// exemplars came with the newest value that had some.
	exemplars atomic.Pointer[metric.Exemplars]
	known     bool    // a sample was taken
	at        int64   // of the newest sample, ns since 1970
	seen      int64   // arrival of the last sample
	watch     Watcher // nil where nobody watches

	owner      *source // whose samples it takes
	missing    int     // samples of other sources since the owner's last
	takenOver  bool    // it has had another owner
	resetCount uint32  // by which owners have changed, of a histogram or summary
	resetIn    uint32  // Sample.ResetCount of a rule's newest total
	abandoned  bool    // its owner goes on without it
	dropped    bool    // it is no more
	// start is when the total began, where its source says that: such a total may expire,
	// since one that comes back says whether it is the same.
	start int64
}

// Watcher is told of the values of one series.
type Watcher interface {
	// Add is told of a value and when it arrived, in ns of timefix.Instant.Elapsed. It must not block.
	Add(arrival int64, v float64)
	// Close says that the series is no more.
	Close()
}

// take makes a sample the value, if it is the newest, and completes it: a total from
// what was added, or what was added from totals.
func (s *series) take(sm *metric.Sample, now timefix.Instant, origin Origin) Refusal {
	if sm.Exemplars != nil {
		s.exemplars.Store(sm.Exemplars)
	}
	switch {
	case s.id.Kind.IsDistribution():
		if !sound(sm.Dist, s.id.Kind) {
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

// isNewTotal tells whether a total that was made elsewhere is the newest.
func (s *series) isNewTotal(sm *metric.Sample, now timefix.Instant, origin Origin) bool {
	if origin == FromRule {
		return s.grown(sm, now)
	}
	return s.newer(sm.UnixNano, now, longSlack)
}

// grown is newer for a total that a rule has made. Those never fall: the largest is
// the newest, however late the record. One that has made room for others begins anew,
// with another ResetCount.
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

// set makes v the value. Arrival is what keeps a series alive, even where the sample
// is old.
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

// ahead tells whether the newest sample is too far ahead of the clock, and the one
// of unixNano is not. Beyond longSlack, no time is right.
func (s *series) ahead(unixNano, wall, slack int64) bool {
	return s.at > wall+longSlack || s.at > wall+slack && unixNano <= wall+slack
}

// total takes a counter's total, and fills in what it has grown by since the newest
// sample before. A total that has gone down started again from 0. What a late one has
// grown by is part of what the newest has. What the first one of another source has
// grown by, nobody knows.
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

// arrival is the clock that a series' life is measured by.
func arrival(now timefix.Instant) int64 { return int64(now.Elapsed()) }

// sound tells whether a distribution can be shown as kind.
func sound(d *metric.Distribution, kind metric.Kind) bool {
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
	return d.Native == nil || kind == metric.Histogram && soundNative(d.Native, d.Count)
}
