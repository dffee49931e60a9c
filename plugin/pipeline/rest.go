package pipeline

import (
	"errors"
	"sync/atomic"
	"time"

	"out_edge/plugin/delivery"
	"out_edge/timefix"
)

// slow is from when on a failure is one that held up its thread. A chunk that
// waits behind it has its metrics to show, too.
const slow = 2 * time.Second

// longestRest bounds a rest, whatever a receiver asks for.
const longestRest = time.Minute

// rest keeps a sink from being asked again too soon: for as long as its receiver
// asked for, or for as long as it held up a thread in vain. Meanwhile chunks go
// back to Fluent Bit at once. The zero value does not rest.
type rest struct {
	until atomic.Int64 // ns since boot
	over  atomic.Bool  // no rest any more: the instance closes
}

// holds tells whether the sink rests.
func (r *rest) holds(now timefix.Instant) bool { return now.Boot < r.until.Load() && !r.over.Load() }

// end wakes the sink up for good.
func (r *rest) end() { r.over.Store(true) }

// note takes what a sink has answered, and rests after a failure that calls for
// it.
func (r *rest) note(began, ended timefix.Instant, err error) {
	var retry *delivery.RetryError
	if !errors.As(err, &retry) {
		return
	}
	pause := retry.After
	if took := since(began, ended); took > slow {
		pause = max(pause, took)
	}
	r.until.Store(ended.Boot + int64(min(pause, longestRest)))
}

// ask calls send, unless the sink rests.
func (r *rest) ask(clock timefix.Clock, send func() error) error {
	began := clock.Now()
	if r.holds(began) {
		return &delivery.RetryError{Err: errRest}
	}
	err := send()
	r.note(began, clock.Now(), err)
	return err
}
