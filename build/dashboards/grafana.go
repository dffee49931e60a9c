package main

import (
	"regexp"
	"slices"
	"strings"

	"out_edge/exporter"
	"out_edge/exporter/hostmetrics"
	"out_edge/exporter/telemetry"
	"out_edge/plugin/metric"
)

// A Grafana dashboard, as far as these need it: schema version 39, Grafana 10.4 and
// newer.
type (
	board struct {
		UID           string     `json:"uid"`
		Title         string     `json:"title"`
		Description   string     `json:"description"`
		Tags          []string   `json:"tags"`
		SchemaVersion int        `json:"schemaVersion"`
		Version       int        `json:"version"`
		Editable      bool       `json:"editable"`
		GraphTooltip  int        `json:"graphTooltip"`
		Refresh       string     `json:"refresh"`
		Time          timeRange  `json:"time"`
		Templating    templating `json:"templating"`
		Annotations   struct {
			List []struct{} `json:"list"`
		} `json:"annotations"`
		Panels []panel `json:"panels"`
	}
	timeRange struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
	templating struct {
		List []variable `json:"list"`
	}
	variable struct {
		Name       string      `json:"name"`
		Label      string      `json:"label"`
		Type       string      `json:"type"`
		Query      string      `json:"query"`
		Datasource *datasource `json:"datasource,omitempty"`
		Multi      bool        `json:"multi,omitempty"`
		IncludeAll bool        `json:"includeAll,omitempty"`
		AllValue   string      `json:"allValue,omitempty"`
		Refresh    int         `json:"refresh,omitempty"`
		Sort       int         `json:"sort,omitempty"`
	}
	datasource struct {
		Type string `json:"type"`
		UID  string `json:"uid"`
	}
	panel struct {
		ID          int         `json:"id"`
		Type        string      `json:"type"`
		Title       string      `json:"title"`
		Description string      `json:"description,omitempty"`
		Datasource  datasource  `json:"datasource"`
		GridPos     grid        `json:"gridPos"`
		Targets     []target    `json:"targets"`
		FieldConfig fieldConfig `json:"fieldConfig"`
	}
	grid struct {
		H int `json:"h"`
		W int `json:"w"`
		X int `json:"x"`
		Y int `json:"y"`
	}
	target struct {
		RefID        string `json:"refId"`
		Expr         string `json:"expr"`
		LegendFormat string `json:"legendFormat"`
		Instant      bool   `json:"instant,omitempty"`
		Format       string `json:"format,omitempty"`
	}
	fieldConfig struct {
		Defaults  fieldDefaults `json:"defaults"`
		Overrides []struct{}    `json:"overrides"`
	}
	fieldDefaults struct {
		Unit string   `json:"unit"`
		Min  *float64 `json:"min,omitempty"`
	}
)

// chosen is the data source that the reader picks.
var chosen = datasource{Type: "prometheus", UID: "${datasource}"}

// newBoard has the variables that all of them share.
func newBoard(uid, title, description string, more ...variable) *board {
	variables := append([]variable{{Name: "datasource", Label: "Data source", Type: "datasource", Query: "prometheus"}}, more...)
	b := &board{UID: uid, Title: title, Description: description, Tags: []string{"out_edge", "fluent-bit"}, SchemaVersion: 39, Version: 1,
		Editable: true, GraphTooltip: 1, Refresh: "1m", Time: timeRange{"now-6h", "now"}, Templating: templating{variables}}
	b.Annotations.List = []struct{}{}
	return b
}

// labelVariable lets the reader choose values of a label.
func labelVariable(name, label, metric string) variable {
	return variable{Name: name, Label: label, Type: "query", Query: "label_values(" + metric + ", " + name + ")", Datasource: &chosen,
		Multi: true, IncludeAll: true, AllValue: ".*", Refresh: 2, Sort: 1}
}

// add places a panel of half the width below the others, two in a row.
func (b *board) add(kind, title, description, unit string, targets ...target) {
	const height, width = 8, 12
	n := len(b.Panels)
	zero := 0.0
	p := panel{ID: n + 1, Type: kind, Title: title, Description: description, Datasource: chosen, Targets: targets,
		GridPos:     grid{H: height, W: width, X: n % 2 * width, Y: n / 2 * height},
		FieldConfig: fieldConfig{Defaults: fieldDefaults{Unit: unit}, Overrides: []struct{}{}}}
	if unit != "celsius" && unit != "s" {
		p.FieldConfig.Defaults.Min = &zero
	}
	for i := range p.Targets {
		p.Targets[i].RefID = string(rune('A' + i))
	}
	b.Panels = append(b.Panels, p)
}

var labelNames = regexp.MustCompile("`([a-z_]+)`")

// labelsOf are the names of a definition's labels.
func labelsOf(d *metric.Definition) (names []string) {
	for _, m := range labelNames.FindAllStringSubmatch(d.Labels, -1) {
		names = append(names, m[1])
	}
	return names
}

// legend shows the device and the labels.
func legend(labels []string) string {
	parts := []string{"{{instance}}"}
	for _, name := range labels {
		parts = append(parts, "{{"+name+"}}")
	}
	return strings.Join(parts, " ")
}

// expression is what a panel asks of a metric: a rate of a counter, a mean of a
// histogram, or the value.
func expression(d *metric.Definition, selector string) string {
	name := d.Name(exporter.DefaultPrefix)
	switch d.Kind {
	case metric.Counter:
		return "rate(" + name + selector + "[$__rate_interval])"
	case metric.Histogram:
		return "histogram_quantile(0.99, sum by (instance, le) (rate(" + name + "_bucket" + selector + "[$__rate_interval])))"
	}
	return name + selector
}

// unitOf is Grafana's name for a metric's unit.
func unitOf(d *metric.Definition) string {
	rate := d.Kind == metric.Counter
	switch {
	case d.Unit == "byte" && rate:
		return "Bps"
	case d.Unit == "byte":
		return "bytes"
	case d.Unit == "fraction":
		return "percentunit"
	case d.Unit == "degree celsius":
		return "celsius"
	case d.Unit == "second":
		return "s"
	case rate:
		return "cps"
	}
	return "short"
}

// titleOf makes a title of a metric's name.
func titleOf(d *metric.Definition) string {
	text := strings.TrimSuffix(d.Word+" "+d.Rest, "_total")
	for _, unit := range []string{"_bytes", "_celsius", "_ratio", "_seconds"} {
		text = strings.TrimSuffix(text, unit)
	}
	text = strings.TrimSuffix(strings.ReplaceAll(text, "_", " "), " bytes")
	return strings.ToUpper(text[:1]) + text[1:]
}

const oneDevice = `{instance=~"$instance"}`

// device shows each host metric of the devices that are chosen.
func device() *board {
	b := newBoard("out-edge-device", "Edge device", "What a device measures of itself. Made from the table of series by build/dashboards.",
		labelVariable("instance", "Device", "edge_build_info"))
	for _, d := range hostmetrics.Table() {
		selector := oneDevice
		if d.Word == "cpu" {
			selector = `{instance=~"$instance",mode="total"}`
		}
		b.add("timeseries", titleOf(&d), d.Help, unitOf(&d), target{Expr: expression(&d, selector), LegendFormat: legend(labelsOf(&d))})
	}
	return b
}

// delivery shows each of the plugin's own series.
func delivery() *board {
	b := newBoard("out-edge-delivery", "Edge delivery", "What becomes of records, and why. Made from the table of series by build/dashboards.",
		labelVariable("instance", "Device", "edge_build_info"))
	for _, d := range telemetry.Table() {
		name, labels := d.Name(exporter.DefaultPrefix), labelsOf(&d)
		expr, unit := expression(&d, oneDevice), unitOf(&d)
		switch name {
		case "edge_last_delivery_timestamp_seconds": // 0 is never
			expr = "time() - (" + name + oneDevice + " > 0)"
		case "edge_time_repairs_total":
			expr = `rate(` + name + `{instance=~"$instance",reason!="ok"}[$__rate_interval])`
		case "edge_dropped_records_total", "edge_adjusted_records_total":
			expr += " > 0"
		}
		b.add("timeseries", titleOf(&d), d.Help, unit, target{Expr: expr, LegendFormat: legend(labels)})
	}
	return b
}

// fleet compares devices.
func fleet() *board {
	b := newBoard("out-edge-fleet", "Edge fleet", "All devices at once: who is silent, who drops, who is hot. Made by build/dashboards.")
	for _, p := range fleetPanels {
		b.add(p.kind, p.title, p.why, p.unit, target{Expr: p.expr, LegendFormat: p.legend, Instant: p.kind == "table" || p.kind == "stat", Format: map[bool]string{true: "table"}[p.kind == "table"]})
	}
	return b
}

type fleetPanel struct{ kind, title, why, unit, legend, expr string }

var fleetPanels = []fleetPanel{
	{"stat", "Devices", "Devices that have sent something in the last ten minutes.", "short", "devices",
		"count(count by (instance) (last_over_time(edge_build_info[10m])))"},
	{"stat", "Silent devices", "Devices that sent something in the last day, and nothing for ten minutes.", "short", "silent",
		"count(count by (instance) (last_over_time(edge_build_info[1d])) unless count by (instance) (last_over_time(edge_build_info[10m]))) or vector(0)"},
	{"timeseries", "Versions", "How far an update has come.", "short", "{{version}} {{goarch}}", "count by (version, goarch) (edge_build_info)"},
	{"timeseries", "Records delivered a second", "By sink; for metrics sinks these are samples.", "cps", "{{sink}}",
		`sum by (sink) (rate(edge_records_total{result="delivered"}[$__rate_interval]))`},
	{"table", "Devices that drop", "Records given up in the last hour, the most first.", "short", "",
		"topk(20, sum by (instance, sink, reason) (increase(edge_dropped_records_total[1h])) > 0)"},
	{"table", "Longest without a delivery", "Seconds since a sink last accepted something.", "s", "",
		"topk(20, time() - (edge_last_delivery_timestamp_seconds > 0))"},
	{"timeseries", "Hottest devices", "Their hottest zone.", "celsius", "{{instance}}", "topk(10, max by (instance) (edge_temperature_celsius))"},
	{"timeseries", "Busiest devices", "Of all CPUs together.", "percentunit", "{{instance}}", `topk(10, edge_cpu_usage_ratio{cpu="total",mode="total"})`},
	{"timeseries", "Least memory left", "Free memory, caches not counted.", "bytes", "{{instance}}", `bottomk(10, edge_memory_bytes{state="free"})`},
	{"timeseries", "Clocks", "Repairs of records' times a second, by what was wrong.", "cps", "{{reason}}",
		`sum by (reason) (rate(edge_time_repairs_total{reason!="ok"}[$__rate_interval]))`},
}

// expressions are all queries of a Grafana dashboard.
func (b *board) expressions() (all []string) {
	for _, p := range b.Panels {
		for _, t := range p.Targets {
			all = append(all, t.Expr)
		}
	}
	slices.Sort(all)
	return all
}
