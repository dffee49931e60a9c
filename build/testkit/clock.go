package testkit

import (
	"sync"
	"time"

	"out_edge/timefix"
)

// Start is the time at which most tests begin.
var Start = time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)

// Clock is a timefix.Clock that only its test moves. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now timefix.Instant
}

// NewClock returns a clock that shows wall, an hour after the host's start.
func NewClock(wall time.Time) *Clock {
	return &Clock{now: timefix.Instant{Wall: wall.UnixNano(), Boot: int64(time.Hour)}}
}

// Now returns the time that the clock shows.
func (c *Clock) Now() timefix.Instant {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock ahead by d.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.Wall += int64(d)
	if c.now.Boot != 0 {
		c.now.Boot += int64(d)
	}
}

// Step moves the wall clock by d without time passing, like NTP.
func (c *Clock) Step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.Wall += int64(d)
}

// Set sets the wall clock without time passing.
func (c *Clock) Set(wall time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.Wall = wall.UnixNano()
}

// HideBoot simulates a host whose time since boot is not known.
func (c *Clock) HideBoot() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.Boot = 0
}

// BubbleClock is the clock inside a testing/synctest bubble.
type BubbleClock struct{}

// Now returns the bubble's time.
func (BubbleClock) Now() timefix.Instant {
	now := time.Now().UnixNano()
	return timefix.Instant{Wall: now, Boot: now}
}
