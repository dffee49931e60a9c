package cmetrics

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"out_edge/plugin/metric"
	"out_edge/plugin/wire"
)

// The faults of a payload, which an Error wraps.
var (
	ErrNotMetrics  = errors.New("not a metrics event")
	ErrCutMetrics  = errors.New("cut off, nested too deep or not MessagePack")
	ErrBadMetric   = errors.New("metric without a name, a type or usable buckets")
	ErrBadSample   = errors.New("sample without a usable value")
	ErrLargeLabels = errors.New("labels too large for the payload that carries them")
)

// Error is how much of a payload of metrics events was unreadable. The samples of the
// rest are returned with it. It contains nothing of the payload.
type Error struct {
	// Count is how many events, metrics or samples could not be read.
	Count int
	// Event is the index in the payload of the event with the first of them.
	Event int
	// Err is the first one's cause: ErrNotMetrics, ErrCutMetrics, ...
	Err error
}

func (e *Error) Error() string {
	return fmt.Sprintf("decode metrics: %d unreadable, first in event %d: %v", e.Count, e.Event, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// labelBudget is how many bytes of names and labels may be made of each byte of a
// payload. A metric's label names and an event's static labels are written once but
// repeat in every series, so without a limit the work would grow with the payload's
// square. Real events stay under 10.
const labelBudget = 64

// Append appends the samples of a payload of metrics events (cmetrics,
// one root value an event) to dst and returns it.
//
// Counters, gauges, untyped values, histograms and summaries become samples. Those of
// OpenTelemetry's services are named according to Interner.OTLP, with the labels of
// their resource, which has a target_info of its own; a sum that was seen to decrease
// is a gauge, and its series as a counter is ended with a staleness marker. A sample's
// Index is its event's index in the payload. Its time is the event's own, or
// arrivalUnixNano if that is missing, 0 or past 2262. Characters of names that
// Prometheus does not accept become underscores. HasDelta is set only for a counter
// that is sent as deltas; its Value is then their sum since the Interner first saw the
// series.
//
// An event or metric that cannot be read does not affect the others, whose samples are
// returned with the error, an *Error. Nothing in dst refers to payload. Work and memory
// are limited by the payload's length.
func Append(dst []metric.Sample, payload []byte, arrivalUnixNano int64, in *Interner) ([]metric.Sample, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	r := eventReader{
		dst:     dst,
		arrival: arrivalUnixNano,
		in:      in,
		first:   len(dst),
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

// eventReader converts one payload to samples. It uses the Interner's working memory,
// whose lock Append holds.
type eventReader struct {
	dst     []metric.Sample
	arrival int64
	in      *Interner
	index   int
	first   int // sample of the payload
	budget  int64
	fault   Error
	context *otlpContext // of an event of OpenTelemetry's, else nil
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
	meta, metrics, ok := openEvent(v)
	if !ok {
		r.fail(ErrNotMetrics)
		return
	}
	r.in.static = r.in.static[:0]
	labels := meta.Get("processing").Get("static_labels").Array()
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
	first := len(r.dst)
	r.beginOTLP(meta)
	for range metrics.Len() {
		if r.budget < 0 {
			break
		}
		metrics.Next()
		r.metric(&metrics)
	}
	r.targetInfo(first)
}

// openEvent returns an event's meta, and a reader at its metrics, which is not ok if
// they are no array. cmetrics writes the two in this order, so that nothing is read
// twice.
func openEvent(v wire.Value) (meta wire.Value, metrics wire.Reader, ok bool) {
	r := v.Reader()
	if r.Next() == wire.Map && r.Len() == 2 && string(r.Key()) == "meta" {
		meta = r.Skip()
		if string(r.Key()) == "metrics" && r.Kind() == wire.Array {
			return meta, r, true
		}
	}
	metrics = v.Get("metrics").Reader()
	return v.Get("meta"), metrics, metrics.Next() == wire.Array
}

// beginOTLP finds the context of an event of OpenTelemetry's services.
func (r *eventReader) beginOTLP(meta wire.Value) {
	r.context = nil
	if external := meta.Get("external"); isOTLP(meta, external) {
		r.context = r.in.contextOf(external)
		r.in.otlp.meta.reset(external)
	}
}

// targetInfo appends the sample that describes the resource of an event, at the time of
// the newest of those from first on. Of a payload's events of one resource the first has
// it.
func (r *eventReader) targetInfo(first int) {
	if r.context == nil || r.context.info == nil || len(r.dst) == first {
		return
	}
	s := metric.Sample{Series: r.context.info, Value: 1, Index: r.index}
	for i := range r.dst[first:] {
		s.UnixNano = max(s.UnixNano, r.dst[first+i].UnixNano)
	}
	for i := range r.dst[r.first:] {
		if had := &r.dst[r.first+i]; had.Series == s.Series {
			had.UnixNano = max(had.UnixNano, s.UnixNano)
			return
		}
	}
	r.dst = append(r.dst, s)
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

// metric reads {meta: {type, opts, labels, ...}, values: [value, ...]}, the value that
// at is at. cmetrics writes the two in this order; any other metric is searched for them.
func (r *eventReader) metric(at *wire.Reader) {
	whole := *at
	if at.Kind() == wire.Map && at.Len() == 2 && string(at.Key()) == "meta" {
		meta := *at
		if !r.readFamily(at) {
			*at = whole
			at.Leave()
			return
		}
		if string(at.Key()) == "values" {
			r.points(meta, at)
		} else {
			at.Leave()
		}
		return
	}
	*at = whole
	v := at.Skip()
	meta, values := v.Get("meta").Reader(), v.Get("values").Reader()
	meta.Next()
	values.Next()
	if read := meta; r.readFamily(&read) {
		r.points(meta, &values)
	}
}

// points appends the samples of the metric whose family has been read. meta and values
// are at what they are named after.
func (r *eventReader) points(meta wire.Reader, values *wire.Reader) {
	f, first, fault, again := &r.in.family, len(r.dst), r.fault, *values
	points := r.beginPoints()
	if r.values(f, values) {
		return
	}
	// It is a sum that may fall, and no counter: once more.
	f.otlp.fall()
	r.in.OTLP.Fallen.add(string(f.options.name))
	r.dst, r.fault, r.in.otlp.meta.points = r.dst[:first], fault, points
	if *values = again; r.readFamily(&meta) {
		r.values(f, values)
	}
}

// readFamily reads the meta that at is at, and passes it.
func (r *eventReader) readFamily(meta *wire.Reader) (ok bool) {
	f := &r.in.family
	err := f.read(meta, r.in, r.context)
	r.budget -= int64(len(f.arena) + len(f.labels))
	if r.budget < 0 {
		err = ErrLargeLabels
	}
	if err != nil {
		r.fail(err)
	}
	return err == nil
}

// beginPoints goes to what is noted of a metric's points.
func (r *eventReader) beginPoints() cursor {
	if r.context == nil {
		return cursor{}
	}
	m := &r.in.otlp.meta
	m.begin(r.in.family.cmtType, r.in.family.options.name)
	return m.points
}

// values appends the samples of a metric, and passes its values, which at is at; false is
// one that is no counter.
func (r *eventReader) values(f *family, at *wire.Reader) (ok bool) {
	if at.Kind() != wire.Array {
		at.Leave()
		return true
	}
	for range at.Len() {
		if r.budget < 0 {
			return true
		}
		at.Next()
		switch err := r.sample(f, at); {
		case err == nil:
		case errors.Is(err, errFalls):
			return false
		default:
			r.fail(err)
		}
	}
	return true
}

// errFalls means that a sum decreases.
var errFalls = errors.New("the sum falls: it is no counter")

// point is one entry of a metric's values, not decoded.
type point struct {
	time, start int64
	ownTime     int64 // as given
	hash        uint64
	number      float64
	isNumber    bool
	dist        wire.Value // histogram, exp_histogram or summary
	isStale     bool       // it has no value
	noSum       bool
	exemplars   *metric.Exemplars
}

// pointOf reads {ts, start_ts, value, value_int64, value_uint64, labels, histogram,
// exp_histogram, summary, hash, ...}, which at is at, and passes it. The labels' values
// are those of the Interner from now on. An integer's exact form takes precedence over
// its double.
func (r *eventReader) pointOf(f *family, at *wire.Reader) point {
	p := point{time: r.arrival}
	r.in.values = r.in.values[:0]
	if at.Kind() != wire.Map {
		at.Leave()
		return p
	}
	exact := false
	for range at.Len() {
		switch string(at.Key()) {
		case "ts":
			p.ownTime, _ = at.Integer()
			if p.ownTime > 0 {
				p.time = p.ownTime
			}
		case "start_ts":
			p.start, _ = at.Integer()
		case "hash":
			p.hash, _ = at.Unsigned()
		case "value":
			if !exact {
				p.number, p.isNumber = at.Number()
			}
		case "value_int64", "value_uint64":
			p.number, p.isNumber = at.Number()
			exact = true
		case "labels":
			r.in.readValues(f.own, at)
			continue
		case "histogram", "exp_histogram", "summary":
			p.dist = at.Skip()
			continue
		}
		at.Leave()
	}
	return p
}

// note adds what meta.external contains about a point.
func (r *eventReader) note(p *point) {
	for it := r.in.otlp.meta.of(p.hash, p.ownTime).Map(); ; {
		key, val, ok := it.Next()
		if !ok {
			return
		}
		switch name, _ := key.Bytes(); string(name) {
		case "start_time_unix_nano":
			if p.start == 0 {
				p.start, _ = val.Int64()
			}
		case "flags":
			const noRecordedValue = 1
			flags, _ := val.Uint64()
			p.isStale = flags&noRecordedValue != 0
		case "has_sum":
			has, isBool := val.Bool()
			p.noSum = isBool && !has
		case "exemplars":
			p.exemplars = r.exemplars(val)
		}
	}
}

// sample appends the sample of one entry of a metric's values.
func (r *eventReader) sample(f *family, at *wire.Reader) error {
	p := r.pointOf(f, at)
	if f.otlp != nil {
		r.note(&p)
	}
	s := metric.Sample{UnixNano: p.time, Index: r.index, Exemplars: p.exemplars}
	if ok := f.value(&s, &p); !ok {
		return ErrBadSample
	}
	key := r.in.key(f)
	r.budget -= int64(len(key) + len(f.labels))
	if r.budget < 0 {
		return ErrLargeLabels
	}
	e := r.in.intern(f, key)
	s.Series = e.series
	if f.otlp != nil {
		if err := r.check(f, e, &s, &p); err != nil || s.Series == nil {
			return err
		}
	}
	if f.delta && !p.isStale {
		e.add(&s)
	}
	r.dst = append(r.dst, s)
	return nil
}

// value reads the value of a point. A point marked as having none becomes a staleness
// marker, also of a histogram or summary.
func (f *family) value(s *metric.Sample, p *point) (ok bool) {
	switch {
	case p.isStale:
		s.Value = math.Float64frombits(metric.StaleNaN)
		return true
	case f.exp:
		s.Dist, ok = f.expHistogram(p.dist)
	case f.kind == metric.Histogram:
		s.Dist, ok = f.histogram(p.dist)
		if ok && p.noSum {
			s.Dist.Sum, s.Dist.NoSum = 0, true
		}
	case f.kind == metric.Summary:
		s.Dist, ok = f.summary(p.dist)
	default:
		s.Value, ok = p.number, p.isNumber
	}
	return ok
}

// check looks at a sample of OpenTelemetry's. A nil series is that of a sample that
// another metric makes, and which is left out.
func (r *eventReader) check(f *family, e *entry, s *metric.Sample, p *point) error {
	if e.otlp != f.otlp && e.otlp != nil && e.otlp.key != f.otlp.key {
		r.in.clash(e.otlp, f.otlp)
		s.Series = nil
		return nil
	}
	if s.Series.Resource != nil {
		s.Series.Resource.Set(r.context.resource)
	}
	if f.kind == metric.Counter && !p.isStale && e.falls(s.Value, p, f.delta) {
		return errFalls
	}
	e.given = true
	if f.otlp.counter != "" && !e.isEnded {
		e.isEnded = true
		r.endCounter(f, s)
	}
	if f.kind.IsTotal() && !f.delta {
		s.Start = p.start
	}
	return nil
}

// falls reports whether a sum cannot be a counter: it is less than 0, or has decreased
// without a reset.
func (e *entry) falls(value float64, p *point, delta bool) bool {
	if value < 0 {
		return true
	}
	if delta {
		return false
	}
	if p.start != 0 && p.start == e.start && p.time > e.at && value < e.total {
		return true
	}
	if p.start != e.start || p.time > e.at {
		e.start, e.at, e.total = p.start, p.time, value
	}
	return false
}

// endCounter ends the counter that a gauge was taken for before.
func (r *eventReader) endCounter(f *family, gauge *metric.Sample) {
	in := r.in
	_, labels, _ := bytes.Cut(in.keyText, []byte(partEnd))
	key := string(append(append([]byte{byte(metric.Counter)}, f.otlp.counter...), separator)) + string(labels)
	e := in.young[key]
	if e == nil {
		e = in.old[key]
	}
	if e == nil {
		return
	}
	delete(in.young, key)
	delete(in.old, key)
	if !e.given {
		return
	}
	r.dst = append(r.dst, metric.Sample{Series: e.series, UnixNano: gauge.UnixNano, Index: gauge.Index,
		Value: math.Float64frombits(metric.StaleNaN)})
}

// textOf returns the content of a str or bin, nil for anything else.
func textOf(v wire.Value) []byte {
	b, _ := v.Bytes()
	return b
}

// floatBits reads a float that cmetrics wrote as the integer of its bits, as it does
// for a summary's numbers; a plain float is returned unchanged.
func floatBits(v wire.Value) (float64, bool) {
	if bits, ok := v.Uint64(); ok {
		return math.Float64frombits(bits), true
	}
	return v.Float64()
}
