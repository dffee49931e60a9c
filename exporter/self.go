package exporter

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// Self counts what the plugin itself does. It is the real delivery.Meter, safe
// for concurrent use; nothing in it blocks.
type Self struct {
	clock      timefix.Clock
	users      int // guarded by page.mu
	collectors []prometheus.Collector

	repairs  [timefix.NumVerdicts]prometheus.Counter
	records  *prometheus.CounterVec
	dropped  *prometheus.CounterVec
	refused  *prometheus.CounterVec
	adjusted *prometheus.CounterVec
	flush    prometheus.Histogram
	requests *prometheus.CounterVec
	sent     *prometheus.CounterVec
	last     *prometheus.GaugeVec
	writes   *prometheus.CounterVec
	skew     prometheus.Gauge

	// The page's own, which each record touches.
	delivered prometheus.Counter
	shownAt   prometheus.Gauge
	arrived   atomic.Int64 // when the last sample was shown, by arrival's clock

	mu     sync.Mutex
	states map[string]*sinkState // by sink
}

var (
	_ delivery.Meter    = (*Self)(nil)
	_ delivery.Adjuster = (*Self)(nil)
)

// newSelf makes the self series of one prefix and label set.
func newSelf(clock timefix.Clock, cfg Config, labels []metric.Label) *Self {
	b := selfBuilder{prefix: cfg.Prefix, labels: labels}
	s := &Self{
		clock:    clock,
		states:   make(map[string]*sinkState),
		records:  b.counters(selfRecords, "sink", "result"),
		dropped:  b.counters(selfDropped, "sink", "reason"),
		refused:  b.counters(selfRefused, "rule", "reason"),
		adjusted: b.counters(selfAdjusted, "sink", "reason"),
		flush:    b.histogram(selfFlush),
		requests: b.counters(selfRequests, "endpoint", "code"),
		sent:     b.counters(selfSent, "endpoint", "encoding"),
		last:     b.gauges(selfLast, "sink"),
		writes:   b.counters(selfWrites, "code"),
		skew:     b.gauges(selfSkew).WithLabelValues(),
	}
	repairs := b.counters(selfRepairs, "reason")
	for v := range s.repairs {
		s.repairs[v] = repairs.WithLabelValues(timefix.Verdict(v).String())
	}
	b.gauges(selfBuild, "version", "goversion", "goarch").
		WithLabelValues(labelValue(cfg.Version), runtime.Version(), runtime.GOARCH).Set(1)
	s.delivered = s.records.WithLabelValues(delivery.SinkPrometheus, resultDelivered)
	s.shownAt = s.last.WithLabelValues(delivery.SinkPrometheus)
	s.collectors = b.made
	return s
}

// The values of the label result.
const (
	resultDelivered = "delivered"
	resultDropped   = "dropped"
	resultRetried   = "retried"
)

// prepare makes the series that an instance may ever touch, as far as they are
// known, so that they stand at 0 before anything has happened: a rate over a
// series that appears with its first event misses that event.
func (s *Self) prepare(cfg Config) {
	for _, sink := range append([]string{delivery.SinkDecode, delivery.SinkPrometheus}, cfg.Sinks...) {
		if sink != delivery.SinkDecode {
			s.records.WithLabelValues(sink, resultDelivered)
			s.last.WithLabelValues(sink)
		}
		s.records.WithLabelValues(sink, resultDropped)
		switch sink {
		case delivery.SinkDecode:
			s.dropped.WithLabelValues(sink, "undecodable")
		case delivery.SinkPrometheus:
			for r := accepted + 1; r < numRefusals; r++ {
				s.dropped.WithLabelValues(sink, r.String())
			}
		case delivery.SinkDatadog:
			s.prepareEndpoint(endpointLogs)
			s.records.WithLabelValues(sink, resultRetried)
		case delivery.SinkDatadogMetrics:
			s.prepareEndpoint(endpointSeries)
			s.records.WithLabelValues(sink, resultRetried)
		case delivery.SinkRemoteWrite:
			s.writes.WithLabelValues("200")
			s.records.WithLabelValues(sink, resultRetried)
		}
	}
}

func (s *Self) prepareEndpoint(endpoint string) {
	s.requests.WithLabelValues(endpoint, "202")
	s.sent.WithLabelValues(endpoint, encodingRaw)
	s.sent.WithLabelValues(endpoint, encodingWire)
}

// The values of the label encoding.
const (
	encodingRaw  = "raw"
	encodingWire = "wire"
)

// shown counts n samples that reached the page.
func (s *Self) shown(n int, now timefix.Instant) {
	s.delivered.Add(float64(n))
	s.shownAt.Set(seconds(now))
	s.arrived.Store(arrival(now))
}

// seconds is the wall clock's time, to the millisecond.
func seconds(now timefix.Instant) float64 { return float64(now.Wall/1e6) / 1e3 }

// Delivered is part of delivery.Meter.
func (s *Self) Delivered(sink string, n int) {
	if n <= 0 {
		return
	}
	s.records.WithLabelValues(sink, resultDelivered).Add(float64(n))
	now := s.clock.Now()
	s.last.WithLabelValues(sink).Set(seconds(now))
	s.noteDelivered(sink, arrival(now))
}

// Retried is part of delivery.Meter.
func (s *Self) Retried(sink string, n int) {
	if n >= 0 {
		s.records.WithLabelValues(sink, resultRetried).Add(float64(n))
	}
}

// Dropped is part of delivery.Meter. With n = 0 it makes the series, so that the
// first drop is a step from 0 that a rate can see.
func (s *Self) Dropped(sink, reason string, n int) {
	if n < 0 {
		return
	}
	s.records.WithLabelValues(sink, resultDropped).Add(float64(n))
	s.dropped.WithLabelValues(sink, reason).Add(float64(n))
	if n > 0 && alarming(sink, reason) {
		s.noteDropped(sink, reason)
	}
}

// Refused counts samples that a metric of config_file was refused, which are
// dropped for the page too. rule is the metric's name, and must be one of a
// bounded number. With n = 0 it makes the series.
func (s *Self) Refused(rule, reason string, n int) {
	s.Dropped(delivery.SinkPrometheus, reason, n)
	s.refusedOf(rule, reason, n)
}

func (s *Self) refusedOf(rule, reason string, n int) {
	if n >= 0 {
		s.refused.WithLabelValues(rule, reason).Add(float64(n))
	}
}

// Adjusted is part of delivery.Adjuster. With n = 0 it makes the series.
func (s *Self) Adjusted(sink, reason string, n int) {
	if n >= 0 {
		s.adjusted.WithLabelValues(sink, reason).Add(float64(n))
	}
}

// Request is part of delivery.Meter. The endpoint delivery.SinkRemoteWrite is
// remote write's, every other is Datadog's.
func (s *Self) Request(endpoint, code string) {
	s.noteAnswer(sinkOf(endpoint), code)
	if endpoint == delivery.SinkRemoteWrite {
		s.writes.WithLabelValues(code).Inc()
		return
	}
	s.requests.WithLabelValues(endpoint, code).Inc()
}

// Sent is part of delivery.Meter. Remote write's bytes are not shown.
func (s *Self) Sent(endpoint string, raw, wire int) {
	if endpoint == delivery.SinkRemoteWrite {
		return
	}
	s.sent.WithLabelValues(endpoint, encodingRaw).Add(float64(max(raw, 0)))
	s.sent.WithLabelValues(endpoint, encodingWire).Add(float64(max(wire, 0)))
}

// Skew is part of delivery.Meter.
func (s *Self) Skew(d time.Duration) { s.skew.Set(d.Seconds()) }

// FlushDuration tells how long Fluent Bit waited for one flush.
func (s *Self) FlushDuration(d time.Duration) { s.flush.Observe(max(d, 0).Seconds()) }

// Repairs counts the verdicts of one chunk's times.
func (s *Self) Repairs(counts timefix.Counts) {
	for v, n := range counts {
		if n > 0 {
			s.repairs[v].Add(float64(n))
		}
	}
}

// selfBuilder makes collectors from selfTable.
type selfBuilder struct {
	prefix string
	labels []metric.Label
	made   []prometheus.Collector
}

// opts are those of one metric; the label names that the metric has itself win
// over the instance's.
func (b *selfBuilder) opts(metric int, own []string) prometheus.Opts {
	def := &selfTable[metric]
	constant := make(prometheus.Labels, len(b.labels))
	for _, l := range b.labels {
		if l.Value != "" {
			constant[l.Name] = l.Value
		}
	}
	for _, name := range own {
		delete(constant, name)
	}
	return prometheus.Opts{Name: def.name(b.prefix), Help: def.help, ConstLabels: constant}
}

func (b *selfBuilder) counters(metric int, own ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts(b.opts(metric, own)), own)
	b.made = append(b.made, v)
	return v
}

func (b *selfBuilder) gauges(metric int, own ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts(b.opts(metric, own)), own)
	b.made = append(b.made, v)
	return v
}

func (b *selfBuilder) histogram(metric int) prometheus.Histogram {
	o := b.opts(metric, []string{"le"})
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: o.Name, Help: o.Help, ConstLabels: o.ConstLabels,
		// From a flush without a network to flush_timeout's default and beyond.
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30, 60}})
	b.made = append(b.made, h)
	return h
}
