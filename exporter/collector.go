package exporter

import "github.com/prometheus/client_golang/prometheus"

// seriesCollector gives a registry what the page's store shows. It describes
// nothing beforehand, which makes it unchecked: the registry checks each series
// as it comes, and a bad one costs itself alone.
type seriesCollector struct{ page *page }

// Describe is part of prometheus.Collector.
func (c seriesCollector) Describe(chan<- *prometheus.Desc) {}

// Collect is part of prometheus.Collector.
func (c seriesCollector) Collect(ch chan<- prometheus.Metric) {
	c.page.expire()
	for _, s := range c.page.store.snapshot(nil) {
		ch <- s
	}
}

// selfCollector gives a registry the self series of all instances of a page. It
// is unchecked as well, because instances may differ in their label names.
type selfCollector struct{ page *page }

// Describe is part of prometheus.Collector.
func (c selfCollector) Describe(chan<- *prometheus.Desc) {}

// Collect is part of prometheus.Collector.
func (c selfCollector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.page.selfCollectors() {
		s.Collect(ch)
	}
}

// selfCollectors are those of all instances.
func (p *page) selfCollectors() (all []prometheus.Collector) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.selves {
		all = append(all, s.collectors...)
	}
	return all
}
