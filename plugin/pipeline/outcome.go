package pipeline

import (
	"errors"
	"time"

	"out_edge/plugin/delivery"
)

var (
	// errNothing says that a payload held nothing that could be used.
	errNothing = errors.New("nothing in the chunk could be decoded")
	// errFull says why a chunk is given back at once.
	errFull = errors.New("the queue is full")
	// errRest says why a sink is not even asked.
	errRest = errors.New("the receiver was slow or asked for a pause; resting")
	// errClock says why nothing leaves the device.
	errClock = errors.New("the wall clock is not believable yet: waiting for NTP")
)

// resultOf is the one place where an outcome becomes Fluent Bit's answer.
func resultOf(err error) Result {
	switch {
	case err == nil:
		return OK
	case isRetry(err):
		return Retry
	}
	return Error
}

func isRetry(err error) bool {
	var retry *delivery.RetryError
	return errors.As(err, &retry)
}

func stamp(unixNano int64) string {
	return time.Unix(0, unixNano).UTC().Format("2006-01-02T15:04:05.999999999Z")
}
