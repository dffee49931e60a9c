// Package history keeps the recent values of a series in a fixed space, and how often
// something happened in the last minute, for the status page.
package history

import (
	"math"
	"slices"
	"time"

	"out_edge/plugin/metric"
)

// maxPoints is how many points a line has at most: as many as a phone can show.
const maxPoints = 120

// minInterval is the time between two points at first, in ns.
const minInterval = int64(1e9)

// intervals are the longest times between two points in ns, for each of the lines of a
// History: they reach back 16 min, 64 min and 6 h 24 min.
var intervals = [...]int64{8 * minInterval, 32 * minInterval, 192 * minInterval}

// Point is a value, and when it arrived: ns of timefix.Instant.Elapsed.
type Point struct {
	At    int64
	Value float64
}

// History holds the values of one series three times, for a short, a longer and a long
// time. 100 of them take about 600 KiB. It is not safe for concurrent use.
type History struct {
	// Metric is a host metric's name without the prefix (cpu_usage_ratio), or ""
	// for a series that does not come from a host record.
	Metric string
	// Labels are the metric's own, as they were before relabelling.
	Labels []metric.Label

	lines [len(intervals)]line
}

// Add adds a value. If the clock went back, the history starts anew. A nil History
// ignores it.
func (h *History) Add(at int64, v float64) {
	if h == nil {
		return
	}
	for i := range h.lines {
		h.lines[i].add(at, v, intervals[i])
	}
}

// Points returns a copy of the points of about the last span, oldest first: those of the
// closest line that reaches so far.
func (h *History) Points(span time.Duration) []Point {
	i := 0
	for i < len(intervals)-1 && maxPoints*intervals[i] < int64(span) {
		i++
	}
	return h.lines[i].list()
}

// line holds values: at first one a second, then at longer intervals as it grows, until
// it moves on with the longest. Of the values within one interval it keeps the last,
// which is right for counters too.
type line struct {
	interval int64 // ns; one point for each; 0 before the first
	until    int64 // where the interval of the last point ends
	n        int
	points   [maxPoints]Point
}

func (l *line) add(at int64, v float64, longest int64) {
	if l.n > 0 {
		last := &l.points[l.n-1]
		switch {
		case at < last.At:
			l.n, l.interval = 0, minInterval
		case at < l.until:
			*last = Point{at, v}
			return
		}
	}
	l.interval = max(l.interval, minInterval)
	if l.n == maxPoints {
		l.makeRoom(longest)
	}
	l.points[l.n] = Point{at, v}
	l.n++
	l.until = (at/l.interval + 1) * l.interval
}

// makeRoom frees at least one point.
func (l *line) makeRoom(longest int64) {
	for l.n == maxPoints && l.interval < longest {
		l.interval = min(2*l.interval, longest)
		l.thin()
	}
	if l.n == maxPoints {
		l.n = copy(l.points[:], l.points[1:])
	}
}

// thin keeps the last point of each interval.
func (l *line) thin() {
	n := 0
	for _, p := range l.points[:l.n] {
		if n > 0 && p.At/l.interval == l.points[n-1].At/l.interval {
			n--
		}
		l.points[n] = p
		n++
	}
	l.n = n
}

func (l *line) list() []Point { return slices.Clone(l.points[:l.n]) }

// The time that a Window covers.
const (
	steps = 6
	step  = int64(10e9) // ns
)

// Window counts what happened in about the last minute. The zero value is ready to use;
// it is not safe for concurrent use.
type Window struct {
	counts [steps]uint32 // the newest first
	newest int64         // the number of its step; 0 before the first
}

// Add counts n at an instant in ns of timefix.Instant.Elapsed. More than 4e9 in ten
// seconds count as that.
func (w *Window) Add(at int64, n int) {
	w.move(at / step)
	w.counts[0] = uint32(min(uint64(w.counts[0])+uint64(max(n, 0)), math.MaxUint32))
}

// move makes a step the newest one. One before it is none: the clock went back.
func (w *Window) move(to int64) {
	behind := to - w.newest
	if behind < 0 || behind >= steps {
		w.counts = [steps]uint32{}
	} else {
		copy(w.counts[behind:], w.counts[:])
		clear(w.counts[:behind])
	}
	w.newest = to
}

// Rate is how often something happened in a second, of the last 50 to 60 s. since is
// when counting began.
func (w *Window) Rate(now, since int64) float64 {
	c := *w
	c.move(now / step)
	sum := 0.0
	for _, n := range c.counts {
		sum += float64(n)
	}
	from := max((c.newest-steps+1)*step, since)
	return sum * 1e9 / float64(max(now-from, 1e9))
}
