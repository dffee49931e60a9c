package rules_test

import (
	"strconv"
	"testing"

	"out_edge/exporter/rules"
	"out_edge/plugin/metric"
)

// TestRelabelRemembers: what is used again outlives what is not.
func TestRelabelRemembers(t *testing.T) {
	const limit = 10
	e := parse(t, "metric_relabel_configs: [{target_label: site, replacement: plant}]").Engine(rules.EngineConfig{Limit: limit})
	used := series(metric.Gauge, "g", "user", "used")
	first, _ := e.Relabel(used)
	for i := range 20 * limit {
		e.Relabel(series(metric.Gauge, "g", "user", strconv.Itoa(i)))
		if got, _ := e.Relabel(used); got != first {
			t.Fatalf("another pointer after %d other series", i+1)
		}
	}
}
