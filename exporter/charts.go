package exporter

import (
	"slices"
	"time"

	"out_edge/exporter/history"
	"out_edge/exporter/registry"
	"out_edge/exporter/statuspage"
	"out_edge/plugin/metric"
)

// Limits of an instance's histories. Series that do not come from a host record get
// fewer, so that a node_exporter's page leaves room for the device's.
const (
	maxCharts      = 100
	maxOtherCharts = 40
)

// chart is the history of one series. The registry's lock guards it.
type chart struct {
	history.History
	instance *Instance
}

// Close is part of registry.Watcher: another series may have a history.
func (c *chart) Close() {
	c.instance.charts--
	if c.Metric == "" {
		c.instance.otherCharts--
	}
}

// watch returns a history for a new series, if the status page needs one.
func (m *Instance) watch(from, shown *metric.Series, origin Origin) registry.Watcher {
	if m.endpoint.server == nil || m.charts >= maxCharts || shown.Kind.IsDistribution() {
		return nil
	}
	if def := m.host.DefinitionOf(from); def != nil && origin == FromHost {
		name := def.Word + "_" + def.Rest
		if !statuspage.Wants(name, from.Labels) {
			return nil
		}
		m.charts++
		return &chart{instance: m, History: history.History{Metric: name, Labels: from.Labels}}
	}
	if m.otherCharts >= maxOtherCharts || !statuspage.WantsOther(shown.Name, shown.Labels) {
		return nil
	}
	own := slices.DeleteFunc(slices.Clone(shown.Labels), func(l metric.Label) bool { return slices.Contains(m.labels.add, l) })
	m.otherCharts++
	m.charts++
	return &chart{instance: m, History: history.History{Labels: own}}
}

// chartsNow returns copies of the histories of an instance, of about the last span.
func (m *Instance) chartsNow(span time.Duration) (all []statuspage.Chart) {
	m.registry.EachWatched(func(shown *metric.Series, w registry.Watcher) {
		c := w.(*chart)
		if points := c.Points(span); len(points) > 0 {
			all = append(all, statuspage.Chart{Series: shown, Metric: c.Metric, Labels: c.Labels, Points: points})
		}
	})
	return all
}
