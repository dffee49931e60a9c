package delivery

import (
	"log/slog"
	"sync"
	"time"
)

// faultInterval is the least time between two lines of the same fault, even if it was
// over in between.
const faultInterval = time.Minute

// FaultLog logs a fault when it begins, nothing while it lasts, and one line when it is
// over. A fault that comes and goes is logged once a minute. It is safe for concurrent
// use.
type FaultLog struct {
	log     *slog.Logger
	elapsed func() time.Duration

	mu     sync.Mutex
	since  time.Duration
	count  int                      // failures since the last success
	shown  bool                     // the current fault has a line
	logged map[string]time.Duration // kind → time of its last line
}

// NewFaultLog logs to log. elapsed is the time since any fixed point, by a clock that
// never jumps.
func NewFaultLog(log *slog.Logger, elapsed func() time.Duration) *FaultLog {
	return &FaultLog{log: log, elapsed: elapsed, logged: map[string]time.Duration{}}
}

// Fail records a failure of the given kind, one of few. The line is msg with attrs, at
// error level if loud, else as a warning.
func (f *FaultLog) Fail(kind string, loud bool, msg string, attrs ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.elapsed()
	if f.count == 0 {
		f.since = now
	}
	f.count++
	if at, seen := f.logged[kind]; seen && at <= now && (at >= f.since || now-at < faultInterval) {
		return
	}
	f.logged[kind] = now
	f.shown = true
	if loud {
		f.log.Error(msg, attrs...)
		return
	}
	f.log.Warn(msg, attrs...)
}

// OK records a success. It logs msg with the number and duration of the failures, if
// they had a line.
func (f *FaultLog) OK(msg string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.shown {
		f.log.Info(msg, "failures", f.count, "after", (f.elapsed() - f.since).Round(time.Millisecond))
	}
	f.count, f.shown = 0, false
}
