package ddsink

import (
	"context"

	"out_edge/plugin/delivery"
	"out_edge/plugin/record"
)

type totals struct{}

func newTotals() *totals { return &totals{} }

type secondsTaken struct{}

func newSecondsTaken() *secondsTaken { return &secondsTaken{} }

// SendMetrics x.
func (s *Sink) SendMetrics(ctx context.Context, samples []record.Sample, done *delivery.Set) error {
	return nil
}
