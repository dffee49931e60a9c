package registry

import (
	"errors"
	"math"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"out_edge/plugin/metric"
)

// Desc is part of prometheus.Metric.
func (s *series) Desc() *prometheus.Desc { return s.family.desc }

// Write is part of prometheus.Metric. A series that cannot be written does not affect
// the others.
func (s *series) Write(m *dto.Metric) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.family.page.panicked(r)
			err = errUnwritable
		}
	}()
	return s.write(m)
}

var errUnwritable = errors.New("write series: it contradicts itself")

func (s *series) write(m *dto.Metric) error {
	m.Label = pairsOf(s.id.Labels)
	v := math.Float64frombits(s.value.Load())
	switch s.family.Kind {
	case metric.Gauge:
		b := &struct {
			g dto.Gauge
			v float64
		}{v: v}
		b.g.Value, m.Gauge = &b.v, &b.g
	case metric.Counter:
		b := &struct {
			c dto.Counter
			v float64
		}{v: v}
		b.c.Value, m.Counter = &b.v, &b.c
		b.c.Exemplar = exemplar(s.exemplars.Load().In(math.Inf(-1), math.Inf(1)))
	case metric.Histogram, metric.Summary:
		return writeDistribution(m, s.dist.Load(), s.family.Kind, s.exemplars.Load())
	default:
		m.Untyped = &dto.Untyped{Value: &v}
	}
	return nil
}

func writeDistribution(m *dto.Metric, d *metric.Distribution, kind metric.Kind, e *metric.Exemplars) error {
	switch {
	case d == nil:
		return errUnwritable
	case kind == metric.Histogram:
		m.Histogram = histogram(d)
		addExemplars(m.Histogram, e)
	default:
		m.Summary = summary(d)
	}
	return nil
}

func histogram(d *metric.Distribution) *dto.Histogram {
	h := &dto.Histogram{SampleCount: &d.Count, SampleSum: &d.Sum, Bucket: make([]*dto.Bucket, len(d.Bounds))}
	if d.NoSum { // the format has no way to leave it out
		nan := math.NaN()
		h.SampleSum = &nan
	}
	for i := range d.Bounds {
		h.Bucket[i] = &dto.Bucket{UpperBound: &d.Bounds[i], CumulativeCount: &d.Counts[i]}
	}
	if d.Native != nil {
		addNative(h, d.Native)
	}
	return h
}

func summary(d *metric.Distribution) *dto.Summary {
	s := &dto.Summary{SampleCount: &d.Count, SampleSum: &d.Sum, Quantile: make([]*dto.Quantile, len(d.Bounds))}
	for i := range d.Bounds {
		s.Quantile[i] = &dto.Quantile{Quantile: &d.Bounds[i], Value: &d.Values[i]}
	}
	return s
}

// pairsOf allocates the label pairs in one piece.
func pairsOf(labels []metric.Label) []*dto.LabelPair {
	if len(labels) == 0 {
		return nil
	}
	backing := make([]dto.LabelPair, len(labels))
	pairs := make([]*dto.LabelPair, len(labels))
	for i := range labels {
		backing[i].Name, backing[i].Value = &labels[i].Name, &labels[i].Value
		pairs[i] = &backing[i]
	}
	return pairs
}
