package delivery

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// The pauses of a gate. The longest is short enough for a device that comes back into
// coverage; the jitter keeps a fleet from sending at once.
const (
	firstPause   = 500 * time.Millisecond
	longestPause = time.Minute
	// closingPause bounds a pause while the instance closes.
	closingPause = 2 * time.Second
	// changedEvery is how often RetryError.Changed is called.
	changedEvery = 3 * time.Second
)

// Gate decides when a sink may send; nothing else does. After a failure it is shut: for
// as long as the receiver asked for, or for a pause that doubles with each failure, up
// to a minute. Then it lets one probe through, and everything after the probe's
// success. It is safe for concurrent use. Its times are those of any clock that never
// jumps.
type Gate struct {
	// Jitter returns a number from 0 to 1; nil is a random one. For tests.
	Jitter func() float64

	mu       sync.Mutex
	until    time.Duration // shut before
	failures int           // since the last full success
	probing  bool          // the next Send must be a probe
	closing  bool
	err      error         // why it is shut
	changed  func() bool   // of the last RetryError
	checked  time.Duration // when changed was last called
}

// Ask reports whether the sink may send now, and whether as a probe; if not, wait is
// how long to wait before asking again.
func (g *Gate) Ask(now time.Duration) (probe bool, wait time.Duration) {
	probe, wait, check := g.state(now)
	if check != nil && check() { // it may read a file: not with mu held
		g.Open()
		return probe, 0
	}
	return probe, wait
}

// state is Ask without the check whether the secret has changed; it returns that check
// when it is due.
func (g *Gate) state(now time.Duration) (probe bool, wait time.Duration, check func() bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if wait = max(g.until-now, 0); wait == 0 || g.changed == nil {
		return g.probing, wait, nil
	}
	if now-g.checked >= changedEvery {
		g.checked, check = now, g.changed
	}
	return g.probing, min(wait, changedEvery), check
}

// IsShut reports whether the sink must not send now, and why.
func (g *Gate) IsShut(now time.Duration) (why error, shut bool) {
	_, wait := g.Ask(now)
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err, wait > 0
}

// Until is when the sink may send again; a time before now means that it may.
func (g *Gate) Until() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.until
}

// Note records the result of a Send that ended now.
func (g *Gate) Note(err error, probe bool, now time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var retry *RetryError
	switch {
	case errors.Is(err, ErrManyRefused): // the receiver is there: the search continues at once
	case errors.As(err, &retry):
		g.shut(retry, now)
	case probe: // a small request got through; a large one may not, after a short pause again
		g.probing, g.failures = false, min(g.failures, 1)
	default:
		g.probing, g.failures, g.err = false, 0, nil
	}
}

// shut is called with mu held.
func (g *Gate) shut(retry *RetryError, now time.Duration) {
	g.failures++
	pause := max(g.pause(), min(retry.After, MaxWait))
	if g.closing { // the last attempts do not wait for a long pause
		pause = min(pause, closingPause)
	}
	g.until, g.probing = now+pause, true
	g.err, g.changed, g.checked = retry.Err, retry.Changed, now
}

// pause returns half to all of a length that doubles with each failure.
func (g *Gate) pause() time.Duration {
	length := longestPause
	if n := g.failures - 1; n < 10 {
		length = min(firstPause<<n, longestPause)
	}
	jitter := g.Jitter
	if jitter == nil {
		jitter = rand.Float64
	}
	return length/2 + time.Duration(jitter()*float64(length/2))
}

// Open ends a pause; the next Send is still a probe.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open()
}

func (g *Gate) open() { g.until, g.changed = 0, nil }

// Close ends a pause for one last attempt, and keeps further pauses short, because the
// instance is closing.
func (g *Gate) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closing, g.probing, g.failures = true, false, 0
	g.open()
}
