package ddsink_test

import (
	"fmt"
	"strings"
	"testing"

	"out_edge/plugin/metric"
)

// resourceSeries is a series of a service that is instrumented with OpenTelemetry.
func resourceSeries(name string, kind metric.Kind, res *metric.Resource) *metric.Series {
	s := series(name, kind, metric.Label{Name: "instance", Value: "i-1"})
	s.DatadogName, s.Resource = strings.ReplaceAll(name, "_", "."), new(metric.ResourceRef)
	s.Resource.Set(res)
	return s
}

func TestResourceIsHostAndTags(t *testing.T) {
	s := newSink(t, nil)
	res := &metric.Resource{Host: "task-7", Tags: []metric.Label{{Name: "env", Value: "prod"}, {Name: "service", Value: "checkout"}, {Name: "version", Value: "1"}}}
	temp := resourceSeries("room_temperature", metric.Gauge, res)
	s.deliver(t, 0, gauge(temp, 0, 21.5))
	temp.Resource.Set(&metric.Resource{Tags: []metric.Label{{Name: "version", Value: "2"}}})
	s.deliver(t, 1, gauge(temp, 1, 22))
	s.want(t, "room.temperature[instance:i-1 env:prod service:checkout version:1]@0=21.5 room.temperature[instance:i-1 version:2]@1=22")
	if host := fmt.Sprint(s.intake.got()[0].items[0]["resources"]); host != "[map[name:task-7 type:host]]" {
		t.Errorf("resources %s", host)
	}
}

// The first value of a total counts when it began after this sink; another start is
// growth too, even where the total is larger than the last one.
func TestFirstTotalCountsByItsStart(t *testing.T) {
	s := newSink(t, nil)
	total := func(c *metric.Series, second, start int, v float64) metric.Sample {
		return metric.Sample{Series: c, UnixNano: at(second), Start: at(start), Value: v}
	}
	before, after := series("before_total", metric.Counter), series("after_total", metric.Counter)
	s.arrive(5)
	s.deliver(t, 6, total(before, 6, -3600, 500), total(after, 6, 5, 40))
	s.deliver(t, 7, total(before, 7, -3600, 501), total(after, 7, 6, 45))
	s.want(t, "after.count@6=40 before.count@7=1 after.count@7=45")
}

// An exponential histogram is counted and summed up; one without a sum has none.
func TestExponentialHistogramIsCountAndSum(t *testing.T) {
	s := newSink(t, nil)
	h := series("h", metric.Histogram)
	for i, d := range []metric.Distribution{
		{Count: 2, Sum: 3, Bounds: []float64{1, 2}, Counts: []uint64{1, 2}, Exponential: true},
		{Count: 6, Sum: 30, Bounds: []float64{1, 4, 16}, Counts: []uint64{1, 2, 6}, Exponential: true},
		{Count: 7, NoSum: true, Bounds: []float64{1}, Counts: []uint64{1}, Exponential: true},
	} {
		s.deliver(t, i, metric.Sample{Series: h, UnixNano: at(i), Dist: &d})
	}
	s.want(t, "h.count@1=4 h.sum@1=27 h.bucket[upper_bound:inf]@1=4 h.count@2=1 h.bucket[upper_bound:inf]@2=1")
}
