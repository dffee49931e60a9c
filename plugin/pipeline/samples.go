package pipeline

import (
	"context"
	"errors"

	"out_edge/plugin/delivery"
	"out_edge/plugin/record"
)

// takeMetrics gives a metrics event's samples to the page and to the try.
func (p *Pipeline) takeMetrics(payload []byte, t *try) error {
	if t.again {
		return nil
	}
	samples, err := record.AppendMetrics(nil, payload, t.arrived.Wall, &p.series)
	p.metrics.Apply(samples)
	if p.sends() {
		t.samples = samples
	}
	p.countMetrics(err)
	if err != nil && len(samples) == 0 {
		return errNothing
	}
	return nil
}

// countMetrics counts what of a metrics event could not be used.
func (p *Pipeline) countMetrics(err error) {
	if n := p.newlySkipped(); n > 0 {
		p.metrics.Self().Dropped(delivery.SinkDecode, "exponential_histogram", n)
	}
	var bad *record.MetricsError
	if errors.As(err, &bad) {
		p.metrics.Self().Dropped(delivery.SinkDecode, "undecodable", bad.Count)
	}
}

// newlySkipped is how many exponential histograms were left out since it was
// last asked.
func (p *Pipeline) newlySkipped() int {
	p.skippedMu.Lock()
	defer p.skippedMu.Unlock()
	now := p.series.Skipped()
	n := now - p.skipped
	p.skipped = now
	return int(n)
}

func (p *Pipeline) sendSamples(ctx context.Context, t *try) error {
	if p.datadog == nil || len(t.samples) == 0 {
		return nil
	}
	return p.datadog.SendMetrics(ctx, t.samples, &t.metrics)
}

// sends tells whether any sink sends over a network.
func (p *Pipeline) sends() bool { return p.datadog != nil }
