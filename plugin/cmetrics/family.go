package cmetrics

import (
	"bytes"
	"math"
	"slices"

	"out_edge/plugin/metric"
	"out_edge/plugin/wire"
)

// family is what the series of one metric have in common. It is read for each metric,
// into the same memory. Byte slices other than names are views into the payload; the
// strings of familyText are created with the family's first new series.
type family struct {
	kind    metric.Kind
	cmtType uint64      // as cmetrics has it
	exp     bool        // an exponential histogram
	delta   bool        // values are what was added, not totals
	otlp    *otlpFamily // of OpenTelemetry's; nil for any other
	options options
	name    []byte        // ns_ss_name
	own     int           // how many label values a sample may have
	labels  []familyLabel // sorted by name; of equal names the sample's own first
	arena   []byte        // holds the names
	bounds  []float64
	text    *familyText
}

// options are a metric's opts: {ns, ss, name, desc, unit}.
type options struct{ ns, ss, name, desc, unit []byte }

// familyLabel is a label of a family's series.
type familyLabel struct {
	name   []byte
	index  int    // of its value among those of a sample; -1 for a static one
	value  []byte // of a static one
	isName bool   // it is __name__, which may repeat the metric's name
	// OpenTelemetry's: the attribute's name as it came. Attributes whose names become
	// the same are joined.
	attribute []byte
	isBool    bool
}

// familyText is the part of a family that is in each of its series.
type familyText struct{ datadogName, help, unit string }

// reset releases the payload and keeps the memory.
func (f *family) reset() {
	clear(f.labels)
	*f = family{labels: f.labels[:0], arena: f.arena[:0]}
}

// read reads a metric's meta, which at is at, and passes it.
//
// The events of OpenTelemetry's services have a context.
func (f *family) read(at *wire.Reader, in *Interner, c *otlpContext) error {
	f.reset()
	m := metaOf(at)
	if !m.hasType || m.cmtType > cmtExpHistogram {
		return ErrBadMetric
	}
	f.cmtType, f.exp = m.cmtType, m.cmtType == cmtExpHistogram
	f.kind = [...]metric.Kind{metric.Counter, metric.Gauge, metric.Histogram, metric.Summary, metric.Untyped, metric.Histogram}[m.cmtType]
	f.delta = m.aggregation == cmtDelta && (f.kind == metric.Counter || f.kind == metric.Histogram)
	f.options = m.options
	if len(f.options.name) == 0 {
		return ErrBadMetric
	}
	if c == nil {
		f.composeName()
		f.readLabels(m.labels.Array(), in.static)
	} else {
		f.translate(in, c, m.labels.Array())
	}
	if f.exp {
		return nil
	}
	switch f.kind {
	case metric.Histogram:
		return f.readBounds(m.buckets)
	case metric.Summary:
		return f.readBounds(m.quantiles)
	}
	return nil
}

// meta is a metric's meta: {ver, type, opts, labels: [name, ...], buckets: [bound, ...],
// quantiles: [q, ...], aggregation_type}.
type meta struct {
	cmtType, aggregation       uint64
	hasType                    bool
	options                    options
	labels, buckets, quantiles wire.Value
}

// metaOf reads the meta that at is at, and passes it. Of two members of one name the
// first counts.
func metaOf(at *wire.Reader) (m meta) {
	if at.Kind() != wire.Map {
		at.Leave()
		return m
	}
	var types, options, aggregations int
	for range at.Len() {
		switch string(at.Key()) {
		case "type":
			if types++; types == 1 {
				m.cmtType, m.hasType = at.Unsigned()
			}
		case "aggregation_type":
			if aggregations++; aggregations == 1 {
				m.aggregation, _ = at.Unsigned()
			}
		case "opts":
			if options++; options == 1 {
				m.options = optionsOf(at)
				continue
			}
		case "labels":
			setFirst(&m.labels, at.Skip())
			continue
		case "buckets":
			setFirst(&m.buckets, at.Skip())
			continue
		case "quantiles":
			setFirst(&m.quantiles, at.Skip())
			continue
		}
		at.Leave()
	}
	return m
}

// setFirst sets what is not set yet.
func setFirst(v *wire.Value, to wire.Value) {
	if *v == nil {
		*v = to
	}
}

// optionsOf reads the options that at is at, and passes them.
func optionsOf(at *wire.Reader) (o options) {
	if at.Kind() != wire.Map {
		at.Leave()
		return o
	}
	for range at.Len() {
		switch string(at.Key()) {
		case "ns":
			o.ns = at.Text()
		case "ss":
			o.ss = at.Text()
		case "name":
			o.name = at.Text()
		case "desc":
			o.desc = at.Text()
		case "unit":
			o.unit = at.Text()
		}
		at.Leave()
	}
	return o
}

// composeName joins the parts like cmetrics does for its own Prometheus page.
func (f *family) composeName() {
	start := len(f.arena)
	for _, part := range [...][]byte{f.options.ns, f.options.ss} {
		if len(part) > 0 {
			f.arena = appendText(f.arena, part)
			f.arena = append(f.arena, '_')
		}
	}
	f.arena = appendText(f.arena, f.options.name)
	f.name = f.arena[start:]
}

// readLabels reads the labels that the family's samples may have and those that all
// series of the event have. A sample's own label takes precedence.
func (f *family) readLabels(own wire.ArrayIter, static []staticLabel) {
	for name, ok := own.Next(); ok; name, ok = own.Next() {
		f.addLabel(familyLabel{name: textOf(name), index: f.own})
		f.own++
	}
	f.addStatic(static)
	slices.SortStableFunc(f.labels, func(a, b familyLabel) int { return bytes.Compare(a.name, b.name) })
}

// addLabel adds a label unless its name is empty. A label named le or quantile, which
// distinguish a histogram's and a summary's own lines, or __name__ is renamed to
// exported_..., like Prometheus does with reserved labels. A __name__ that repeats the
// metric's own name is left out of the key.
func (f *family) addLabel(l familyLabel) {
	if len(l.name) == 0 {
		return
	}
	start := len(f.arena)
	l.isName = string(l.name) == "__name__"
	switch name := string(l.name); {
	case l.isName, name == "le" && f.kind == metric.Histogram, name == "quantile" && f.kind == metric.Summary:
		f.arena = append(f.arena, "exported_"...)
	}
	f.arena = appendText(f.arena, l.name)
	l.name = f.arena[start:]
	f.labels = append(f.labels, l)
}

// translate names a metric of OpenTelemetry's and its labels as Prometheus does. Labels
// of the resource and the scope come before the sample's own, promoted ones and those of
// a processor behind them.
func (f *family) translate(in *Interner, c *otlpContext, own wire.ArrayIter) {
	f.otlp = in.familyOf(&f.options, f.kind)
	if f.otlp.upDown {
		f.kind = metric.Gauge
	}
	start := len(f.arena)
	f.arena = appendText(f.arena, []byte(f.otlp.name))
	f.name = f.arena[start:]
	f.addStatic(c.forced)
	first := len(f.labels)
	for name, ok := own.Next(); ok; name, ok = own.Next() {
		f.addAttribute(in, textOf(name))
	}
	slices.SortStableFunc(f.labels[first:], func(a, b familyLabel) int { return bytes.Compare(a.attribute, b.attribute) })
	f.addStatic(c.promoted)
	f.addStatic(in.static)
	slices.SortStableFunc(f.labels, func(a, b familyLabel) int { return bytes.Compare(a.name, b.name) })
}

func (f *family) addStatic(labels []staticLabel) {
	for _, l := range labels {
		f.addLabel(familyLabel{name: l.name, index: -1, value: l.value})
	}
}

func (f *family) addAttribute(in *Interner, attribute []byte) {
	index := f.own
	f.own++
	if len(attribute) == 0 || string(attribute) == "__name__" {
		return
	}
	f.addLabel(familyLabel{name: []byte(in.labelName(attribute)), index: index, attribute: attribute,
		isBool: slices.Contains(in.OTLP.Bools, string(attribute))})
}

// readBounds reads a histogram's upper bounds or a summary's quantiles. They must be
// ascending; +Inf is implied.
func (f *family) readBounds(v wire.Value) error {
	f.bounds = make([]float64, 0, v.Len())
	it := v.Array()
	for val, ok := it.Next(); ok; val, ok = it.Next() {
		bound, isNumber := val.Float64()
		if !isNumber || math.IsNaN(bound) {
			return ErrBadMetric
		}
		f.bounds = append(f.bounds, bound)
	}
	if n := len(f.bounds); n > 0 && math.IsInf(f.bounds[n-1], 1) {
		f.bounds = f.bounds[:n-1]
	}
	for i := 1; i < len(f.bounds); i++ {
		if f.bounds[i] <= f.bounds[i-1] {
			return ErrBadMetric
		}
	}
	f.bounds = slices.Clip(f.bounds)
	return nil
}

// histogram reads {buckets: [count, ...], sum, count}. There is a count for
// each bound and one for +Inf.
func (f *family) histogram(v wire.Value) (*metric.Distribution, bool) {
	var buckets, count, sum wire.Value
	for it := v.Map(); ; {
		key, val, ok := it.Next()
		if !ok {
			break
		}
		switch string(textOf(key)) {
		case "buckets":
			setFirst(&buckets, val)
		case "count":
			setFirst(&count, val)
		case "sum":
			setFirst(&sum, val)
		}
	}
	if buckets.Len() < len(f.bounds) || v.Len() == 0 {
		return nil, false
	}
	d := &metric.Distribution{Bounds: f.bounds}
	d.Count, _ = count.Uint64()
	d.Sum, _ = sum.Float64()
	counts := make([]uint64, 0, buckets.Len())
	it := buckets.Array()
	for val, ok := it.Next(); ok; val, ok = it.Next() {
		n, isCount := val.Uint64()
		if !isCount {
			return nil, false
		}
		counts = append(counts, n)
	}
	accumulate(counts, d.Count)
	for _, n := range counts {
		d.Count = max(d.Count, n)
	}
	d.Counts = counts[:len(f.bounds):len(f.bounds)]
	return d, true
}

// accumulate makes counts cumulative if they are not. cmetrics counts an observation in
// every bucket that it fits, but passes on the buckets of OTLP, which count each
// observation once. Only the total shows which: separate buckets add up to it.
// Cumulative ones never decrease, and add up to more unless all but the last are 0,
// which is the same either way. Buckets that fit neither (a histogram that was read
// while it counted) are cumulative if they never decrease.
func accumulate(counts []uint64, total uint64) {
	var sum uint64
	for _, n := range counts {
		sum += n
	}
	if sum != total && slices.IsSorted(counts) {
		return
	}
	sum = 0
	for i, n := range counts {
		sum += n
		counts[i] = sum
	}
}

// summary reads {quantiles_set, quantiles: [bits, ...], sum: bits, count}.
func (f *family) summary(v wire.Value) (*metric.Distribution, bool) {
	if v.Len() == 0 {
		return nil, false
	}
	d := &metric.Distribution{}
	d.Count, _ = v.Get("count").Uint64()
	d.Sum, _ = floatBits(v.Get("sum"))
	if set, _ := v.Get("quantiles_set").Uint64(); set == 0 {
		return d, true
	}
	quantiles := v.Get("quantiles")
	if quantiles.Len() != len(f.bounds) {
		return nil, false
	}
	d.Bounds = f.bounds
	d.Values = make([]float64, 0, len(f.bounds))
	it := quantiles.Array()
	for val, ok := it.Next(); ok; val, ok = it.Next() {
		q, isFloat := floatBits(val)
		if !isFloat {
			return nil, false
		}
		d.Values = append(d.Values, q)
	}
	return d, true
}

// shared returns what the family's series share, created once.
func (f *family) shared() *familyText {
	if f.text == nil {
		o := f.options
		f.text = &familyText{
			datadogName: metric.DatadogName(string(o.ns), string(o.ss), string(o.name)),
			help:        helpOf(o.desc),
			unit:        metric.UnitOf(string(o.unit), string(o.name)),
		}
	}
	return f.text
}
