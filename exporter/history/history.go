// Package history keeps the recent values of a series in a fixed space, for the status
// page's lines.
package history

import (
	"slices"

	"out_edge/plugin/metric"
)

// Limits of a History: 120 points are as many as a line on a phone can show, and
// 32 s between them make 64 minutes. 100 histories take about 200 KiB.
const (
	maxPoints   = 120
	minInterval = int64(1e9) // ns between two points at first
	maxInterval = 32 * minInterval
)

// Point is a value, and when it arrived: ns of timefix.Instant.Elapsed.
type Point struct {
	At    int64
	Value float64
}

// History holds the values of one series: at first one a second, then at longer
// intervals as it grows, then the last hour. Of the values within one interval it keeps
// the last, which is right for counters too. It is not safe for concurrent use.
type History struct {
	// Metric is a host metric's name without the prefix (cpu_usage_ratio), or ""
	// for a series that does not come from a host record.
	Metric string
	// Labels are the metric's own, as they were before relabelling.
	Labels []metric.Label

	interval int64 // ns; one point for each; 0 before the first
	n        int
	points   [maxPoints]Point
}

// Add adds a value. If the clock went back, the history starts anew. A nil History
// ignores it.
func (h *History) Add(at int64, v float64) {
	if h == nil {
		return
	}
	h.interval = max(h.interval, minInterval)
	if h.n > 0 {
		last := &h.points[h.n-1]
		if at < last.At {
			h.n, h.interval = 0, minInterval
		} else if at/h.interval == last.At/h.interval {
			*last = Point{at, v}
			return
		}
	}
	if h.n == maxPoints {
		h.makeRoom()
	}
	h.points[h.n] = Point{at, v}
	h.n++
}

// makeRoom frees at least one point.
func (h *History) makeRoom() {
	for h.n == maxPoints && h.interval < maxInterval {
		h.interval *= 2
		h.thin()
	}
	if h.n == maxPoints {
		h.n = copy(h.points[:], h.points[1:])
	}
}

// thin keeps the last point of each interval.
func (h *History) thin() {
	n := 0
	for _, p := range h.points[:h.n] {
		if n > 0 && p.At/h.interval == h.points[n-1].At/h.interval {
			n--
		}
		h.points[n] = p
		n++
	}
	h.n = n
}

// Points returns a copy of the points, oldest first.
func (h *History) Points() []Point { return slices.Clone(h.points[:h.n]) }
