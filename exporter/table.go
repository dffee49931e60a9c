package exporter

import (
	"out_edge/exporter/hostmetrics"
	"out_edge/exporter/telemetry"
)

// MetricRow is one row of the README's table of metrics. Labels is Markdown.
type MetricRow struct {
	Name, Type, Labels, Unit, From, Help string
}

// MetricsTable lists the series that are made here, with the default prefix,
// host metrics first.
func MetricsTable() []MetricRow {
	var rows []MetricRow
	for _, d := range append(hostmetrics.Table(), telemetry.Table()...) {
		rows = append(rows, MetricRow{Name: d.Name(DefaultPrefix), Type: d.Kind.String(), Labels: d.Labels,
			Unit: d.Unit, From: d.From, Help: d.Help})
	}
	return rows
}
