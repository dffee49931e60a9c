package delivery

import (
	"fmt"
	"time"
)

// RetryError means that some of the jobs that a sink was given are not settled and must
// be offered again. It is the only error that decides what happens next: nil from a
// sink means that every record was delivered, or dropped and counted.
type RetryError struct {
	// After is the earliest time to retry that the receiver asked for, or 0.
	After time.Duration
	// Changed, if not nil, is called every few seconds while the sink pauses: true ends
	// the pause, because the secret that was refused has changed.
	Changed func() bool
	// Err is the cause, without payload and without secrets.
	Err error
}

func (e *RetryError) Error() string { return fmt.Sprintf("to be retried: %v", e.Err) }

// Unwrap returns the cause.
func (e *RetryError) Unwrap() error { return e.Err }
