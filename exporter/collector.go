package exporter

import (
	"github.com/prometheus/client_golang/prometheus"

	"out_edge/exporter/telemetry"
)

// seriesCollector gives a registry what the page shows, once what has expired is gone.
type seriesCollector struct{ endpoint *endpoint }

// Describe is part of prometheus.Collector.
func (c seriesCollector) Describe(chan<- *prometheus.Desc) {}

// Collect is part of prometheus.Collector.
func (c seriesCollector) Collect(ch chan<- prometheus.Metric) {
	c.endpoint.expire()
	c.endpoint.page.Collect(ch)
}

// telemetryCollector gives a registry the plugin's own series of all instances. It
// is unchecked as well, because instances may differ in their label names.
type telemetryCollector struct{ endpoint *endpoint }

// Describe is part of prometheus.Collector.
func (c telemetryCollector) Describe(chan<- *prometheus.Desc) {}

// Collect is part of prometheus.Collector.
func (c telemetryCollector) Collect(ch chan<- prometheus.Metric) {
	seen := make(map[*telemetry.Telemetry]bool)
	for _, m := range c.endpoint.attached() {
		if t := m.cfg.Telemetry; !seen[t] {
			seen[t] = true
			t.Collect(ch)
		}
	}
}
