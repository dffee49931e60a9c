package pipeline

import (
	"errors"
	"time"

	"out_edge/plugin/delivery"
)

// The reasons for which the pipeline drops unsettled records.
const (
	reasonPanic    = "panic"
	reasonShutdown = "shutdown" // left in the queue at exit
	reasonGivenUp  = "given_up" // Fluent Bit did not offer the chunk again
)

// ownReasons are all of them.
var ownReasons = []string{reasonPanic, reasonShutdown, reasonGivenUp}

var (
	// errNothing means that nothing in a payload could be used.
	errNothing = errors.New("nothing in the chunk could be decoded")
	// errFull is why a chunk is returned at once.
	errFull = errors.New("the queue is full")
	// errClock is why nothing is sent.
	errClock = errors.New("the wall clock is not believable yet: waiting for NTP")
)

// resultOf turns an error into Fluent Bit's answer. Nothing else does.
func resultOf(err error) Result {
	var retry *delivery.RetryError
	switch {
	case err == nil:
		return OK
	case errors.As(err, &retry):
		return Retry
	}
	return Error
}

func stamp(unixNano int64) string {
	return time.Unix(0, unixNano).UTC().Format("2006-01-02T15:04:05.999999999Z")
}
