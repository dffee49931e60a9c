package exporter

import (
	"context"
	"net"
	"sync"

	"out_edge/exporter/hostmetrics"
	"out_edge/exporter/registry"
	"out_edge/exporter/telemetry"
	"out_edge/plugin/chunk"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// Instance is one instance's part of a page. Its methods are safe for
// concurrent use.
type Instance struct {
	cfg      Config
	exporter *Exporter
	endpoint *endpoint
	host     *hostmetrics.Engine
	labels   *labeller
	registry *registry.Registry
	opened   int64 // ns of Instant.Elapsed
	close    sync.Once

	own []*registry.Reservation // the names of the plugin's own series

	// The histories for the status page; guarded by the registry's lock.
	charts      int
	otherCharts int // of them, those that do not come from host records
}

func newInstance(e *Exporter, p *endpoint, cfg Config) *Instance {
	m := &Instance{cfg: cfg, exporter: e, endpoint: p, opened: int64(p.clock.Now().Elapsed())}
	m.labels = newLabeller(cfg, &e.series)
	m.host = hostmetrics.New(hostmetrics.Config{Prefix: cfg.Prefix, Series: &e.series, Hostname: cfg.Hostname, Limit: cfg.SeriesLimit,
		Dropped: func(reason string, n int) { cfg.Telemetry.Dropped(delivery.SinkPrometheus, reason, n) }})
	m.registry = p.page.Open(registry.Config{TTL: cfg.SeriesTTL, Limit: cfg.SeriesLimit, Log: p.log, Ended: cfg.OnExpire, Watch: m.watch,
		Refused: func(rule string, why registry.Refusal) { cfg.Telemetry.RefusedByRule(rule, why.String(), 1) }})
	for _, f := range cfg.Telemetry.Families() {
		r := &registry.Reservation{Name: f.Name, Help: f.Help, Kind: f.Kind, Owns: f.Owns}
		m.own = append(m.own, r)
		p.page.Reserve(r)
	}
	return m
}

// Telemetry returns Config.Telemetry, or the one that Open created.
func (m *Instance) Telemetry() *telemetry.Telemetry { return m.cfg.Telemetry }

// Addr returns the address of the page, or nil while it is not served.
func (m *Instance) Addr() net.Addr {
	if m.endpoint.server == nil {
		return nil
	}
	return m.endpoint.server.Addr()
}

// Close removes the instance's series from the page, and closes the page if it was the
// last instance: its address is free when Close returns. Requests in progress have
// until ctx ends. Close may be called again.
func (m *Instance) Close(ctx context.Context) (err error) {
	m.close.Do(func() { err = m.exporter.close(ctx, m) })
	return err
}

// Totals are the totals of an Instance, for the one that replaces it.
type Totals = registry.Totals

// Totals returns those that the instance has; call it before Close.
func (m *Instance) Totals() Totals { return m.registry.Totals() }

// Inherit makes totals go on where those of another instance have ended. It is called
// before the first Apply.
func (m *Instance) Inherit(t Totals) { m.registry.Inherit(t) }

// retire removes everything of the instance from the page.
func (m *Instance) retire() {
	m.registry.Close()
	for _, r := range m.own {
		m.endpoint.page.Release(r)
	}
}

// Observe appends the samples of a host record (cpu, mem, thermal, disk, netif, proc,
// recognised by its keys), stamped unixNano; for every other record taken is false and
// dst unchanged. Pass the samples to Apply, with the origin FromHost.
//
// The record is not kept. Samples of known series cost no allocation if dst has room.
func (m *Instance) Observe(dst []metric.Sample, tag string, rec *chunk.Record, unixNano int64) (samples []metric.Sample, taken bool) {
	return m.host.Observe(dst, tag, rec, unixNano)
}

// Recognises reports whether Observe would accept rec, without side effects. rec is not
// kept; no allocation.
func (m *Instance) Recognises(rec *chunk.Record) bool { return hostmetrics.Recognises(rec) }

// Batch is the argument of Apply: samples made of one record or of one payload.
type Batch struct {
	Samples []metric.Sample
	// Tag is Fluent Bit's.
	Tag string
	// At is the instant of arrival; zero is now.
	At timefix.Instant
	// Origin is who keeps the samples' totals.
	Origin Origin
	// Hidden does not show the samples on the page; they are completed for other sinks.
	Hidden bool
	// Note, if not nil, is where Apply notes what it makes of an event, for a Replay.
	Note *Note
}

// Note is what Apply made of an event's samples, in little room.
type Note = registry.Note

// Origin is who keeps the total that a sample is part of.
type Origin = registry.Origin

// The origins: metrics events, rules of config_file, host records.
const (
	FromEvent = registry.FromEvent
	FromRule  = registry.FromRule
	FromHost  = registry.FromHost
)

// Apply adds the instance's labels to samples, relabels them, and shows them on the
// page. It completes them for every other sink: see registry.Registry.Apply. The result
// uses b.Samples' memory. It includes samples that only the page refuses, which are
// counted; it excludes what relabelling drops, samples of a second source of a series,
// and samples with nothing new.
func (m *Instance) Apply(b Batch) []metric.Sample {
	if len(b.Samples) == 0 {
		return b.Samples
	}
	if b.At == (timefix.Instant{}) {
		b.At = m.endpoint.clock.Now()
	}
	to := registry.Batch{Samples: b.Samples, Tag: b.Tag, At: b.At, Origin: b.Origin, Hidden: b.Hidden, Note: b.Note}
	labelled := m.labels.apply(&b)
	if labelled != nil {
		to.Samples, to.From = labelled.samples, labelled.from
	}
	kept, tally := m.registry.Apply(to)
	if labelled != nil {
		m.labels.release(labelled)
	}
	m.count(&tally, b.At)
	return kept
}

// count counts the results of one Apply.
func (m *Instance) count(t *registry.Tally, now timefix.Instant) {
	for why, n := range t {
		switch why := registry.Refusal(why); {
		case n == 0:
		case why == registry.Accepted:
			m.cfg.Telemetry.Shown(int(n), now)
		case why == registry.RelabelDuplicate:
			m.cfg.Telemetry.Refused(relabelRule, why.String(), int(n))
		default:
			m.cfg.Telemetry.Dropped(delivery.SinkPrometheus, why.String(), int(n))
		}
	}
}

// relabelRule is the name of the relabel steps for Telemetry.Refused.
const relabelRule = "metric_relabel_configs"
