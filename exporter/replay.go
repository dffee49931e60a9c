package exporter

import (
	"out_edge/exporter/hostmetrics"
	"out_edge/exporter/registry"
	"out_edge/plugin/chunk"
	"out_edge/plugin/metric"
)

// Replay makes the samples of an Instance again: the same series, with the same labels.
// It shows, counts and adds nothing, and totals that are kept here have no meaning in
// it. It is safe for concurrent use.
type Replay struct {
	host     *hostmetrics.Engine
	labels   *labeller
	registry *registry.Registry
}

// Replay creates one. relabel is Config.Relabel without counting.
func (m *Instance) Replay(relabel func(*metric.Series) (*metric.Series, bool)) *Replay {
	cfg := m.cfg
	cfg.Relabel = relabel
	return &Replay{labels: newLabeller(cfg, &m.exporter.series), registry: m.registry,
		host: hostmetrics.New(hostmetrics.Config{Prefix: cfg.Prefix, Series: &m.exporter.series, Hostname: cfg.Hostname, Limit: cfg.SeriesLimit})}
}

// Observe is Instance.Observe.
func (r *Replay) Observe(dst []metric.Sample, tag string, rec *chunk.Record, unixNano int64) (samples []metric.Sample, taken bool) {
	return r.host.Observe(dst, tag, rec, unixNano)
}

// Apply is Instance.Apply; b.Note is what that recorded.
func (r *Replay) Apply(b Batch) []metric.Sample {
	if len(b.Samples) == 0 {
		return b.Samples
	}
	to := registry.Batch{Samples: b.Samples, Tag: b.Tag, Origin: b.Origin, Note: b.Note}
	labelled := r.labels.apply(&b)
	if labelled != nil {
		to.Samples, to.From = labelled.samples, labelled.from
		defer r.labels.release(labelled)
	}
	return r.registry.ApplyAgain(to)
}
