package pipeline

import (
	"context"
	"errors"

	"out_edge/exporter"
	"out_edge/exporter/rules"
	"out_edge/plugin/cmetrics"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// takeMetrics gives a metrics event's samples to the page and to the try.
func (p *Pipeline) takeMetrics(tag string, payload []byte, t *try) error {
	if t.again {
		return nil
	}
	samples, err := cmetrics.Append(nil, payload, t.arrived.Wall, &p.series)
	t.event = true
	p.repairSamples(tag, samples, t)
	to := p.cfg.Rules.Route(tag, nil)
	samples = p.metrics.Apply(exporter.Batch{Samples: samples, Tag: tag, At: t.arrived, Origin: exporter.FromEvent, Hidden: !to.Prometheus})
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
		p.telemetry.Dropped(delivery.SinkDecode, "exponential_histogram", n)
	}
	var bad *cmetrics.Error
	if errors.As(err, &bad) {
		p.telemetry.Dropped(delivery.SinkDecode, "undecodable", bad.Count)
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

// sendSamples offers the try's samples to the sinks that send them, each in a
// time of its own: one that hangs leaves the next its share.
func (p *Pipeline) sendSamples(t *try, held lanes) (err error) {
	open := p.open(t)
	if open[laneMetrics] {
		err = p.ask(&p.metricsRest, held[laneMetrics], func(ctx context.Context) error {
			return p.datadog.SendMetrics(ctx, t.samples, &t.metrics)
		})
	}
	if remote := p.remote.Load(); remote != nil && open[laneRemote] {
		err = errors.Join(err, p.ask(&p.remoteRest, held[laneRemote], func(ctx context.Context) error {
			return remote.Send(ctx, t.samples, &t.remote)
		}))
	}
	return err
}

// ask calls send, unless the sink rests or its lane is held.
func (p *Pipeline) ask(r *rest, held bool, send func(context.Context) error) error {
	began := p.clock.Now()
	if held || r.holds(began) {
		return &delivery.RetryError{Err: errRest}
	}
	ctx, cancel := p.limited()
	defer cancel()
	err := send(ctx)
	r.note(began, p.clock.Now(), err)
	return err
}

// limited is the time for one try of one sink.
func (p *Pipeline) limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(p.ctx, p.cfg.FlushTimeout)
}

// rejudge looks again at the times of samples that were stamped by a clock that
// nobody could believe. Those of records have been judged and counted with them.
func (p *Pipeline) rejudge(tag string, t *try) {
	if t.event {
		p.repairSamples(tag, t.samples, t)
		return
	}
	session := p.fixer.Begin(tag, t.arrived, true)
	for i := range t.samples {
		t.samples[i].UnixNano = session.Repair(eventTime(t.samples[i].UnixNano)).UnixNano
	}
	session.End()
}

// repairSamples repairs the times of a metrics event. Only what is repaired is
// counted and listed: an event has hundreds of samples of one time.
func (p *Pipeline) repairSamples(tag string, samples []metric.Sample, t *try) {
	quiet := p.fixer.Begin(tag, t.arrived, true)
	var odd timefix.Session
	found := false
	for i := range samples {
		raw := eventTime(samples[i].UnixNano)
		fixed := quiet.Repair(raw)
		if fixed.Verdict != timefix.OK {
			if !found {
				odd, found = p.fixer.Begin(tag, t.arrived, false), true
			}
			fixed = odd.Repair(raw)
		}
		samples[i].UnixNano = fixed.UnixNano
	}
	quiet.End()
	if found {
		p.telemetry.Repairs(odd.End())
	}
}

// sends tells whether any sink sends over a network.
func (p *Pipeline) sends() bool { return p.datadog != nil || p.cfg.RemoteWrite != nil }

// relabel is what metric_relabel_configs make of a series.
func (p *Pipeline) relabel(s *metric.Series) (*metric.Series, bool) { return p.engine.Relabel(s) }

// expired tells remote write of a gauge that is no more.
func (p *Pipeline) expired(s *metric.Series) {
	if remote := p.remote.Load(); remote != nil {
		remote.Expire(s)
	}
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
