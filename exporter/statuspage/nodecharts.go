package statuspage

import (
	"out_edge/exporter/history"
	"out_edge/plugin/metric"
)

// Series of node_exporter_metrics measure the same as host metrics, with other names
// and labels. Their charts are converted to those of host metrics, which the page can
// show. If a host input measures the same, its chart is shown instead.

// nodeGauge is the identity of what is computed from other series.
var nodeGauge = &metric.Series{Kind: metric.Gauge}

// wantsNode reports whether a chart is made of a series of node_exporter_metrics.
func wantsNode(name string, labels []metric.Label) bool {
	switch name {
	case "node_cpu_seconds_total":
		return label(labels, "mode") == "idle"
	case "node_memory_MemTotal_bytes", "node_memory_MemAvailable_bytes", "node_filesystem_size_bytes", "node_filesystem_avail_bytes",
		"node_network_receive_bytes_total", "node_network_transmit_bytes_total", "node_thermal_zone_temp", "node_hwmon_temp_celsius":
		return true
	}
	return false
}

// withNodeCharts replaces the charts of node_exporter_metrics.
func withNodeCharts(charts []Chart) (all []Chart) {
	known := make(map[string]bool) // host metrics that an input measures
	nodes := make(map[string][]Chart)
	for _, c := range charts {
		known[c.Metric] = true
		if c.Metric == "" && wantsNode(c.Series.Name, c.Labels) {
			nodes[c.Series.Name] = append(nodes[c.Series.Name], c)
			continue
		}
		all = append(all, c)
	}
	if len(nodes) == 0 {
		return charts
	}
	made := nodeCPUs(nodes["node_cpu_seconds_total"])
	made = append(made, used("memory_bytes", nodes["node_memory_MemTotal_bytes"], nodes["node_memory_MemAvailable_bytes"])...)
	made = append(made, used("filesystem_bytes", nodes["node_filesystem_size_bytes"], nodes["node_filesystem_avail_bytes"])...)
	made = append(made, renamed(nodes["node_network_receive_bytes_total"], "network_bytes_total", "direction", "receive")...)
	made = append(made, renamed(nodes["node_network_transmit_bytes_total"], "network_bytes_total", "direction", "transmit")...)
	made = append(made, renamed(nodes["node_thermal_zone_temp"], "temperature_celsius", "", "")...)
	made = append(made, renamed(nodes["node_hwmon_temp_celsius"], "temperature_celsius", "", "")...)
	for _, c := range made {
		if !known[c.Metric] && len(c.Points) > 0 {
			all = append(all, c)
		}
	}
	return all
}

// renamed returns charts under a host metric's name, with one more label.
func renamed(charts []Chart, name, labelName, value string) (out []Chart) {
	for _, c := range charts {
		c.Metric = name
		if labelName != "" {
			c.Labels = append(append([]metric.Label(nil), c.Labels...), metric.Label{Name: labelName, Value: value})
		}
		out = append(out, c)
	}
	return out
}

// nodeCPUs returns the charts of the usage of each CPU and of all of them, computed
// from the seconds that each was idle.
func nodeCPUs(idle []Chart) (out []Chart) {
	if len(idle) == 0 {
		return nil
	}
	sums := make(map[int64]float64)
	for _, c := range idle {
		points := rates(c.Points)
		for i := range points {
			points[i].Value = min(max(1-points[i].Value, 0), 1)
			sums[points[i].At] += points[i].Value
		}
		out = append(out, cpuChart(label(c.Labels, "cpu"), points))
	}
	total := append([]history.Point(nil), out[0].Points...)
	for i := range total {
		total[i].Value = sums[total[i].At] / float64(len(idle))
	}
	return append(out, cpuChart("total", total))
}

func cpuChart(cpu string, points []history.Point) Chart {
	return Chart{Series: nodeGauge, Metric: "cpu_usage_ratio", Points: points,
		Labels: []metric.Label{{Name: "cpu", Value: cpu}, {Name: "mode", Value: "total"}}}
}

// used returns the charts of the used part of each total, computed from what is
// available.
func used(name string, totals, available []Chart) (out []Chart) {
	for _, total := range totals {
		for _, free := range available {
			if !sameLabels(total.Labels, free.Labels) {
				continue
			}
			sizes := make(map[int64]float64)
			for _, p := range total.Points {
				sizes[p.At] = p.Value
			}
			var points []history.Point
			for _, p := range free.Points {
				if size, known := sizes[p.At]; known {
					points = append(points, history.Point{At: p.At, Value: size - p.Value})
				}
			}
			out = append(out, stateChart(name, total.Labels, "total", total.Points), stateChart(name, total.Labels, "used", points))
		}
	}
	return out
}

func stateChart(name string, labels []metric.Label, state string, points []history.Point) Chart {
	return Chart{Series: nodeGauge, Metric: name, Points: points,
		Labels: append(append([]metric.Label(nil), labels...), metric.Label{Name: "state", Value: state})}
}

// sameLabels reports whether two label sets are equal except for the state.
func sameLabels(a, b []metric.Label) bool {
	for _, l := range a {
		if l.Name != "state" && label(b, l.Name) != l.Value {
			return false
		}
	}
	return len(a) == len(b)
}
