package pipeline

import (
	"context"
	"slices"

	"out_edge/ddsink"
	"out_edge/exporter"
	"out_edge/exporter/rules"
	"out_edge/plugin/chunk"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// walkPayload takes the payload for what it is. The first error is that of the
// logs, to be retried; the second says that there is nothing to retry.
func (p *Pipeline) walkPayload(ctx context.Context, tag string, payload []byte, t *try, sure bool) (logs, err error) {
	switch chunk.Detect(payload) {
	case chunk.Logs:
		return p.walk(ctx, tag, payload, t, sure), nil
	case chunk.Metrics:
		return nil, p.takeMetrics(tag, payload, t)
	case chunk.Traces:
		p.warnTrace.Do(func() { p.log.Warn("traces reach this output and are dropped: keep them away with `match`") })
		return nil, p.refuse(t, "traces")
	}
	return nil, p.refuse(t, "undecodable")
}

// walk is the data path: decode, repair, route, deliver.
func (p *Pipeline) walk(ctx context.Context, tag string, payload []byte, t *try, sure bool) error {
	s := p.scratch.Get().(*scratch)
	defer p.release(s)
	judged := t.again && !t.unsure
	began := p.clock.Now()
	session := p.fixer.Begin(tag, t.arrived, judged)
	chunk := p.beginLogs(ctx, tag, t, sure && !p.logsRest.holds(began))
	waiting := 0
	t.records = 0
	s.samples = s.samples[:0]
	s.decoder.Reset(payload)
	for s.decoder.Next() && session.Look(rawTime(s.decoder.Record())) {
	}
	s.decoder.Reset(payload)
	for s.decoder.Next() {
		rec := s.decoder.Record()
		at := repair(&session, rec)
		t.records++
		if !t.again {
			s.samples = p.route(s.samples, tag, rec, at, t)
		}
		switch {
		case chunk != nil:
			chunk.Add(rec, at)
		case !t.logs.Has(rec.Index):
			waiting++
		}
	}
	p.keepSamples(s, t)
	p.telemetry.Repairs(session.End())
	p.countUndecodable(&s.decoder, t)
	return p.endLogs(chunk, waiting, began)
}

// beginLogs is nil where no log can leave now.
func (p *Pipeline) beginLogs(ctx context.Context, tag string, t *try, may bool) *ddsink.Chunk {
	if p.datadog == nil || !may {
		return nil
	}
	return p.datadog.Begin(ctx, tag, &t.logs)
}

// endLogs is nil when no log waits.
func (p *Pipeline) endLogs(chunk *ddsink.Chunk, waiting int, began timefix.Instant) error {
	switch {
	case chunk != nil:
		err := chunk.End()
		p.logsRest.note(began, p.clock.Now(), err)
		return err
	case p.datadog != nil && waiting > 0:
		return &delivery.RetryError{Err: errRest}
	}
	return nil
}

// repair gives the record's true time in ns since 1970. Only the OTLP input makes
// groups, and it has a fault of its own.
func repair(session *timefix.Session, rec *chunk.Record) int64 {
	raw := rawTime(rec)
	switch {
	case rec.Group == nil:
		return session.Repair(raw).UnixNano
	case raw.Bits == 0:
		observed, _ := rec.Metadata.Get("otlp").Get("observed_timestamp").Int64()
		return session.RepairObserved(raw, observed).UnixNano
	}
	return session.RepairOTLP(raw).UnixNano
}

func rawTime(rec *chunk.Record) timefix.Raw {
	return timefix.Raw{Form: timefix.Form(rec.Time.Form), Bits: rec.Time.Bits}
}

// route makes a record's samples, and settles for each sink what is not for it:
// a sink looks at nothing but its set.
func (p *Pipeline) route(dst []metric.Sample, tag string, rec *chunk.Record, at int64, t *try) []metric.Sample {
	to := p.cfg.Rules.Route(tag, rec)
	first := len(dst)
	var host bool
	dst, host = p.observe(dst, tag, rec, at, t, to)
	if host && p.cfg.Host != HostBoth {
		to.Datadog = false
	}
	if to.Metrics() {
		dst = p.applyRules(dst, tag, rec, at, t, to.Prometheus)
	}
	t.settle(to, first, len(dst))
	if !to.Datadog {
		t.logs.Add(rec.Index)
	}
	return dst
}

// observe makes the samples of a host record, as far as a sink takes them; host
// is false for any other, and where host records are logs.
func (p *Pipeline) observe(dst []metric.Sample, tag string, rec *chunk.Record, at int64, t *try, to rules.Route) (samples []metric.Sample, host bool) {
	switch {
	case p.cfg.Host == HostLogs:
		return dst, false
	case p.cfg.Host == HostOff, !to.Metrics():
		return dst, p.metrics.Recognises(rec)
	}
	first := len(dst)
	if dst, host = p.metrics.Observe(dst, tag, rec, at); !host {
		return dst, false
	}
	kept := p.metrics.Apply(exporter.Batch{Samples: dst[first:], Tag: tag, At: t.arrived, Origin: exporter.FromHost, Hidden: !to.Prometheus})
	return dst[:first+len(kept)], true
}

// applyRules makes the samples of config_file's rules.
func (p *Pipeline) applyRules(dst []metric.Sample, tag string, rec *chunk.Record, at int64, t *try, show bool) []metric.Sample {
	first := len(dst)
	dst = p.engine.Observe(dst, tag, rec, at)
	kept := p.metrics.Apply(exporter.Batch{Samples: dst[first:], Tag: tag, At: t.arrived, Origin: exporter.FromRule, Hidden: !show})
	return dst[:first+len(kept)]
}

// keepSamples makes the samples of a first try the try's own.
func (p *Pipeline) keepSamples(s *scratch, t *try) {
	if !t.again && len(s.samples) > 0 && p.sends() {
		t.samples = slices.Clone(s.samples)
	}
}

// release gives scratch back, with nothing in it that points into the payload.
func (p *Pipeline) release(s *scratch) {
	s.decoder.Reset(nil)
	p.scratch.Put(s)
}

func (p *Pipeline) countUndecodable(d *chunk.Decoder, t *try) {
	if n := d.Undecodable(); n > 0 && !t.again {
		p.telemetry.Dropped(delivery.SinkDecode, "undecodable", n)
	}
}

// refuse counts a payload that nothing can be made of.
func (p *Pipeline) refuse(t *try, reason string) error {
	if !t.again {
		p.telemetry.Dropped(delivery.SinkDecode, reason, 1)
	}
	return errNothing
}

func (p *Pipeline) logRepair(r timefix.Repair) {
	p.log.Info("time repaired: first of its kind for this tag", "tag", r.Tag, "verdict", r.Verdict.String(),
		"before", stamp(r.Before), "after", stamp(r.After), "why", r.Why)
}
