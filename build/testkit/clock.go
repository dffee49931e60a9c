package testkit

import (
	"sync"
	"time"

	"out_edge/timefix"
)

// Start is the instant that most tests begin at.
var Start = time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)

// Clock is a timefix.Clock that only its test moves. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now timefix.Instant
}

// NewClock stands at wall, an hour after the host's start.
func NewClock(wall time.Time) *Clock {
	return &Clock{now: timefix.Instant{Wall: wall.UnixNano(), Boot: int64(time.Hour)}}
}

// Now is where the clock stands.
func (c *Clock) Now() timefix.Instant {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance lets d pass.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.Wall += int64(d)
	if c.now.Boot != 0 {
		c.now.Boot += int64(d)
	}
}

// Step sets the wall clock ahead by d, or back, as NTP does: no time passes.
func (c *Clock) Step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.Wall += int64(d)
}

// Set sets the wall clock: no time passes.
func (c *Clock) Set(wall time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.Wall = wall.UnixNano()
}

// HideBoot makes the host one that does not know its time since boot.
func (c *Clock) HideBoot() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.Boot = 0
}

// BubbleClock is the clock inside a testing/synctest bubble.
type BubbleClock struct{}

// Now is the bubble's time.
func (BubbleClock) Now() timefix.Instant {
	now := time.Now().UnixNano()
	return timefix.Instant{Wall: now, Boot: now}
}
