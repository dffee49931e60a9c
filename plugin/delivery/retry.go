package delivery

import (
	"fmt"
	"time"
)

// RetryError says that what a sink was given is not settled and should be
// offered again. It is the only error that carries policy: nil from a sink
// means that every record was delivered, or dropped and counted.
type RetryError struct {
	// After is the earliest time to try again that the receiver asked for, or
	// 0.
	After time.Duration
	// Changed, if not nil, is asked every few seconds while the sink pauses:
	// true ends the pause, as the secret that was refused has changed.
	Changed func() bool
	// Err is the cause, without payload and without secrets.
	Err error
}

func (e *RetryError) Error() string { return fmt.Sprintf("to be retried: %v", e.Err) }

// Unwrap returns the cause.
func (e *RetryError) Unwrap() error { return e.Err }
