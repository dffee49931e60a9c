// Package telemetry is the plugin's own metrics: edge_records_total,
// edge_dropped_records_total and the others of its table, and for the status page the
// times when each sink last succeeded and failed.
//
// A Telemetry is created before anything else of an instance, and depends on nothing
// else: sinks, rules and pipeline count with it, the page shows it. AddSink creates the
// counters of a sink with all their reasons, because a rate over a series that appears
// with its first event misses that event.
package telemetry

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// Config is how the series are named.
type Config struct {
	Prefix string
	// Labels are added to every series, unless it has one of that name itself.
	Labels []metric.Label
	// Version is that of edge_build_info.
	Version string
	// Clock stamps deliveries.
	Clock timefix.Clock
	// First is called with the first n samples or records that a sink drops or adjusts
	// for a reason that has a cure; nil is none. It must not block.
	First func(sink, reason, cure string, n int)
}

// Telemetry implements delivery.Telemetry. It is safe for concurrent use, and
// never blocks.
type Telemetry struct {
	clock    timefix.Clock
	first    func(sink, reason, cure string, n int)
	said     sync.Map // [2]string, sink and reason: those that first was called with
	registry *prometheus.Registry
	families []*Family

	repairs  [timefix.NumVerdicts]counter
	records  counters
	dropped  counters
	refused  counters
	adjusted counters
	flush    histogram
	requests counters
	sent     counters
	last     gauges
	writes   counters
	skew     gauge

	// Those of the sink prometheus, which each record updates.
	shown   counter
	shownAt gauge
	arrived atomic.Int64 // when the last sample was shown, in ns of Instant.Elapsed

	mu    sync.Mutex
	sinks map[string]*SinkTimes

	traffic traffic

	group  *Group
	output string
	page   *prometheus.Registry // of Collect's series

	making sync.Mutex   // see Text
	byName []*ownFamily // sorted
}

var _ delivery.Telemetry = (*Telemetry)(nil)

// newTelemetry creates the series of one prefix and label set. The sinks decode and
// prometheus exist from the start.
func newTelemetry(cfg Config, g *Group, output string) *Telemetry {
	t := &Telemetry{clock: cfg.Clock, first: cfg.First, registry: prometheus.NewRegistry(), sinks: make(map[string]*SinkTimes),
		group: g, output: output, page: prometheus.NewRegistry()}
	t.traffic.began = int64(t.clock.Now().Elapsed())
	t.page.MustRegister(prometheus.CollectorFunc(t.Collect))
	b := builder{cfg: cfg, registry: t.registry, output: output}
	t.records = b.counters(records, "sink", "result")
	t.dropped = b.counters(dropped, "sink", "reason")
	t.refused = b.counters(refused, "rule", "reason")
	t.adjusted = b.counters(adjusted, "sink", "reason")
	t.flush = b.histogram(flushDuration)
	t.requests = b.counters(requests, "endpoint", "code")
	t.sent = b.counters(sentBytes, "endpoint", "encoding")
	t.last = b.gauges(lastDelivery, "sink")
	t.writes = b.counters(writes, "code")
	t.skew = b.gauges(clockSkew).with()
	repairs := b.counters(timeRepairs, "reason")
	for v := range t.repairs {
		t.repairs[v] = repairs.with(timefix.Verdict(v).String())
	}
	b.gauges(buildInfo, "version", "goversion", "goarch").
		with(strings.ToValidUTF8(cfg.Version, "\uFFFD"), runtime.Version(), runtime.GOARCH).set(1)
	t.families, t.byName = b.families, b.byName()
	t.AddSink(delivery.SinkDecode, delivery.DropReasons(delivery.SinkDecode), nil)
	t.AddSink(delivery.SinkPrometheus, delivery.DropReasons(delivery.SinkPrometheus), nil)
	t.shown = t.records.with(delivery.SinkPrometheus, delivered)
	t.shownAt = t.last.with(delivery.SinkPrometheus)
	return t
}

// The values of the label result.
const (
	delivered = "delivered"
	lost      = "dropped"
	retried   = "retried"
)

// The values of the label encoding.
const (
	raw  = "raw"
	wire = "wire"
)

// AddSink creates the series of a sink, all at 0, with its reasons for dropping or
// adjusting records.
func (t *Telemetry) AddSink(sink string, dropReasons, adjustReasons []string) {
	t.records.with(sink, lost)
	for _, r := range dropReasons {
		t.dropped.with(sink, r)
	}
	for _, r := range adjustReasons {
		t.adjusted.with(sink, r)
	}
	if sink == delivery.SinkDecode {
		return
	}
	t.records.with(sink, delivered)
	t.last.with(sink)
	switch sink {
	case delivery.SinkPrometheus:
		return
	case delivery.SinkRemoteWrite:
		t.writes.with("200")
	case delivery.SinkDatadog:
		t.addEndpoint(endpointLogs)
	case delivery.SinkDatadogMetrics:
		t.addEndpoint(endpointSeries)
	}
	t.records.with(sink, retried)
}

func (t *Telemetry) addEndpoint(endpoint string) {
	t.requests.with(endpoint, "202")
	t.Sent(endpoint, 0, 0)
}

// Shown counts n samples that were shown on the page.
func (t *Telemetry) Shown(n int, now timefix.Instant) {
	t.shown.add(float64(n))
	t.shownAt.set(seconds(now))
	t.arrived.Store(int64(now.Elapsed()))
}

// seconds is the wall clock's time in seconds, to the millisecond.
func seconds(now timefix.Instant) float64 { return float64(now.Wall/1e6) / 1e3 }

// Delivered is part of delivery.Telemetry.
func (t *Telemetry) Delivered(sink string, n int) {
	t.records.add(n, sink, delivered)
	if n <= 0 {
		return
	}
	now := t.clock.Now()
	t.last.with(sink).set(seconds(now))
	t.noteDelivered(sink, int64(now.Elapsed()))
	t.traffic.delivered(sink, int64(now.Elapsed()), n)
}

// Retried is part of delivery.Telemetry.
func (t *Telemetry) Retried(sink string, n int) {
	t.records.add(n, sink, retried)
}

// Dropped is part of delivery.Telemetry.
func (t *Telemetry) Dropped(sink, reason string, n int) {
	t.records.add(n, sink, lost)
	t.dropped.add(n, sink, reason)
	if n > 0 && affectsHealth(sink, reason) {
		t.noteDropped(sink, reason)
	}
	t.sayFirst(sink, reason, n)
}

// sayFirst tells whoever wants to know of the first n of a reason.
func (t *Telemetry) sayFirst(sink, reason string, n int) {
	if n <= 0 || t.first == nil {
		return
	}
	cure := delivery.CureOf(sink, reason)
	if cure == "" {
		return
	}
	if _, said := t.said.LoadOrStore([2]string{sink, reason}, nil); !said {
		t.first(sink, reason, cure, n)
	}
}

// Refused counts samples of a rule of config_file that are not shown on the page, by
// rule and as dropped by the sink prometheus.
func (t *Telemetry) Refused(rule, reason string, n int) {
	t.Dropped(delivery.SinkPrometheus, reason, n)
	t.RefusedByRule(rule, reason, n)
}

// RefusedByRule is Refused for samples that were already counted as dropped.
func (t *Telemetry) RefusedByRule(rule, reason string, n int) {
	t.refused.add(n, rule, reason)
}

// Adjusted is part of delivery.Telemetry.
func (t *Telemetry) Adjusted(sink, reason string, n int) {
	t.adjusted.add(n, sink, reason)
	t.sayFirst(sink, reason, n)
}

// Request is part of delivery.Telemetry. The endpoint delivery.SinkRemoteWrite is
// remote write's, every other is Datadog's.
func (t *Telemetry) Request(endpoint, code string) {
	t.noteAnswer(sinkOf(endpoint), code)
	if endpoint == delivery.SinkRemoteWrite {
		t.writes.add(1, code)
		return
	}
	t.requests.add(1, endpoint, code)
}

// Sent is part of delivery.Telemetry. Only the status page shows remote write's bytes.
func (t *Telemetry) Sent(endpoint string, rawBytes, wireBytes int) {
	t.noteSent(sinkOf(endpoint), wireBytes)
	if endpoint == delivery.SinkRemoteWrite {
		return
	}
	t.sent.add(rawBytes, endpoint, raw)
	t.sent.add(wireBytes, endpoint, wire)
}

// Skew is part of delivery.Telemetry.
func (t *Telemetry) Skew(d time.Duration) { t.skew.set(d.Seconds()) }

// FlushDuration records how long Fluent Bit waited for one flush.
func (t *Telemetry) FlushDuration(d time.Duration) { t.flush.observe(max(d, 0).Seconds()) }

// Repairs counts the verdicts of one chunk's times.
func (t *Telemetry) Repairs(counts timefix.Counts) {
	for v, n := range counts {
		if n > 0 {
			t.repairs[v].add(float64(n))
		}
	}
}

// Gather returns the series like a prometheus.Gatherer.
func (t *Telemetry) Gather() ([]*dto.MetricFamily, error) { return t.page.Gather() }

// Collect sends the series to the registry of a page, with the label output if there
// are several outputs.
func (t *Telemetry) Collect(ch chan<- prometheus.Metric) {
	if t.isOneOfSeveral() {
		prometheus.WrapCollectorWith(prometheus.Labels{OutputLabel: t.output}, t.registry).Collect(ch)
		return
	}
	t.registry.Collect(ch)
}
