package remotewrite

import (
	"math"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"out_edge/plugin/metric"
)

// never is the time of a series of which nothing has been accepted.
const never = math.MinInt64

// output is one series as the receiver sees it. All but last, batch, newest and
// used is settled when it is made.
type output struct {
	id     uint64 // rises with each output
	labels []byte // version 1: the label fields of a TimeSeries
	// symbols are the names and values of the labels; help and unit may be
	// nil.
	symbols    []*symbol
	help, unit *symbol
	kind       metricType

	last   int64  // ms of the newest point that was accepted, or never
	batch  uint32 // the last batch that has points of it
	newest int64  // ms of the newest of them
	used   time.Duration
}

// join notes a point that a batch has of it.
func (o *output) join(batch uint32, ms int64) {
	if o.batch == batch {
		ms = max(ms, o.newest)
	}
	o.batch, o.newest = batch, ms
}

// symbol is a text of version 2's symbol table. Its place in a request's table
// is ref, if request is that request's number.
type symbol struct {
	text    string
	request uint32
	ref     uint32
}

// plan is what the samples of one metric.Series become: for a gauge, counter or
// untyped series one output; for a histogram _count, _sum and the buckets, +Inf
// last; for a summary _count, _sum and the quantiles. A part that relabelling
// drops is nil.
type plan struct {
	outputs []*output
	bounds  []float64
	dropped fate // why there are no outputs
	used    time.Duration
}

// Bounds of what is remembered of series. A series that is forgotten costs no
// more than being prepared anew.
const (
	maxPlans   = 50_000
	sweepEvery = 10 * time.Minute
	keepSeries = time.Hour
)

// registry knows the series that were sent.
type registry struct {
	labels  []metric.Label
	relabel func([]metric.Label) ([]metric.Label, bool)

	plans   map[*metric.Series]*plan
	outputs map[string]*output // by their labels field
	symbols map[string]*symbol
	lastID  uint64
	swept   time.Duration
}

func newRegistry(cfg Config) *registry {
	r := &registry{labels: cfg.Labels, relabel: cfg.Relabel}
	r.reset()
	return r
}

func (r *registry) reset() {
	r.plans = map[*metric.Series]*plan{}
	r.outputs = map[string]*output{}
	r.symbols = map[string]*symbol{}
}

// planOf is the plan for a sample that is sound; now is the time since any fixed
// point.
func (r *registry) planOf(sample *metric.Sample, now time.Duration) *plan {
	s := sample.Series
	var bounds []float64
	if isDistribution(s.Kind) {
		bounds = sample.Dist.Bounds
	}
	p := r.plans[s]
	if p == nil || !slices.Equal(p.bounds, bounds) {
		if len(r.plans) >= maxPlans {
			r.reset()
		}
		p = r.newPlan(s, bounds)
		r.plans[s] = p
	}
	p.used = now
	for _, o := range p.outputs {
		if o != nil {
			o.used = now
		}
	}
	return p
}

func (r *registry) newPlan(s *metric.Series, bounds []float64) *plan {
	p := &plan{bounds: bounds}
	if s.Name == "" {
		p.dropped = noName
		return p
	}
	add := func(suffix string, extra ...metric.Label) {
		labels, keep := r.labelsOf(s.Name+suffix, s.Labels, extra...)
		if !keep {
			p.outputs = append(p.outputs, nil)
			return
		}
		p.outputs = append(p.outputs, r.outputOf(s, labels))
	}
	if isDistribution(s.Kind) {
		addDistribution(s.Kind, bounds, add)
	} else {
		add("")
	}
	if !slices.ContainsFunc(p.outputs, func(o *output) bool { return o != nil }) {
		p.dropped = relabelled
	}
	return p
}

func addDistribution(kind metric.Kind, bounds []float64, add func(string, ...metric.Label)) {
	add("_count")
	add("_sum")
	for _, b := range bounds {
		if kind == metric.Histogram {
			add("_bucket", metric.Label{Name: "le", Value: metric.FormatBound(b)})
		} else {
			add("", metric.Label{Name: "quantile", Value: metric.FormatBound(b)})
		}
	}
	if kind == metric.Histogram {
		add("_bucket", metric.Label{Name: "le", Value: "+Inf"})
	}
}

// outputOf finds or makes the output with these labels: two metric.Series may
// come to the same.
func (r *registry) outputOf(s *metric.Series, labels []metric.Label) *output {
	var field []byte
	for _, l := range labels {
		field = appendLabel(field, l)
	}
	if o := r.outputs[string(field)]; o != nil {
		return o
	}
	r.lastID++
	o := &output{id: r.lastID, labels: field, kind: typeOf(s.Kind), last: never}
	for _, l := range labels {
		o.symbols = append(o.symbols, r.symbol(l.Name), r.symbol(l.Value))
	}
	if help := labelValue(s.Help); help != "" {
		o.help = r.symbol(help)
	}
	if unit := unitOf(s.Name); unit != "" {
		o.unit = r.symbol(unit)
	}
	r.outputs[string(field)] = o
	return o
}

func (r *registry) symbol(text string) *symbol {
	s := r.symbols[text]
	if s == nil {
		s = &symbol{text: text}
		r.symbols[text] = s
	}
	return s
}

// appendLabel appends field 1 of a version 1 TimeSeries.
func appendLabel(dst []byte, l metric.Label) []byte {
	size := fieldSize(len(l.Name)) + fieldSize(len(l.Value))
	dst = protowire.AppendTag(dst, 1, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(size))
	dst = protowire.AppendTag(dst, 1, protowire.BytesType)
	dst = protowire.AppendString(dst, l.Name)
	dst = protowire.AppendTag(dst, 2, protowire.BytesType)
	return protowire.AppendString(dst, l.Value)
}

// fieldSize is the size of a field of n bytes whose tag takes one.
func fieldSize(n int) int { return 1 + protowire.SizeBytes(n) }

// sweep forgets, now and then, series that have been silent for long; keep says
// which must stay.
func (r *registry) sweep(now time.Duration, keep func(*output) bool) {
	if now-r.swept < sweepEvery {
		return
	}
	r.swept = now
	for s, p := range r.plans {
		if now-p.used > keepSeries {
			delete(r.plans, s)
		}
	}
	clear(r.symbols)
	for key, o := range r.outputs {
		if now-o.used > keepSeries && !keep(o) {
			delete(r.outputs, key)
			continue
		}
		for _, s := range append([]*symbol{o.help, o.unit}, o.symbols...) {
			if s != nil {
				r.symbols[s.text] = s
			}
		}
	}
}

// metricType is version 2's Metadata.MetricType.
type metricType uint8

const (
	typeUnknown   metricType = 0
	typeCounter   metricType = 1
	typeGauge     metricType = 2
	typeHistogram metricType = 3
	typeSummary   metricType = 5
)

func typeOf(k metric.Kind) metricType {
	switch k {
	case metric.Counter:
		return typeCounter
	case metric.Gauge:
		return typeGauge
	case metric.Histogram:
		return typeHistogram
	case metric.Summary:
		return typeSummary
	default:
		return typeUnknown
	}
}

// unitOf is the unit that a name ends in, or "": OpenMetrics wants a unit to be
// the name's suffix.
func unitOf(name string) string {
	name = strings.TrimSuffix(name, "_total")
	switch unit := name[strings.LastIndexByte(name, '_')+1:]; unit {
	case "seconds", "bytes", "celsius", "ratio", "meters", "grams", "volts", "amperes", "joules", "watts", "hertz":
		return unit
	}
	return ""
}
