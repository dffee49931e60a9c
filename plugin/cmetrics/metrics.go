package cmetrics

import (
	"errors"
	"fmt"
	"math"
	"out_edge/plugin/metric"
	"out_edge/plugin/wire"
)

// What Append can find wrong with a payload: what a Error wraps.
var (
	ErrNotMetrics  = errors.New("not a metrics event")
	ErrCutMetrics  = errors.New("cut off, nested too deep or not MessagePack")
	ErrBadMetric   = errors.New("metric without a name, a type or usable buckets")
	ErrBadSample   = errors.New("sample without a usable value")
	ErrLargeLabels = errors.New("labels too large for the payload that carries them")
)

// Error says how much of a payload of metrics events was unreadable.
// Samples of the rest are given beside it. It has nothing of the payload in it.
type Error struct {
	// Count is how many events, metrics or samples could not be read.
	Count int
	// Event is the place in the payload of the event with the first of them.
	Event int
	// Err is that one's cause: ErrNotMetrics, ErrCutMetrics, ...
	Err error
}

func (e *Error) Error() string {
	return fmt.Sprintf("decode metrics: %d unreadable, first in event %d: %v", e.Count, e.Event, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// labelBudget is how many bytes of names and labels a payload may be turned
// into for each of its own. A metric's label names and an event's static
// labels are written once and repeat in every series, so that without a limit
// the work would grow with the payload's square. Real events stay under 10.
const labelBudget = 64

// Append appends the samples of a payload of metrics events (cmetrics,
// one root value an event) to dst and returns it.
//
// Counters, gauges, untyped values, histograms and summaries become samples;
// exponential histograms are passed over and counted (Interner.Skipped). A
// sample's Index is the place of its event in the payload. Its time is the
// event's own, or arrivalUnixNano where that is missing, 0 or past 2262. Label
// and metric names that Prometheus refuses get underscores. HasDelta is set
// only for a counter that is sent as deltas; its Value is then what they add up
// to since the Interner first saw the series.
//
// An event or metric that cannot be read costs itself alone: the samples of the
// others are in the slice that is returned beside the error, a *Error.
// Nothing in dst refers to payload. The work and the memory are bounded by the
// payload's length.
func Append(dst []metric.Sample, payload []byte, arrivalUnixNano int64, in *Interner) ([]metric.Sample, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	r := eventReader{
		dst:     dst,
		arrival: arrivalUnixNano,
		in:      in,
		budget:  labelBudget * (int64(len(payload)) + 1024),
	}
	defer in.release()
	r.payload(payload)
	if r.fault.Count > 0 {
		fault := r.fault // so that r stays off the heap
		return r.dst, &fault
	}
	return r.dst, nil
}

// eventReader turns one payload into samples. It uses the Interner's scratch
// space, whose lock Append holds.
type eventReader struct {
	dst     []metric.Sample
	arrival int64
	in      *Interner
	index   int
	budget  int64
	fault   Error
}

func (r *eventReader) fail(err error) {
	if r.fault.Count == 0 {
		r.fault.Event, r.fault.Err = r.index, err
	}
	r.fault.Count++
}

func (r *eventReader) payload(p []byte) {
	for i := 0; i < len(p) && r.budget >= 0; r.index++ {
		end, state := r.in.checker.Check(p, i)
		if state == wire.Whole {
			r.event(wire.Value(p[i:end:end]))
		} else {
			r.fail(ErrCutMetrics)
		}
		i = end
	}
}

// event reads {meta: {processing: {static_labels: [[name, value], ...]}},
// metrics: [metric, ...]}.
func (r *eventReader) event(v wire.Value) {
	metrics := v.Get("metrics")
	if len(metrics) == 0 || !wire.IsArray(metrics[0]) {
		r.fail(ErrNotMetrics)
		return
	}
	r.in.static = r.in.static[:0]
	labels := v.Get("meta").Get("processing").Get("static_labels").Array()
	for {
		pair, ok := labels.Next()
		if !ok {
			break
		}
		it := pair.Array()
		name, _ := it.Next()
		value, _ := it.Next()
		r.in.static = append(r.in.static, staticLabel{textOf(name), textOf(value)})
	}
	it := metrics.Array()
	for {
		metric, ok := it.Next()
		if !ok || r.budget < 0 {
			return
		}
		r.metric(metric)
	}
}

// The types of cmetrics.
const (
	cmtCounter = iota
	cmtGauge
	cmtHistogram
	cmtSummary
	cmtUntyped
	cmtExpHistogram
)

// cmtDelta is the aggregation type of values that are not totals.
const cmtDelta = 1

// metric reads {meta: {type, opts, labels, ...}, values: [value, ...]}.
func (r *eventReader) metric(v wire.Value) {
	meta := v.Get("meta")
	values := v.Get("values")
	f := &r.in.family
	err := f.read(meta, r.in.static)
	r.budget -= int64(len(f.arena) + len(f.labels))
	if r.budget < 0 {
		err = ErrLargeLabels
	}
	if err != nil {
		r.fail(err)
		return
	}
	if f.skipped {
		r.in.skipped.Add(uint64(values.Len()))
		return
	}
	it := values.Array()
	for {
		value, ok := it.Next()
		if !ok {
			return
		}
		if err := r.sample(f, value); err != nil {
			r.fail(err)
		}
		if r.budget < 0 {
			return
		}
	}
}

// point is one entry of a metric's values, not looked into.
type point struct {
	time                     int64
	value                    wire.Value
	labels                   wire.Value
	histogram, summaryValues wire.Value
}

// pointOf finds the members of {ts, value, value_int64, value_uint64, labels,
// histogram, summary, ...} in one pass. An integer's exact form wins over its
// double.
func pointOf(v wire.Value, arrival int64) point {
	p := point{time: arrival}
	exact := false
	for it := v.Map(); ; {
		key, val, ok := it.Next()
		if !ok {
			return p
		}
		name, _ := key.Bytes()
		switch string(name) {
		case "ts":
			if ts, ok := val.Int64(); ok && ts > 0 {
				p.time = ts
			}
		case "value":
			if !exact {
				p.value = val
			}
		case "value_int64", "value_uint64":
			p.value, exact = val, true
		case "labels":
			p.labels = val
		case "histogram":
			p.histogram = val
		case "summary":
			p.summaryValues = val
		}
	}
}

// sample appends the sample of one entry of a metric's values.
func (r *eventReader) sample(f *family, v wire.Value) error {
	p := pointOf(v, r.arrival)
	s := metric.Sample{UnixNano: p.time, Index: r.index}
	var ok bool
	switch f.kind {
	case metric.Histogram:
		s.Dist, ok = f.histogram(p.histogram)
	case metric.Summary:
		s.Dist, ok = f.summary(p.summaryValues)
	default:
		s.Value, ok = p.value.Float64()
	}
	if !ok {
		return ErrBadSample
	}
	key := r.in.key(f, p.labels.Array())
	r.budget -= int64(len(key) + len(f.labels))
	if r.budget < 0 {
		return ErrLargeLabels
	}
	e := r.in.intern(f, key)
	s.Series = e.series
	if f.delta {
		e.add(&s)
	}
	r.dst = append(r.dst, s)
	return nil
}

// textOf is the content of a str or bin, nil for anything else.
func textOf(v wire.Value) []byte {
	b, _ := v.Bytes()
	return b
}

// floatBits reads a float that cmetrics wrote as the integer of its bits, as it
// does for a summary's numbers; one that was written as a float is one.
func floatBits(v wire.Value) (float64, bool) {
	if bits, ok := v.Uint64(); ok {
		return math.Float64frombits(bits), true
	}
	return v.Float64()
}
