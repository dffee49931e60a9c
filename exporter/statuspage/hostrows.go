package statuspage

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"out_edge/exporter/history"
	"out_edge/plugin/metric"
)

// hostMetrics are the host metrics that the page knows, without the prefix and in
// the order in which they are shown.
var hostMetrics = []string{
	"cpu_usage_ratio", "memory_bytes", "swap_bytes", "filesystem_bytes", "temperature_celsius", "disk_read_bytes_total", "disk_written_bytes_total",
	"network_bytes_total", "network_errors_total", "network_drops_total", "process_up", "process_open_fds", "process_memory_bytes",
}

// Wants reports whether the page shows a series of a host metric (its name without
// the prefix), or needs it for another.
func Wants(hostMetric string, labels []metric.Label) bool {
	switch hostMetric {
	case "cpu_usage_ratio":
		return label(labels, "mode") == "total"
	case "memory_bytes", "swap_bytes":
		return label(labels, "state") != "free"
	case "process_memory_bytes":
		return label(labels, "kind") == "rss"
	}
	return slices.Contains(hostMetrics, hostMetric)
}

// WantsOther is Wants for a series that does not come from a host record, by its name:
// the user's own rules, and the most useful series of a node_exporter's page.
func WantsOther(name string, labels []metric.Label) bool {
	switch name {
	case "node_load1", "node_disk_read_bytes_total", "node_disk_written_bytes_total":
		return true
	}
	return wantsNode(name, labels) || !strings.HasPrefix(name, "node_") && !strings.HasPrefix(name, "fluentbit_")
}

// label is the value of a label, or "".
func label(labels []metric.Label, name string) string {
	for _, l := range labels {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}

// maxHost is how many charts of the device are shown before "more".
const maxHost = 24

// charts are those of one instance.
type charts struct {
	Host, Minor, Other []chart
	window             int64 // how far they go back, in ns
}

// chartsOf draws the series of an instance into frames like f.
func chartsOf(all []Chart, f frame) (v charts) {
	all = withNodeCharts(all)
	slices.SortFunc(all, compareCharts)
	f.from = beginning(all, f)
	v.window = f.now - f.from
	for i := range all {
		c, shown := all[i].chart(all, f)
		switch {
		case !shown:
		case all[i].Metric == "":
			v.Other = append(v.Other, c)
		case c.minor || len(v.Host) == maxHost:
			v.Minor = append(v.Minor, c)
		default:
			v.Host = append(v.Host, c)
		}
	}
	return v
}

// beginning is where the charts begin: with the oldest point, but not before f does. So
// the charts of a device that has just started are full.
// What is only a few points later than f does begin there.
func beginning(all []Chart, f frame) int64 {
	from := f.now
	for i := range all {
		if points := recent(all[i].Points, f.from); len(points) > 0 {
			from = min(from, points[0].At)
		}
	}
	if from-f.from < (f.now-f.from)/20 {
		return f.from
	}
	return from
}

// compareCharts orders host metrics as hostMetrics does, and others after them.
func compareCharts(a, b Chart) int {
	place := func(c Chart) int {
		if c.Metric == "" {
			return len(hostMetrics)
		}
		return slices.Index(hostMetrics, c.Metric)
	}
	return cmp.Or(cmp.Compare(place(a), place(b)), slices.CompareFunc(a.Labels, b.Labels, compareLabels), cmp.Compare(a.Series.Name, b.Series.Name))
}

// compareLabels orders by values; numbers by size, so that CPU 10 follows CPU 9.
func compareLabels(a, b metric.Label) int {
	if isNumber(a.Value) && isNumber(b.Value) && len(a.Value) != len(b.Value) {
		return cmp.Compare(len(a.Value), len(b.Value))
	}
	return cmp.Compare(a.Value, b.Value)
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// chart is the chart of one series; shown is false for one that only others need.
func (c *Chart) chart(all []Chart, f frame) (v chart, shown bool) {
	v, f.write, shown = c.describe()
	if !shown {
		return v, false
	}
	v.Name, v.Detail = clean(v.Name), clean(v.Detail)
	points := c.Points
	if c.Series.Kind == metric.Counter {
		if points = rates(points); len(points) == 0 {
			v.Now = "measuring"
			return v, true
		}
	}
	v.Now = f.write(points[len(points)-1].Value)
	total := c.total(all)
	if total > 0 {
		v.Detail = percent(c.last()/total) + " of " + f.write(total)
	}
	if points = recent(points, f.from); len(points) > 0 {
		low, high := extent(points)
		v.Range = spread(low, high, f.write)
		f.low, f.high = c.edges(low, high, total)
	}
	if !v.fill(points, &f) {
		v.Range = "no sample for " + span(time.Duration(f.now-c.Points[len(c.Points)-1].At))
	}
	return v, true
}

// last is the newest value.
func (c *Chart) last() float64 { return c.Points[len(c.Points)-1].Value }

// rates returns the growth of a counter's points per second. A counter that has
// decreased was reset to 0.
func rates(points []history.Point) (rates []history.Point) {
	for i := 1; i < len(points); i++ {
		before, p := points[i-1], points[i]
		grown := p.Value - before.Value
		if grown < 0 {
			grown = p.Value
		}
		rates = append(rates, history.Point{At: p.At, Value: grown * 1e9 / float64(p.At-before.At)})
	}
	return rates
}

// edges are the values at the lower and the upper edge of the chart: fixed where the
// values have bounds, else round ones that hold them.
func (c *Chart) edges(low, high, total float64) (float64, float64) {
	switch {
	case c.Metric == "cpu_usage_ratio" || c.Metric == "process_up":
		return 0, max(1, rounded(high, false))
	case total > 0:
		return 0, total
	case c.Metric == "temperature_celsius": // a wave of a degree is none
		return around(min(low, (low+high)/2-2.5), max(high, (low+high)/2+2.5))
	case c.Series.Kind != metric.Counter && (low < 0 || high-low < high/2):
		return around(low, high)
	}
	return 0, max(rounded(high, c.isSize()), math.SmallestNonzeroFloat64)
}

// around returns round values around two that are not near 0.
func around(low, high float64) (float64, float64) {
	if high <= low {
		reach := max(math.Abs(high)/10, math.SmallestNonzeroFloat64)
		low, high = low-reach, high+reach
	}
	step := rounded((high-low)/4, false)
	return math.Floor(low/step) * step, math.Ceil(high/step) * step
}

// isSize reports whether the values are bytes.
func (c *Chart) isSize() bool {
	return strings.HasSuffix(cmp.Or(c.Metric, c.Series.Name), "_bytes") || strings.HasSuffix(cmp.Or(c.Metric, c.Series.Name), "_bytes_total")
}

// total is the size of what c uses a part of, or 0.
func (c *Chart) total(all []Chart) float64 {
	if c.Metric != "memory_bytes" && c.Metric != "swap_bytes" && c.Metric != "filesystem_bytes" {
		return 0
	}
	for i := range all {
		if all[i].Metric == c.Metric && label(all[i].Labels, "state") == "total" && sameLabels(all[i].Labels, c.Labels) {
			return all[i].last()
		}
	}
	return 0
}

// describe names the chart and how its values are written.
func (c *Chart) describe() (v chart, write format, shown bool) {
	get := func(name string) string { return label(c.Labels, name) }
	way := map[string]string{"receive": "in", "transmit": "out"}[get("direction")]
	switch c.Metric {
	case "cpu_usage_ratio":
		if cpu := get("cpu"); cpu != "total" {
			return chart{Name: "CPU " + cpu, minor: true}, percent, true
		}
		return chart{Name: "CPU"}, percent, true
	case "memory_bytes":
		return chart{Name: "Memory used"}, size, get("state") == "used"
	case "swap_bytes":
		return chart{Name: "Swap used"}, size, get("state") == "used" && c.last() > 0
	case "filesystem_bytes":
		return chart{Name: "Filesystem " + get("mountpoint"), minor: strings.HasSuffix(get("fstype"), "tmpfs")}, size, get("state") == "used"
	case "temperature_celsius":
		return chart{Name: "Temperature", Detail: strings.TrimSpace(cmp.Or(get("zone"), get("chip")) + " " + cmp.Or(get("type"), get("sensor")))}, celsius, true
	case "disk_read_bytes_total":
		return chart{Name: "Disk read"}, sizeRate, true
	case "disk_written_bytes_total":
		return chart{Name: "Disk written"}, sizeRate, true
	case "network_bytes_total":
		return chart{Name: get("device") + " " + way, minor: get("device") == "lo"}, sizeRate, true
	case "network_errors_total":
		return chart{Name: get("device") + " " + way + " errors", minor: true}, rate, true
	case "network_drops_total":
		return chart{Name: get("device") + " " + way + " drops", minor: true}, rate, true
	case "process_up":
		return chart{Name: get("process")}, upDown, true
	case "process_open_fds":
		return chart{Name: get("process") + " open files", minor: true}, digits3, true
	case "process_memory_bytes":
		return chart{Name: get("process") + " memory", minor: true}, size, true
	}
	return chart{Name: c.Series.Name, Detail: labelText(c.Labels)}, c.formatByName(), true
}

// formatByName follows Prometheus' conventions, which put the unit into the name.
func (c *Chart) formatByName() format {
	base := strings.TrimSuffix(c.Series.Name, "_total")
	counts := c.Series.Kind == metric.Counter
	switch {
	case strings.HasSuffix(base, "_bytes") && counts:
		return sizeRate
	case strings.HasSuffix(base, "_bytes"):
		return size
	case strings.HasSuffix(base, "_celsius"), strings.HasPrefix(base, "node_thermal_zone_temp"):
		return celsius
	case counts:
		return rate
	}
	return digits3
}
