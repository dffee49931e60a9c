package pipeline

import (
	"errors"
	"sync"
	"time"

	"out_edge/plugin/delivery"
	"out_edge/timefix"
)

// slow is from when on a failure is one that held up its thread. A chunk that
// waits behind it has its metrics to show, too.
const slow = 2 * time.Second

// longestRest bounds a rest, whatever a receiver asks for; lastRest bounds those
// of an instance that closes.
const (
	longestRest = time.Minute
	lastRest    = 500 * time.Millisecond
)

// rest keeps a sink from being asked again too soon: for as long as its receiver
// asked for, or for as long as it held up a thread in vain. Meanwhile chunks go
// back to Fluent Bit at once. The zero value does not rest.
type rest struct {
	mu      sync.Mutex
	until   int64 // ns since boot
	closing bool
}

// holds tells whether the sink rests.
func (r *rest) holds(now timefix.Instant) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return now.Boot < r.until
}

// end wakes the sink up: the instance closes.
func (r *rest) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.until, r.closing = 0, true
}

// note takes what a sink has answered, and rests after a failure that calls for
// it. What another thread was told stands, if it is longer.
func (r *rest) note(began, ended timefix.Instant, err error) {
	var retry *delivery.RetryError
	if !errors.As(err, &retry) {
		return
	}
	pause := retry.After
	if took := since(began, ended); took > slow {
		pause = max(pause, took)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	longest := longestRest
	if r.closing {
		longest = lastRest
	}
	r.until = max(r.until, ended.Boot+int64(min(pause, longest)))
}
