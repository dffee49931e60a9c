package testkit

import (
	"syscall"
	"testing"
	"time"
)

// CPUTime returns the processor time that this process has used so far.
func CPUTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // only for an unknown first argument
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// CPUWatch measures a benchmark in processor time, which says more than wall time on a
// machine that others use too.
type CPUWatch struct{ start time.Duration }

// StartCPUWatch is called right before the benchmark's loop.
func StartCPUWatch() CPUWatch { return CPUWatch{CPUTime()} }

// Report reports the time since the start for one of the n things that each repetition
// handles, as cpu-ns/thing.
func (w CPUWatch) Report(b *testing.B, n int, thing string) {
	b.ReportMetric(float64(CPUTime()-w.start)/float64(b.N)/float64(n), "cpu-ns/"+thing)
}
