package main

import (
	"strings"

	"out_edge/exporter"
	"out_edge/exporter/hostmetrics"
	"out_edge/plugin/metric"
)

// A Datadog dashboard, in the form that its API and "Import dashboard JSON" take.
type (
	datadogBoard struct {
		Title             string            `json:"title"`
		Description       string            `json:"description"`
		LayoutType        string            `json:"layout_type"`
		ReflowType        string            `json:"reflow_type"`
		TemplateVariables []datadogVariable `json:"template_variables"`
		Widgets           []widget          `json:"widgets"`
	}
	datadogVariable struct {
		Name            string   `json:"name"`
		Prefix          string   `json:"prefix"`
		AvailableValues []string `json:"available_values"`
		Default         string   `json:"default"`
	}
	widget struct {
		Definition widgetDefinition `json:"definition"`
	}
	widgetDefinition struct {
		Title    string    `json:"title"`
		Type     string    `json:"type"`
		Requests []request `json:"requests"`
	}
	request struct {
		ResponseFormat string    `json:"response_format"`
		Queries        []query   `json:"queries"`
		Formulas       []formula `json:"formulas"`
		DisplayType    string    `json:"display_type"`
	}
	query struct {
		DataSource string `json:"data_source"`
		Name       string `json:"name"`
		Query      string `json:"query"`
	}
	formula struct {
		Formula string `json:"formula"`
	}
)

// datadogDevice shows each host metric by its name at Datadog. The plugin's own
// series do not go there.
func datadogDevice() *datadogBoard {
	b := &datadogBoard{Title: "Edge device", LayoutType: "ordered", ReflowType: "auto",
		Description:       "What a device measures of itself. Made from the table of series by build/dashboards.",
		TemplateVariables: []datadogVariable{{Name: "host", Prefix: "host", AvailableValues: []string{}, Default: "*"}}}
	for _, d := range hostmetrics.Table() {
		q := datadogQuery(&d)
		b.Widgets = append(b.Widgets, widget{widgetDefinition{Title: titleOf(&d), Type: "timeseries",
			Requests: []request{{ResponseFormat: "timeseries", DisplayType: "line", Formulas: []formula{{"query1"}},
				Queries: []query{{DataSource: "metrics", Name: "query1", Query: q}}}}}})
	}
	return b
}

// datadogQuery is the mean of a gauge, or a count as a rate.
func datadogQuery(d *metric.Definition) string {
	scope := "$host"
	if d.Word == "cpu" {
		scope += ",mode:total"
	}
	by := strings.Join(append([]string{"host"}, labelsOf(d)...), ",")
	q := ":" + d.DatadogName(exporter.DefaultPrefix) + "{" + scope + "} by {" + by + "}"
	if d.Kind == metric.Counter {
		return "sum" + q + ".as_rate()"
	}
	return "avg" + q
}
