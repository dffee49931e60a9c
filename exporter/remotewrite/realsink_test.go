package remotewrite_test

import (
	"context"
	"errors"
	"testing"

	"out_edge/exporter/remotewrite"
	"out_edge/plugin/delivery"
	"out_edge/timefix"
)

// real is a sink to a real receiver.
type real struct {
	*remotewrite.Sink
	clock  timefix.Clock
	counts *counts
}

func realSink(t *testing.T, cfg remotewrite.Config, clock timefix.Clock, counts *counts) *real {
	t.Helper()
	s, err := remotewrite.New(cfg, remotewrite.Deps{Clock: clock, Telemetry: counts})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return &real{s, clock, counts}
}

// send has chunks come, if they have not, and asks for them to be sent until that
// fails, or the receiver has refused enough for one Send.
func (s *real) send(ctx context.Context, chunks ...*flushed) error {
	var jobs []*delivery.Job
	for _, c := range chunks {
		jobs = append(jobs, c.admit(s.Sink, s.clock, s.counts))
	}
	for {
		if err := s.Send(ctx, jobs, false); !errors.Is(err, delivery.ErrManyRefused) {
			return err
		}
	}
}

func (s *real) mustSend(t *testing.T, chunks ...*flushed) {
	t.Helper()
	if err := s.send(t.Context(), chunks...); err != nil {
		t.Fatal(err)
	}
	for _, c := range chunks {
		if !c.isSettled() {
			t.Errorf("%d samples are not settled", c.job.Open())
		}
	}
}
