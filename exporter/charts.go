package exporter

import (
	"slices"

	"out_edge/exporter/history"
	"out_edge/exporter/statuspage"
	"out_edge/plugin/metric"
)

// Limits of an instance's histories. Series that do not come from a host record
// get fewer of them, so that a node_exporter's page leaves room for the device.
const (
	maxCharts      = 100
	maxOtherCharts = 40
)

// chartHost gives a host metric's series a history, if the status page wants it.
// labels are the metric's own, before relabelling.
func (m *Instance) chartHost(s *series, def *metric.Definition, labels []metric.Label) {
	name := def.Word + "_" + def.Rest
	if s.history != nil || m.endpoint.server == nil || m.charts >= maxCharts || !statuspage.Wants(name, labels) {
		return
	}
	own := slices.Clone(labels)
	for i := range own {
		own[i].Value = labelValue(own[i].Value)
	}
	s.history = &history.History{Metric: name, Labels: own}
	m.charts++
}

// chartOther is chartHost for a series that does not come from a host record.
func (m *Instance) chartOther(s *series) {
	if s.history != nil || m.endpoint.server == nil || m.otherCharts >= maxOtherCharts || m.charts >= maxCharts ||
		s.id.Kind == metric.Histogram || s.id.Kind == metric.Summary || !statuspage.WantsOther(s.id.Name) {
		return
	}
	own := slices.DeleteFunc(slices.Clone(s.id.Labels), func(l metric.Label) bool { return slices.Contains(m.labels, l) })
	s.history = &history.History{Labels: own}
	m.charts++
	m.otherCharts++
}

// unchart makes room for the history of another series than s, which is dropped.
func (m *Instance) unchart(s *series) {
	if s.history == nil {
		return
	}
	m.charts--
	if s.history.Metric == "" {
		m.otherCharts--
	}
	s.history = nil
}

// chartsNow copies the histories of an instance, and returns how many series it
// has.
func (m *Instance) chartsNow() (all []statuspage.Chart, series int) {
	m.endpoint.store.mu.Lock()
	defer m.endpoint.store.mu.Unlock()
	for _, s := range m.all {
		if h := s.history; h != nil {
			if points := h.Points(); len(points) > 0 {
				all = append(all, statuspage.Chart{Series: s.id, Metric: h.Metric, Labels: h.Labels, Points: points})
			}
		}
	}
	return all, len(m.all)
}
