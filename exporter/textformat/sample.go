package textformat

import (
	"math"

	"out_edge/plugin/metric"
)

// Line is what the lines of one series have in common: the name of its family, and its
// labels as AppendLabels makes them.
type Line struct{ Name, Labels string }

// appendStart appends what is before the value of a line.
func (l Line) appendStart(dst []byte, suffix string) []byte {
	dst = append(append(append(dst, l.Name...), suffix...), l.Labels...)
	if l.Labels != "" {
		dst = append(dst, '}')
	}
	return append(dst, ' ')
}

// appendPartStart is appendStart with a label for the part of a distribution.
func (l Line) appendPartStart(dst []byte, f Format, suffix, label string, v float64) []byte {
	dst = append(append(append(dst, l.Name...), suffix...), l.Labels...)
	separator := byte('{')
	if l.Labels != "" {
		separator = ','
	}
	dst = append(append(append(dst, separator), label...), `="`...)
	return append(f.appendFloat(dst, v), `"} `...)
}

// AppendValue appends the line of a gauge, a counter or an untyped series. e may be nil.
func (f Format) AppendValue(dst []byte, l Line, kind metric.Kind, v float64, e *metric.Exemplars) []byte {
	dst = f.appendFloat(l.appendStart(dst, ""), v)
	if kind == metric.Counter && e != nil {
		dst = f.appendExemplar(dst, e.In(math.Inf(-1), math.Inf(1)))
	}
	return append(dst, '\n')
}

// AppendDistribution appends the lines of a histogram or a summary. e may be nil.
func (f Format) AppendDistribution(dst []byte, l Line, kind metric.Kind, d *metric.Distribution, e *metric.Exemplars) []byte {
	sum := d.Sum
	if kind == metric.Histogram {
		dst = f.appendBuckets(dst, l, d, e)
		if d.NoSum { // the format has no way to leave it out
			sum = math.NaN()
		}
	} else {
		for i := range d.Bounds {
			dst = f.appendFloat(l.appendPartStart(dst, f, "", "quantile", d.Bounds[i]), d.Values[i])
			dst = append(dst, '\n')
		}
	}
	dst = append(f.appendFloat(l.appendStart(dst, "_sum"), sum), '\n')
	return append(f.appendCount(l.appendStart(dst, "_count"), d.Count), '\n')
}

// appendBuckets appends the buckets of a histogram, that of +Inf always.
func (f Format) appendBuckets(dst []byte, l Line, d *metric.Distribution, e *metric.Exemplars) []byte {
	low := math.Inf(-1)
	for i, bound := range d.Bounds {
		dst = f.appendBucket(dst, l, low, bound, d.Counts[i], e)
		low = bound
	}
	if !math.IsInf(low, 1) {
		dst = f.appendBucket(dst, l, low, math.Inf(1), d.Count, e)
	}
	return dst
}

func (f Format) appendBucket(dst []byte, l Line, low, bound float64, n uint64, e *metric.Exemplars) []byte {
	dst = f.appendCount(l.appendPartStart(dst, f, "_bucket", "le", bound), n)
	return append(f.appendExemplar(dst, e.In(low, bound)), '\n')
}

// appendExemplar appends an exemplar, which only OpenMetrics has; nil is none.
func (f Format) appendExemplar(dst []byte, e *metric.Exemplar) []byte {
	if f != OpenMetrics || e == nil || len(e.Labels) == 0 {
		return dst
	}
	dst = append(appendAnyLabels(append(dst, " # "...), e.Labels), ' ')
	dst = f.appendFloat(dst, e.Value)
	if e.UnixNano > 0 {
		dst = f.appendFloat(append(dst, ' '), float64(e.UnixNano)/1e9)
	}
	return dst
}

// appendAnyLabels appends labels whose names may need quotes.
func appendAnyLabels(dst []byte, labels []metric.Label) []byte {
	separator := byte('{')
	for _, l := range labels {
		dst = appendName(append(dst, separator), l.Name)
		dst = append(appendEscaped(append(dst, `="`...), l.Value, true), '"')
		separator = ','
	}
	return append(dst, '}')
}

// appendName appends the name of an exemplar's label, in quotes where it needs them: in
// expfmt it may have colons.
func appendName(dst []byte, name string) []byte {
	if metric.IsMetricName(name) {
		return append(dst, name...)
	}
	return append(appendEscaped(append(dst, '"'), name, true), '"')
}
