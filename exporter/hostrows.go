package exporter

import (
	"math"
	"strings"

	"out_edge/plugin/metric"
)

// hostRow is one line of the status page's tables of metrics.
type hostRow struct {
	Name, Detail string
	Now, Range   string
	Spark        spark
	minor        bool // shown on demand
}

// hostRows are the rows of an instance, and how far they go back in time.
func hostRows(all []charted, now int64) (main, minor, other []hostRow, window int64) {
	from := now
	for i := range all {
		from = min(from, all[i].points[0].at)
	}
	for i := range all {
		row, shown := all[i].row(all, from, now)
		switch {
		case !shown:
		case all[i].metric == notHostMetric:
			other = append(other, row)
		case row.minor:
			minor = append(minor, row)
		default:
			main = append(main, row)
		}
	}
	return main, minor, other, now - from
}

// row is the line of one series; shown is false for one that only others need,
// and for what has no rate yet.
func (c *charted) row(all []charted, from, now int64) (row hostRow, shown bool) {
	points := course(c.points, c.id.Kind == metric.Counter)
	var write unit
	row, write, shown = c.describe()
	if !shown {
		return row, false
	}
	row.Name, row.Detail = clean(row.Name), clean(row.Detail)
	if len(points) == 0 {
		row.Now = "measuring"
		return row, true
	}
	low, high := extent(points)
	row.Now = write(points[len(points)-1].v)
	if a, b := write(low), write(high); a == b {
		row.Range = a
	} else {
		row.Range = a + " to " + b
	}
	if total := c.total(all); total > 0 {
		row.Detail = percent(c.last()/total) + " of " + write(total)
	}
	f := frame{from: from, to: now}
	f.low, f.high = c.edges(low, high, c.total(all))
	row.Spark = spark{Lines: f.draw(points), Label: row.Range + " in " + since(now-from)}
	return row, true
}

// edges are the values at the lower and the upper edge of the sparkline: fixed
// where the values have bounds, else what they need.
func (c *charted) edges(low, high, total float64) (float64, float64) {
	switch {
	case c.metric == cpuUsage || c.metric == processUp:
		return 0, max(1, high)
	case total > 0:
		return 0, total
	case c.metric == temperature: // a wave of a degree is none
		middle, reach := (low+high)/2, max((high-low)/2, 2.5)
		return middle - reach, middle + reach
	case c.metric == notHostMetric && c.id.Kind != metric.Counter:
		return low, high
	}
	return 0, max(high, math.SmallestNonzeroFloat64)
}

// total is the size of what c uses a part of, or 0.
func (c *charted) total(all []charted) float64 {
	if c.metric != memoryBytes && c.metric != swapBytes {
		return 0
	}
	for i := range all {
		if all[i].metric == c.metric && all[i].get("state") == "total" {
			return all[i].last()
		}
	}
	return 0
}

// describe names the row and how its values are written.
func (c *charted) describe() (row hostRow, write unit, shown bool) {
	way := map[string]string{"receive": "in", "transmit": "out"}[c.get("direction")]
	device := c.get("device")
	switch c.metric {
	case cpuUsage:
		if cpu := c.get("cpu"); cpu != "total" {
			return hostRow{Name: "CPU " + cpu, minor: true}, percent, true
		}
		return hostRow{Name: "CPU"}, percent, true
	case memoryBytes:
		return hostRow{Name: "Memory used"}, size, c.get("state") == "used"
	case swapBytes:
		return hostRow{Name: "Swap used"}, size, c.get("state") == "used" && c.last() > 0
	case temperature:
		return hostRow{Name: "Temperature", Detail: strings.TrimSpace(c.get("zone") + " " + c.get("type"))}, celsius, true
	case diskRead:
		return hostRow{Name: "Disk read"}, sizeRate, true
	case diskWritten:
		return hostRow{Name: "Disk written"}, sizeRate, true
	case networkBytes:
		return hostRow{Name: device + " " + way, minor: device == "lo"}, sizeRate, true
	case networkErrors:
		return hostRow{Name: device + " " + way + " errors", minor: true}, rate, true
	case networkDrops:
		return hostRow{Name: device + " " + way + " drops", minor: true}, rate, true
	case processUp:
		return hostRow{Name: c.get("process")}, upDown, true
	case processFDs:
		return hostRow{Name: c.get("process") + " open files", minor: true}, digits3, true
	case processMemory:
		return hostRow{Name: c.get("process") + " memory", minor: true}, size, true
	}
	return hostRow{Name: c.id.Name, Detail: labelText(c.labels)}, c.otherUnit(), true
}

// otherUnit goes by the name, as Prometheus' conventions put the unit there.
func (c *charted) otherUnit() unit {
	base := strings.TrimSuffix(c.id.Name, "_total")
	counts := c.id.Kind == metric.Counter
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
