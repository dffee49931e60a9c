package exporter

// Limits of a history: 120 points are as many as a line on a phone can show, and
// 32 s between them make 64 minutes. 100 histories take about 200 KiB.
const (
	historyPoints = 120
	historyEvery  = int64(1e9)      // ns a point at first
	historyMost   = 32 * int64(1e9) // and in the end
)

// point is a value and when it came, by arrival's clock.
type point struct {
	at int64
	v  float64
}

// history keeps the course of one series in a fixed room: fine at first, then
// coarser as it grows longer, then sliding. Of the values within one step the
// last one stays, which is right for counters too.
type history struct {
	every  int64 // ns; one point for each
	n      int
	points [historyPoints]point
}

func newHistory() *history { return &history{every: historyEvery} }

// add notes a value. A clock that has gone back starts the history anew.
func (h *history) add(at int64, v float64) {
	if h.n > 0 {
		last := &h.points[h.n-1]
		if at < last.at {
			h.n, h.every = 0, historyEvery
		} else if at/h.every == last.at/h.every {
			*last = point{at, v}
			return
		}
	}
	if h.n == historyPoints {
		h.makeRoom()
	}
	h.points[h.n] = point{at, v}
	h.n++
}

// makeRoom leaves at least one point free.
func (h *history) makeRoom() {
	for h.n == historyPoints && h.every < historyMost {
		h.every *= 2
		h.thin()
	}
	if h.n == historyPoints {
		h.n = copy(h.points[:], h.points[1:])
	}
}

// thin keeps the last point of each step.
func (h *history) thin() {
	n := 0
	for _, p := range h.points[:h.n] {
		if n > 0 && p.at/h.every == h.points[n-1].at/h.every {
			n--
		}
		h.points[n] = p
		n++
	}
	h.n = n
}

// course is what is drawn of a series: its points, or what they grow by per
// second where it counts.
// A counter that has gone down started again from 0.
func course(points []point, counts bool) []point {
	if !counts {
		return points
	}
	var rates []point
	for i := 1; i < len(points); i++ {
		before, p := points[i-1], points[i]
		grown := p.v - before.v
		if grown < 0 {
			grown = p.v
		}
		rates = append(rates, point{p.at, grown * 1e9 / float64(p.at-before.at)})
	}
	return rates
}
