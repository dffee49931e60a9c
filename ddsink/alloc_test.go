//go:build !race

package ddsink_test

import (
	"context"
	"testing"

	"out_edge/build/testkit"
	"out_edge/ddsink"
	"out_edge/plugin/delivery"
)

// TestNoAllocationsInSend is the same through a Send, what it takes once apart.
func TestNoAllocationsInSend(t *testing.T) {
	s := newSink(t, func(c *ddsink.Config) { c.DryRun = true })
	allocations := func(n int) float64 {
		r := rec(t, 0, "log", "hello", "level", "info", "n", 5)
		source := repeated{r, n}
		return testkit.Allocs(func() {
			job := delivery.NewJob(delivery.JobSpec{Sink: "datadog", Telemetry: delivery.NoTelemetry{}, Source: source, Open: n})
			if err := s.logs.Send(context.Background(), []*delivery.Job{job}, false); err != nil || job.Open() != 0 {
				t.Error(err, job.Open())
			}
		})
	}
	_ = allocations(900)
	few, many := allocations(100), allocations(900)
	if many > few+8 { // of the set of what is settled, as it grows
		t.Errorf("%v allocations for 100 records, %v for 900", few, many)
	}
}
