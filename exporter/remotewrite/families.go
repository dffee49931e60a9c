package remotewrite

import (
	"math"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"

	"out_edge/plugin/metric"
)

// families converts gathered families to samples. A series keeps its pointer while it
// is in each gathering. It is for one goroutine.
type families struct {
	known map[string]*metric.Series
	key   []byte
}

// samples returns those of all series, at one instant in ns since 1970; ended are the
// gauges that the last gathering had and this one does not.
func (f *families) samples(all []*dto.MetricFamily, unixNano int64) (samples []metric.Sample, ended []*metric.Series) {
	last := f.known
	f.known = make(map[string]*metric.Series, len(last))
	for _, family := range all {
		for _, m := range family.GetMetric() {
			s := metric.Sample{UnixNano: unixNano, Index: len(samples), Kept: true}
			kind, ok := fill(&s, m)
			if !ok {
				continue
			}
			s.Series = f.series(last, family, m, kind)
			samples = append(samples, s)
		}
	}
	for key, s := range last {
		if s.Kind == metric.Gauge && f.known[key] == nil {
			ended = append(ended, s)
		}
	}
	return samples, ended
}

// fill sets the value of a metric; false is a metric without one. For a native
// histogram it sets count and sum, and no buckets.
func fill(s *metric.Sample, m *dto.Metric) (kind metric.Kind, ok bool) {
	switch {
	case m.GetCounter() != nil:
		kind, s.Value = metric.Counter, m.GetCounter().GetValue()
	case m.GetGauge() != nil:
		kind, s.Value = metric.Gauge, m.GetGauge().GetValue()
	case m.GetUntyped() != nil:
		kind, s.Value = metric.Untyped, m.GetUntyped().GetValue()
	case m.GetHistogram() != nil:
		kind, s.Dist = metric.Histogram, histogramOf(m.GetHistogram())
	case m.GetSummary() != nil:
		kind, s.Dist = metric.Summary, summaryOf(m.GetSummary())
	default:
		return 0, false
	}
	return kind, true
}

func histogramOf(h *dto.Histogram) *metric.Distribution {
	d := &metric.Distribution{Count: h.GetSampleCount(), Sum: h.GetSampleSum()}
	for _, b := range h.GetBucket() {
		if !math.IsInf(b.GetUpperBound(), 1) {
			d.Bounds = append(d.Bounds, b.GetUpperBound())
			d.Counts = append(d.Counts, b.GetCumulativeCount())
		}
	}
	return d
}

func summaryOf(s *dto.Summary) *metric.Distribution {
	d := &metric.Distribution{Count: s.GetSampleCount(), Sum: s.GetSampleSum()}
	for _, q := range s.GetQuantile() {
		d.Bounds = append(d.Bounds, q.GetQuantile())
		d.Values = append(d.Values, q.GetValue())
	}
	return d
}

// series returns the identity of a metric: the same pointer as in last, if it is there.
func (f *families) series(last map[string]*metric.Series, family *dto.MetricFamily, m *dto.Metric, kind metric.Kind) *metric.Series {
	const separator = 0xff // not a byte of UTF-8
	f.key = append(append(f.key[:0], byte(kind)), family.GetName()...)
	for _, l := range m.GetLabel() {
		f.key = append(append(f.key, separator), l.GetName()...)
		f.key = append(append(f.key, separator), l.GetValue()...)
	}
	s := last[string(f.key)]
	if s == nil {
		s = &metric.Series{Name: family.GetName(), Help: family.GetHelp(), Kind: kind}
		for _, l := range m.GetLabel() {
			s.Labels = append(s.Labels, metric.Label{Name: l.GetName(), Value: l.GetValue()})
		}
		slices.SortFunc(s.Labels, func(a, b metric.Label) int { return strings.Compare(a.Name, b.Name) })
	}
	f.known[string(f.key)] = s
	return s
}
