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

// row is one line of the tables of metrics.
type row struct {
	Name, Detail string
	Now, Range   string
	Spark        spark
	minor        bool // shown on demand
}

// rowsOf are the rows of an instance, and how far they go back in time.
func rowsOf(charts []Chart, now int64) (main, minor, other []row, window int64) {
	charts = withNodeCharts(charts)
	slices.SortFunc(charts, compareCharts)
	from := now
	for i := range charts {
		from = min(from, charts[i].Points[0].At)
	}
	for i := range charts {
		r, shown := charts[i].row(charts, from, now)
		switch {
		case !shown:
		case charts[i].Metric == "":
			other = append(other, r)
		case r.minor:
			minor = append(minor, r)
		default:
			main = append(main, r)
		}
	}
	return main, minor, other, now - from
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

// row is the line of one series; shown is false for one that only others need.
func (c *Chart) row(all []Chart, from, now int64) (r row, shown bool) {
	r, write, shown := c.describe()
	if !shown {
		return r, false
	}
	r.Name, r.Detail = clean(r.Name), clean(r.Detail)
	points := c.Points
	if c.Series.Kind == metric.Counter {
		if points = rates(points); len(points) == 0 {
			r.Now = "measuring"
			return r, true
		}
	}
	low, high := extent(points)
	r.Now, r.Range = write(points[len(points)-1].Value), write(low)
	if top := write(high); top != r.Range {
		r.Range += " to " + top
	}
	total := c.total(all)
	if total > 0 {
		r.Detail = percent(c.last()/total) + " of " + write(total)
	}
	f := frame{from: from, to: now}
	f.low, f.high = c.edges(low, high, total)
	r.Spark = spark{Lines: f.draw(points), Label: r.Range + " in " + span(time.Duration(now-from))}
	return r, true
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

// edges are the values at the lower and the upper edge of the sparkline: fixed
// where the values have bounds, else what they need.
func (c *Chart) edges(low, high, total float64) (float64, float64) {
	switch {
	case c.Metric == "cpu_usage_ratio" || c.Metric == "process_up":
		return 0, max(1, high)
	case total > 0:
		return 0, total
	case c.Metric == "temperature_celsius": // a wave of a degree is none
		middle, reach := (low+high)/2, max((high-low)/2, 2.5)
		return middle - reach, middle + reach
	case c.Metric == "" && c.Series.Kind != metric.Counter:
		return low, high
	}
	return 0, max(high, math.SmallestNonzeroFloat64)
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

// describe names the row and how its values are written.
func (c *Chart) describe() (r row, write format, shown bool) {
	get := func(name string) string { return label(c.Labels, name) }
	way := map[string]string{"receive": "in", "transmit": "out"}[get("direction")]
	switch c.Metric {
	case "cpu_usage_ratio":
		if cpu := get("cpu"); cpu != "total" {
			return row{Name: "CPU " + cpu, minor: true}, percent, true
		}
		return row{Name: "CPU"}, percent, true
	case "memory_bytes":
		return row{Name: "Memory used"}, size, get("state") == "used"
	case "swap_bytes":
		return row{Name: "Swap used"}, size, get("state") == "used" && c.last() > 0
	case "filesystem_bytes":
		return row{Name: "Filesystem " + get("mountpoint"), minor: strings.HasSuffix(get("fstype"), "tmpfs")}, size, get("state") == "used"
	case "temperature_celsius":
		return row{Name: "Temperature", Detail: strings.TrimSpace(cmp.Or(get("zone"), get("chip")) + " " + cmp.Or(get("type"), get("sensor")))}, celsius, true
	case "disk_read_bytes_total":
		return row{Name: "Disk read"}, sizeRate, true
	case "disk_written_bytes_total":
		return row{Name: "Disk written"}, sizeRate, true
	case "network_bytes_total":
		return row{Name: get("device") + " " + way, minor: get("device") == "lo"}, sizeRate, true
	case "network_errors_total":
		return row{Name: get("device") + " " + way + " errors", minor: true}, rate, true
	case "network_drops_total":
		return row{Name: get("device") + " " + way + " drops", minor: true}, rate, true
	case "process_up":
		return row{Name: get("process")}, upDown, true
	case "process_open_fds":
		return row{Name: get("process") + " open files", minor: true}, digits3, true
	case "process_memory_bytes":
		return row{Name: get("process") + " memory", minor: true}, size, true
	}
	return row{Name: c.Series.Name, Detail: labelText(c.Labels)}, c.formatByName(), true
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
