package pipeline

import (
	"slices"
	"sync"

	"out_edge/exporter"
	"out_edge/exporter/rules"
	"out_edge/plugin/chunk"
	"out_edge/plugin/cmetrics"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// replay makes samples again that were evicted from memory. It has engines of its own,
// so that nothing is counted, added or stored twice; they are created when first
// needed.
type replay struct {
	once   sync.Once
	series cmetrics.Interner
	engine *rules.Engine
	page   *exporter.Replay
}

func (p *Pipeline) replayed() *replay {
	r := &p.replay
	r.once.Do(func() {
		cfg := p.engineConfig()
		cfg.Refused = nil
		r.engine = p.cfg.Rules.Engine(cfg)
		r.page = p.metrics.Replay(r.engine.Relabeler())
		r.series.Limit, r.series.Series, r.series.OTLP = p.series.Limit, p.series.Series, p.cfg.OTLP
	})
	return r
}

// Again makes samples with absolute values again; see delivery.Source. It does not
// change what the ingestion has done permanently (totals, what is shown, what is counted).
func (t *chunkState) Again(sink string) []metric.Sample {
	p := t.p
	i := slices.IndexFunc(p.workers, func(w *worker) bool { return w.sink.Name() == sink })
	if i < 0 {
		return nil
	}
	s := p.scratch.Get().(*scratch)
	defer p.release(s)
	s.samples = s.samples[:0]
	if t.event {
		p.eventAgain(s, t, p.workers[i])
	} else {
		p.recordsAgain(s, t, p.workers[i])
	}
	return slices.Clone(s.samples)
}

func (p *Pipeline) eventAgain(s *scratch, t *chunkState, w *worker) {
	if !w.wants(p.cfg.Rules.Route(t.tag, nil)) {
		return
	}
	r := p.replayed()
	s.samples, _ = cmetrics.Append(s.samples, t.payload, t.arrived.Wall, &r.series)
	p.repairQuietly(s.samples, t.tag, t.arrived)
	s.samples = r.page.Apply(exporter.Batch{Samples: s.samples, Tag: t.tag, Origin: exporter.FromEvent, Note: t.note})
	if w.noInfo {
		s.samples = slices.DeleteFunc(s.samples, func(sm metric.Sample) bool { return sm.Series.Info })
	}
}

func (p *Pipeline) recordsAgain(s *scratch, t *chunkState, w *worker) {
	r := p.replayed()
	t.Records(func(rec *chunk.Record, at int64) bool {
		if !w.wants(p.cfg.Rules.Route(t.tag, rec)) {
			return true
		}
		if p.cfg.Host == HostMetrics || p.cfg.Host == HostBoth {
			first := len(s.samples)
			s.samples, _ = r.page.Observe(s.samples, t.tag, rec, at)
			r.apply(s, t, first, exporter.FromHost)
		}
		first := len(s.samples)
		s.samples = r.engine.Observe(s.samples, t.tag, rec, at)
		r.apply(s, t, first, exporter.FromRule)
		return true
	})
}

func (r *replay) apply(s *scratch, t *chunkState, first int, origin exporter.Origin) {
	kept := r.page.Apply(exporter.Batch{Samples: s.samples[first:], Tag: t.tag, Origin: origin})
	s.samples = s.samples[:first+len(kept)]
}

// repairQuietly repairs the times of samples without counting.
func (p *Pipeline) repairQuietly(samples []metric.Sample, tag string, arrived timefix.Instant) {
	session := p.fixer.Begin(tag, arrived, true)
	for i := range samples {
		setTime(&samples[i], session.Repair(eventTime(samples[i].UnixNano)).UnixNano)
	}
	session.End()
}
