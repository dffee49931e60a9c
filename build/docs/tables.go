package main

import (
	"fmt"
	"strings"

	"out_edge/exporter"
	"out_edge/plugin/config"
	"out_edge/plugin/delivery"
)

// Tables gives every generated table of README.md by name.
func Tables() map[string]string {
	return map[string]string{
		"options":  options(),
		"metrics":  metrics(),
		"outcomes": delivery.OutcomeMarkdown(),
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
	for _, m := range exporter.MetricsTable() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.Name, m.Type, m.Labels, m.From)
	}
	return b.String()
}
