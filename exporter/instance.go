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
	otherCharts int // of them, those that no host record stands behind
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

// Telemetry is Config.Telemetry, or what Open made for it.
func (m *Instance) Telemetry() *telemetry.Telemetry { return m.cfg.Telemetry }

// Addr is the address that the page is served on, or nil while it is not.
func (m *Instance) Addr() net.Addr {
	if m.endpoint.server == nil {
		return nil
	}
	return m.endpoint.server.Addr()
}

// Close takes the instance's series off the page, and closes the page if it was
// the last instance: its address is free when Close returns. Scrapes under way
// have until ctx ends. Close may be called again.
func (m *Instance) Close(ctx context.Context) (err error) {
	m.close.Do(func() { err = m.exporter.close(ctx, m) })
	return err
}

// retire takes all that is the instance's off the page.
func (m *Instance) retire() {
	m.registry.Close()
	for _, r := range m.own {
		m.endpoint.page.Release(r)
	}
}

// Observe appends the samples of a host record (cpu, mem, thermal, disk, netif, proc,
// recognised by its keys), stamped unixNano; taken is false, and dst as it was, for
// every other record. They are yet to be applied, with the origin FromHost.
//
// The record is not kept. Samples of known series cost no allocation, as far as dst
// has room.
func (m *Instance) Observe(dst []metric.Sample, tag string, rec *chunk.Record, unixNano int64) (samples []metric.Sample, taken bool) {
	return m.host.Observe(dst, tag, rec, unixNano)
}

// Recognises tells whether Observe would take rec, and changes nothing. rec is not
// kept; no allocation.
func (m *Instance) Recognises(rec *chunk.Record) bool { return hostmetrics.Recognises(rec) }

// Batch is what Apply takes: samples that one step has made of one record or of one
// payload.
type Batch struct {
	Samples []metric.Sample
	// Tag is Fluent Bit's.
	Tag string
	// At is the instant of arrival; zero is now.
	At timefix.Instant
	// Origin says who keeps the samples' totals.
	Origin Origin
	// Hidden keeps the samples off the page; they are completed for other sinks.
	Hidden bool
	// Note, if not nil, is where Apply notes what it makes of an event, for a Replay.
	Note *Note
}

// Note is what Apply made of an event's samples, in little room.
type Note = registry.Note

// Origin says who keeps the total that a sample is part of.
type Origin = registry.Origin

// The origins: metrics events, rules of config_file, host records.
const (
	FromEvent = registry.FromEvent
	FromRule  = registry.FromRule
	FromHost  = registry.FromHost
)

// Apply gives samples the instance's labels and what relabelling makes of them, and
// gives them to the page. It completes them for every other sink: see
// registry.Registry.Apply. What the page alone refuses is counted and stays in the
// answer; what relabelling drops, what comes from a second source of a series and what
// says nothing new is left out. The answer has b.Samples' memory.
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

// count counts what became of the samples of one Apply.
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

// relabelRule is what Telemetry.Refused calls the relabel steps.
const relabelRule = "metric_relabel_configs"
