package pipeline

import (
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// The lanes of the queue: what a chunk can wait for. Each has a pace of its own,
// so that a receiver that is down stops nobody but itself.
const (
	laneLogs = iota
	laneMetrics
	laneRemote
	numLanes
)

// lanes is a set of lanes.
type lanes [numLanes]bool

// without is what of the set is not in other.
func (l lanes) without(other lanes) lanes {
	for i := range l {
		l[i] = l[i] && !other[i]
	}
	return l
}

// with is the set and what is in other.
func (l lanes) with(other lanes) lanes {
	for i := range l {
		l[i] = l[i] || other[i]
	}
	return l
}

func (l lanes) any() bool { return l != lanes{} }

// Backoff of a lane. The cap keeps a device that comes back into coverage from
// waiting long; the jitter keeps a fleet from coming at once.
const (
	laneBackoffMin = 500 * time.Millisecond
	laneBackoffMax = 30 * time.Second
)

// pauses keeps lanes that have failed from being tried again at once.
type pauses struct {
	// over is called when a pause ends, from any goroutine.
	over func()

	mu      sync.Mutex
	closing bool
	lanes   [numLanes]struct {
		wait  *backoff.ExponentialBackOff
		timer *time.Timer // nil while there is no pause
	}
}

func newPauses(over func()) *pauses {
	p := &pauses{over: over}
	for i := range p.lanes {
		wait := backoff.NewExponentialBackOff()
		wait.InitialInterval, wait.MaxInterval = laneBackoffMin, laneBackoffMax
		wait.Reset()
		p.lanes[i].wait = wait
	}
	return p
}

// held are the lanes that pause.
func (p *pauses) held() (held lanes) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.lanes {
		held[i] = p.lanes[i].timer != nil
	}
	return held
}

// note takes what came of the lanes that were tried: those that are still open
// pause, and longer each time.
func (p *pauses) note(tried, open lanes) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.lanes {
		switch {
		case tried[i] && open[i]:
			p.pause(i)
		case tried[i]:
			p.lanes[i].wait.Reset()
		}
	}
}

// pause is called with mu held.
func (p *pauses) pause(lane int) {
	l := &p.lanes[lane]
	d := l.wait.NextBackOff()
	if p.closing { // the drain at exit does not sit out a long one
		d = min(d, laneBackoffMin)
	}
	l.timer = time.AfterFunc(d, func() { p.end(lane) })
}

func (p *pauses) end(lane int) {
	p.mu.Lock()
	p.lanes[lane].timer = nil
	p.mu.Unlock()
	p.over()
}

// close ends all pauses, and keeps further ones short.
func (p *pauses) close() {
	p.mu.Lock()
	p.closing = true
	p.mu.Unlock()
	p.stop()
	p.over()
}

// stop ends all pauses without a word.
func (p *pauses) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.lanes {
		if t := p.lanes[i].timer; t != nil && t.Stop() {
			p.lanes[i].timer = nil
		}
	}
}
