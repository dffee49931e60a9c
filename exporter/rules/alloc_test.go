//go:build !race

// The race detector makes sync.Pool forget on purpose.

package rules_test

import (
	"testing"
	"time"

	"out_edge/build/testkit"
	"out_edge/exporter/rules"
	"out_edge/plugin/metric"
)

// TestAllocations: nothing is allocated for series that are known, and one
// piece for a classic histogram's snapshot; a native one's has its buckets too.
func TestAllocations(t *testing.T) {
	body := fields{"method": "GET", "status": 200, "path": "/api", "took": "0.012", "bytes": 512}
	for name, c := range map[string]struct {
		rule string
		want float64
	}{
		"counter":   {`type: counter, name: n_total, value_field: bytes, match: "web.*", labels: {site: $1, method: $method, status: $status}`, 0},
		"gauge":     {`type: gauge, name: g, value_field: took, labels: {method: $method, status: "$status"}, condition: {rules: [{field: path, op: regex, value: ^/api}, {field: status, op: regex, value: ^2}, {field: status, op: lt, value: 300}, {field: method, op: in, value: [PUT, GET]}]}`, 0},
		"histogram": {`type: histogram, name: h, value_field: took, labels: {method: $method}`, 1},
		"native":    {`type: histogram, name: h, value_field: took, native: {}, labels: {method: $method}`, 2},
		"both":      {`type: histogram, name: h, value_field: took, native: {}, buckets: [0.1, 1], labels: {method: $method}`, 3},
	} {
		t.Run(name, func(t *testing.T) {
			e := parse(t, "metrics: [{help: Help., "+c.rule+"}]").Engine(rules.EngineConfig{Limit: 10, SeriesTTL: time.Minute, Clock: testkit.NewClock(testkit.Start)})
			r := rec(t, body)
			dst := e.Observe(nil, "web.a", r, 1)
			if len(dst) != 1 {
				t.Fatal("no sample")
			}
			if got := testkit.Allocs(func() { dst = e.Observe(dst[:0], "web.a", r, 1) }); got != c.want {
				t.Errorf("%v allocations, want %v", got, c.want)
			}
		})
	}
}

func TestRouteAllocations(t *testing.T) {
	f := parse(t, "routes: [{match: 'a.*', condition: {rules: [{field: level, op: eq, value: debug}]}, sinks: []}]")
	r := rec(t, fields{"level": "info"})
	f.Route("a.x", r)
	if got := testkit.Allocs(func() { f.Route("a.x", r) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func TestRelabelAllocations(t *testing.T) {
	e := parse(t, "metric_relabel_configs: [{target_label: site, replacement: plant}, {source_labels: [user], regex: b, action: drop}]").Engine(rules.EngineConfig{Limit: 10})
	for _, user := range []string{"a", "b"} {
		s := series(metric.Counter, "n_total", "user", user)
		e.Relabel(s)
		if got := testkit.Allocs(func() { e.Relabel(s) }); got != 0 {
			t.Errorf("user %s: %v allocations", user, got)
		}
	}
}
