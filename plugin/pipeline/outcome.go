package pipeline

import (
	"errors"
	"time"

	"out_edge/plugin/delivery"
)

// The reasons for which the pipeline gives up what no sink has settled.
const (
	reasonPanic    = "panic"
	reasonShutdown = "shutdown" // left in the queue at exit
	reasonGivenUp  = "given_up" // Fluent Bit has not offered the chunk again
)

// ownReasons are all of them.
var ownReasons = []string{reasonPanic, reasonShutdown, reasonGivenUp}

var (
	// errNothing says that a payload held nothing that could be used.
	errNothing = errors.New("nothing in the chunk could be decoded")
	// errFull says why a chunk is given back at once.
	errFull = errors.New("the queue is full")
	// errClock says why nothing leaves the device.
	errClock = errors.New("the wall clock is not believable yet: waiting for NTP")
)

// resultOf is the one place where an outcome becomes Fluent Bit's answer.
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
