package pipeline

import (
	"context"
	"errors"

	"out_edge/exporter/rules"
	"out_edge/plugin/delivery"
	"out_edge/plugin/record"
)

// takeMetrics gives a metrics event's samples to the page and to the try.
func (p *Pipeline) takeMetrics(tag string, payload []byte, t *try) error {
	if t.again {
		return nil
	}
	samples, err := record.AppendMetrics(nil, payload, t.arrived.Wall, &p.series)
	to := p.cfg.Rules.Route(tag, nil)
	samples = p.metrics.ApplyAt(samples, t.arrived, to.Prometheus)
	if p.sends() {
		t.samples = samples
		t.settle(to, 0, len(samples))
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

// settle marks the samples from first to end as done for the sinks that are not
// to have them.
func (t *try) settle(to rules.Route, first, end int) {
	for i := first; i < end; i++ {
		if !to.DatadogMetrics {
			t.metrics.Add(i)
		}
		if !to.RemoteWrite {
			t.remote.Add(i)
		}
	}
}

// waits tells whether any of the try's samples is still to be sent.
func (t *try) waits(p *Pipeline) bool {
	return p.datadog != nil && unsettled(t.samples, &t.metrics) > 0 ||
		p.cfg.RemoteWrite != nil && unsettled(t.samples, &t.remote) > 0
}

// sendSamples offers the try's samples to the sinks that send them, each in a
// time of its own: one that hangs leaves the next its share.
func (p *Pipeline) sendSamples(t *try) (err error) {
	if len(t.samples) == 0 {
		return nil
	}
	if p.datadog != nil {
		err = p.metricsRest.ask(p.clock, func() error {
			ctx, cancel := p.limited()
			defer cancel()
			return p.datadog.SendMetrics(ctx, t.samples, &t.metrics)
		})
	}
	if remote := p.remote.Load(); remote != nil {
		err = errors.Join(err, p.remoteRest.ask(p.clock, func() error {
			ctx, cancel := p.limited()
			defer cancel()
			return remote.Send(ctx, t.samples, &t.remote)
		}))
	}
	return err
}

// limited is the time for one try of one sink.
func (p *Pipeline) limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(p.ctx, p.cfg.FlushTimeout)
}

// rejudge looks again at the times of samples that were stamped by a clock that
// nobody could believe. Their records have been judged and counted.
func (p *Pipeline) rejudge(tag string, t *try) {
	session := p.fixer.Begin(tag, t.arrived, true)
	for i := range t.samples {
		t.samples[i].UnixNano = session.Repair(eventTime(t.samples[i].UnixNano)).UnixNano
	}
	session.End()
}

// sends tells whether any sink sends over a network.
func (p *Pipeline) sends() bool { return p.datadog != nil || p.cfg.RemoteWrite != nil }

// relabel is what metric_relabel_configs make of a series.
func (p *Pipeline) relabel(s *record.Series) (*record.Series, bool) { return p.engine.Relabel(s) }

// expired tells remote write of a gauge that is no more.
func (p *Pipeline) expired(s *record.Series) {
	if remote := p.remote.Load(); remote != nil {
		remote.Expire(s)
	}
}

// countForgotten counts samples that the ledger had no room for.
func (p *Pipeline) countForgotten(robbed []*try) {
	for _, t := range robbed {
		if p.datadog != nil {
			p.metrics.Self().Dropped(delivery.SinkDatadogMetrics, "forgotten", unsettled(t.samples, &t.metrics))
		}
		if p.cfg.RemoteWrite != nil {
			p.metrics.Self().Dropped(delivery.SinkRemoteWrite, "forgotten", unsettled(t.samples, &t.remote))
		}
	}
}

// refused counts the samples that a rule did not make.
func (p *Pipeline) refused(rule, reason string, n int) {
	p.metrics.Self().Refused(rule, reason, n)
}

// sinks are those that an instance sends to.
func (c *Config) sinks() (sinks []string) {
	if c.Datadog != nil {
		sinks = append(sinks, delivery.SinkDatadog, delivery.SinkDatadogMetrics)
	}
	if c.RemoteWrite != nil {
		sinks = append(sinks, delivery.SinkRemoteWrite)
	}
	return sinks
}
