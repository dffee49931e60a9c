package ddsink

import (
	"sync"
	"time"

	"out_edge/timefix"
)

const (
	// maxTotals bounds the series whose last total is remembered; each takes
	// some 80 bytes.
	maxTotals = 20_000
	// sweepEvery is the least time from a search for silent series that found
	// none to the next.
	sweepEvery = time.Minute
)

// totals turns counters' totals into what was added, for Datadog's counts. It
// survives retries in any order: what is taken for a request that then fails is
// given back, and goes out with the series' next point, whichever request has it.
type totals struct {
	mu   sync.Mutex
	last map[uint64]total
	// nextSweep is when it is worth while to look for silent series again, as
	// now.Elapsed tells time.
	nextSweep time.Duration
}

type total struct {
	value float64
	at    int64         // ns since 1970
	owed  float64       // was added, and has not been delivered
	seen  time.Duration // when a sample came last, as now.Elapsed tells time
}

func newTotals() *totals { return &totals{last: map[uint64]total{}} }

// take is what was added to series key since it was seen last. known is false at
// first sight, and where there is nothing to tell: a later total has covered this
// one. full is true when there is no room for another series.
func (t *totals) take(key uint64, value float64, at int64, now timefix.Instant) (added float64, known, full bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l, seen := t.last[key]
	if !seen {
		if len(t.last) >= maxTotals && !t.forget(now.Elapsed()) {
			return 0, false, true
		}
		t.last[key] = total{value: value, at: at, seen: now.Elapsed()}
		return 0, false, false
	}
	known = l.owed != 0
	if l.newer(value, at, now) {
		known = true
		added = l.grow(value)
	}
	added += l.owed
	l.owed, l.seen = 0, now.Elapsed()
	t.last[key] = l
	return added, known, false
}

// newer says whether value is a later total than l, whose time it then has. Where l
// is of a time that the intake would not take yet, the clock was set back since: any
// total is the later one, but a lower one may have been on its way for long. If it
// was a restart, the next total tells.
func (l *total) newer(value float64, at int64, now timefix.Instant) bool {
	setBack := l.at > now.Wall+int64(seriesMaxAhead)
	if at <= l.at && !setBack {
		return false
	}
	l.at = at
	return value >= l.value || !setBack
}

// grow makes value the total, and returns what was added to it.
func (l *total) grow(value float64) (added float64) {
	added = value - l.value
	if value < l.value { // a restart: all of it is new
		added = value
	}
	l.value = value
	return added
}

// giveBack says that what take gave has not been delivered.
func (t *totals) giveBack(key uint64, added float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l, seen := t.last[key]; seen {
		l.owed += added
		t.last[key] = l
	}
}

// forget drops series that have been silent for an hour, and says whether there
// was one. It goes through all of them, so it does not look again soon where that was
// in vain.
func (t *totals) forget(now time.Duration) bool {
	if wait := t.nextSweep - now; wait > 0 && wait <= sweepEvery {
		return false
	}
	before := len(t.last)
	for key, l := range t.last {
		if now-l.seen > seriesMaxAge {
			delete(t.last, key)
		}
	}
	if len(t.last) < before {
		return true
	}
	t.nextSweep = now + sweepEvery
	return false
}
