package telemetry

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// The types here are client_golang's, but for that they note each change of a family:
// /metrics keeps the text of those that have not changed. A change is noted once it can
// be read.

// changes counts the changes of a family's values and series.
type changes struct{ n atomic.Uint32 }

func (c *changes) note() { c.n.Add(1) }

// counters are the counters of one family.
type counters struct {
	vec *prometheus.CounterVec
	*changes
}

// with returns the counter with the values of the family's labels, and creates it if
// needed.
func (c counters) with(values ...string) counter {
	one := counter{c.vec.WithLabelValues(values...), c.changes}
	c.note()
	return one
}

// add is with(values...).add(n), for a number that may be negative by mistake.
func (c counters) add(n int, values ...string) {
	c.vec.WithLabelValues(values...).Add(float64(max(n, 0)))
	c.note()
}

type counter struct {
	one prometheus.Counter
	*changes
}

func (c counter) add(n float64) {
	c.one.Add(n)
	c.note()
}

// gauges are the gauges of one family.
type gauges struct {
	vec *prometheus.GaugeVec
	*changes
}

// with returns the gauge with the values of the family's labels, and creates it if needed.
func (g gauges) with(values ...string) gauge {
	one := gauge{g.vec.WithLabelValues(values...), g.changes}
	g.note()
	return one
}

type gauge struct {
	one prometheus.Gauge
	*changes
}

func (g gauge) set(v float64) {
	g.one.Set(v)
	g.note()
}

type histogram struct {
	one prometheus.Histogram
	*changes
}

func (h histogram) observe(v float64) {
	h.one.Observe(v)
	h.note()
}
