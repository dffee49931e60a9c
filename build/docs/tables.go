package main

import (
	"fmt"
	"strings"

	"out_edge/exporter"
	"out_edge/exporter/hostmetrics"
	"out_edge/exporter/telemetry"
	"out_edge/plugin/config"
	"out_edge/plugin/delivery"
)

// Tables are the generated tables, by file and name.
func Tables() map[string]map[string]string {
	return map[string]map[string]string{
		"README.md":       {"options": options(), "metrics": metrics(), "outcomes": delivery.OutcomeMarkdown()},
		"docs/reasons.md": {"reasons": delivery.ReasonMarkdown()},
	}
}

func options() string {
	var b strings.Builder
	b.WriteString("| key | default | |\n| --- | --- | --- |\n")
	for _, o := range config.Options() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", o.Key, o.ShownDefault(), o.Help)
	}
	return b.String()
}

func metrics() string {
	var b strings.Builder
	b.WriteString("| series | type | labels | from |\n| --- | --- | --- | --- |\n")
	for _, d := range append(hostmetrics.Table(), telemetry.Table()...) {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", d.Name(exporter.DefaultPrefix), d.Kind, d.Labels, d.From)
	}
	return b.String()
}
