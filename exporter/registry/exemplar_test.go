package registry_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"out_edge/exporter/registry"
	"out_edge/plugin/metric"
)

// openMetrics is the page in OpenMetrics' format.
func (b *bench) openMetrics() string {
	b.t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(b.page)
	families, err := r.Gather()
	if err != nil {
		b.t.Fatal(err)
	}
	var text bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToOpenMetrics(&text, f); err != nil {
			b.t.Fatal(err)
		}
	}
	return text.String()
}

func TestExemplarsAreShownInOpenMetrics(t *testing.T) {
	b := newBench(t, time.Minute, 0)
	trace := func(id string, v float64) metric.Exemplar {
		return metric.Exemplar{Labels: []metric.Label{{Name: "trace_id", Value: id}}, Value: v, UnixNano: 1_764_771_798_500_000_000}
	}
	requests := b.sample(metric.Counter, "requests_total", 5)
	requests.Exemplars = &metric.Exemplars{trace("a", 2), trace("b", 3)}
	seconds := b.sample(metric.Histogram, "seconds", 0)
	seconds.Dist = &metric.Distribution{Count: 3, NoSum: true, Bounds: []float64{1, 2}, Counts: []uint64{1, 2}}
	seconds.Exemplars = &metric.Exemplars{trace("c", 0.5), trace("d", 9)}
	b.take(registry.FromEvent, "otel", requests, seconds)
	page := b.openMetrics()
	for _, want := range []string{
		`requests_total 5.0 # {trace_id="b"} 3.0 1.7647717985e+09`,
		`seconds_bucket{le="1.0"} 1 # {trace_id="c"} 0.5 1.7647717985e+09`,
		`seconds_bucket{le="2.0"} 2` + "\n",
		`seconds_bucket{le="+Inf"} 3 # {trace_id="d"} 9.0 1.7647717985e+09`,
		"seconds_sum NaN\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
}

// A total whose source says when it began ends like a gauge, and one of another start is
// growth from 0.
func TestTotalsThatSayTheirStartExpire(t *testing.T) {
	b := newBench(t, time.Minute, 0)
	total := func(v float64, start int64) metric.Sample {
		s := b.sample(metric.Counter, "requests_total", v)
		s.Start = start
		return s
	}
	b.take(registry.FromEvent, "otel", total(5, 1), b.sample(metric.Counter, "other_total", 1))
	b.clock.Advance(time.Second)
	if kept := b.take(registry.FromEvent, "otel", total(7, 2)); kept[0].Delta != 7 || !kept[0].HasDelta {
		t.Errorf("%+v", kept)
	}
	b.clock.Advance(2 * time.Minute)
	b.Expire(b.clock.Now())
	if !slices.Equal(b.ended, []string{"requests_total"}) {
		t.Errorf("ended %q", b.ended)
	}
}
