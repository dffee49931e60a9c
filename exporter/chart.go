package exporter

import (
	"cmp"
	"slices"
	"strings"

	"out_edge/plugin/metric"
)

// Limits of an instance's charts. What does not come from a host record gets
// fewer of them, so that a node_exporter's page leaves room for the device.
const (
	maxCharts      = 100
	maxOtherCharts = 40
)

// notHostMetric is the metric of a chart that no host record stands behind.
const notHostMetric = numHost

// chart is what the status page knows of a series beside its value. It is
// guarded by the store's mutex.
type chart struct {
	metric  int            // in hostTable, or notHostMetric
	labels  []metric.Label // the metric's own, as they were before relabelling
	history *history
}

// add notes a value, if there is a chart.
func (c *chart) add(at int64, v float64) {
	if c != nil {
		c.history.add(at, v)
	}
}

// get is the value of a label, or "".
func (c *chart) get(name string) string {
	for _, l := range c.labels {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}

// chartHost gives a host metric's series a chart, if it is one of those that the
// status page shows.
func (m *Metrics) chartHost(s *series, metric int, labels []metric.Label) {
	c := &chart{metric: metric, labels: labels}
	if s.chart != nil || m.page.server == nil || m.charts >= maxCharts || !c.wanted() {
		return
	}
	c.labels, c.history = slices.Clone(labels), newHistory()
	for i := range c.labels {
		c.labels[i].Value = labelValue(c.labels[i].Value)
	}
	s.chart = c
	m.charts++
}

// chartOther gives a series from elsewhere a chart: the user's own rules, and
// what tells most of a device's state in a node_exporter's page.
func (m *Metrics) chartOther(s *series) {
	if s.chart != nil || m.page.server == nil || m.otherCharts >= maxOtherCharts || m.charts >= maxCharts ||
		s.id.Kind == metric.Histogram || s.id.Kind == metric.Summary || !wantedOther(s.id.Name) {
		return
	}
	s.chart = &chart{metric: notHostMetric, labels: m.without(s.id.Labels), history: newHistory()}
	m.charts++
	m.otherCharts++
}

// without is labels but for those that the instance puts on every series.
func (m *Metrics) without(labels []metric.Label) (own []metric.Label) {
	for _, l := range labels {
		if !slices.Contains(m.labels, l) {
			own = append(own, l)
		}
	}
	return own
}

// unchart gives the place of a dropped series back.
func (m *Metrics) unchart(s *series) {
	if s.chart == nil {
		return
	}
	m.charts--
	if s.chart.metric == notHostMetric {
		m.otherCharts--
	}
	s.chart = nil
}

// wanted tells whether the page shows this host metric, or needs it for another.
func (c *chart) wanted() bool {
	switch c.metric {
	case cpuUsage:
		return c.get("mode") == "total"
	case memoryBytes, swapBytes:
		return c.get("state") != "free"
	case networkPackets:
		return false
	case processMemory:
		return c.get("kind") == "rss"
	}
	return true
}

func wantedOther(name string) bool {
	switch name {
	case "node_load1", "node_memory_MemAvailable_bytes", "node_thermal_zone_temp", "node_hwmon_temp_celsius",
		"node_filesystem_avail_bytes", "node_network_receive_bytes_total", "node_network_transmit_bytes_total",
		"node_disk_read_bytes_total", "node_disk_written_bytes_total":
		return true
	}
	return !strings.HasPrefix(name, "node_") && !strings.HasPrefix(name, "fluentbit_")
}

// charted is a copy of one charted series.
type charted struct {
	chart
	id     *metric.Series
	points []point
}

// charted copies the charts of an instance, in the order in which they are
// shown, and tells how many series it has.
func (m *Metrics) charted() (all []charted, series int) {
	m.page.store.mu.Lock()
	for _, s := range m.all {
		if c := s.chart; c != nil && c.history.n > 0 {
			all = append(all, charted{chart: *c, id: s.id, points: slices.Clone(c.history.points[:c.history.n])})
		}
	}
	series = len(m.all)
	m.page.store.mu.Unlock()
	slices.SortFunc(all, func(a, b charted) int {
		return cmp.Or(cmp.Compare(a.metric, b.metric), compareLabels(a.labels, b.labels), cmp.Compare(a.id.Name, b.id.Name))
	})
	return all, series
}

// compareLabels orders by values; numbers by size, so that CPU 10 follows CPU 9.
func compareLabels(a, b []metric.Label) int {
	return slices.CompareFunc(a, b, func(a, b metric.Label) int {
		if isDigits(a.Value) && isDigits(b.Value) && len(a.Value) != len(b.Value) {
			return cmp.Compare(len(a.Value), len(b.Value))
		}
		return cmp.Compare(a.Value, b.Value)
	})
}

// last is the newest value.
func (c *charted) last() float64 { return c.points[len(c.points)-1].v }
