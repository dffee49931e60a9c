package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"out_edge/plugin/metric"
)

// family is a metric: what all rules with its name share.
type family struct {
	index         int // in File.families
	line          int // of the first rule
	name          string
	datadog       string
	help          string
	unit          string
	kind          metric.Kind
	labels        []string  // names, sorted
	bounds        []float64 // of a histogram
	native        native    // of a histogram; zero: classic only
	datadogByUser bool
	unitByUser    bool
}

var kindNames = []string{"counter", "gauge", "histogram"}

var kinds = []metric.Kind{metric.Counter, metric.Gauge, metric.Histogram}

// defaultBuckets are those of Prometheus' client libraries and of Fluent Bit's
// log_to_metrics.
var defaultBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// differs returns what a further rule with the same name specifies differently, and
// what it should be; "" if nothing.
func (f *family) differs(g *family) string {
	switch {
	case f.kind != g.kind:
		return fmt.Sprintf("type %s: line %d says type: %s", kindOf(g.kind), f.line, kindOf(f.kind))
	case g.help != "" && f.help != "" && f.help != g.help:
		return fmt.Sprintf("help: line %d says help: %s", f.line, f.help)
	case !slices.Equal(f.labels, g.labels):
		return fmt.Sprintf("labels: line %d has %s", f.line, listOf(f.labels))
	case f.native != g.native:
		return fmt.Sprintf("native: line %d has %s", f.line, f.native)
	case !slices.Equal(f.bounds, g.bounds):
		return fmt.Sprintf("buckets: line %d has %v", f.line, f.bounds)
	case f.datadogByUser && g.datadogByUser && f.datadog != g.datadog:
		return fmt.Sprintf("datadog_name: line %d says datadog_name: %s", f.line, f.datadog)
	case f.unitByUser && g.unitByUser && f.unit != g.unit:
		return fmt.Sprintf("unit: line %d says unit: %s", f.line, f.unit)
	}
	return ""
}

// isSame reports whether the totals of two families of one name add up.
func (f *family) isSame(g *family) bool {
	return f.kind == g.kind && f.native == g.native && slices.Equal(f.labels, g.labels) && slices.Equal(f.bounds, g.bounds)
}

// join adds what only a further rule specifies.
func (f *family) join(g *family) {
	if f.help == "" {
		f.help = g.help
	}
	if !f.datadogByUser && g.datadogByUser {
		f.datadog, f.datadogByUser = g.datadog, true
	}
	if !f.unitByUser && g.unitByUser {
		f.unit, f.unitByUser = g.unit, true
	}
}

func kindOf(k metric.Kind) string { return kindNames[slices.Index(kinds, k)] }

func listOf(names []string) string {
	if len(names) == 0 {
		return "no labels"
	}
	return strings.Join(names, ", ")
}

// exposedNames returns the names of the family's lines on the page.
func (f *family) exposedNames() []string {
	if f.kind == metric.Histogram {
		return []string{f.name + "_bucket", f.name + "_sum", f.name + "_count"}
	}
	return []string{f.name}
}

// bucket returns the index of the first bound that v does not exceed.
func (f *family) bucket(v float64) int {
	i, _ := slices.BinarySearch(f.bounds, v)
	return i
}

// isAscending reports whether bounds are valid for a histogram.
func isAscending(bounds []float64) bool {
	for i, b := range bounds {
		if math.IsNaN(b) || math.IsInf(b, 0) || i > 0 && b <= bounds[i-1] {
			return false
		}
	}
	return len(bounds) > 0
}
