package pipeline_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"out_edge/plugin/pipeline"
)

// Two tasks of one service and another service are three series of each metric, as
// Prometheus' own OTLP receiver has them: totals that only grow, gauges of sums that
// fall, and the resource beside them.
func TestServicesAreToldApart(t *testing.T) {
	b, s := play(t, "otlp-services", nil)
	for _, c := range []struct {
		name, of    string
		first, last float64
	}{
		{"http_server_requests_total", `instance="i-1",job="shop/checkout"`, 100, 120},
		{"http_server_requests_total", `instance="i-2",job="shop/checkout"`, 7, 11},
		{"http_server_requests_total", `instance="p-1",job="shop/pay"`, 50, 58},
		{"jobs_delta_total", `instance="i-1",job="shop/checkout"`, 3, 15},
		{"room_temperature_celsius", `instance="i-2",job="shop/checkout"`, 21.5, 25.5},
		{"target_info", `instance="p-1",job="shop/pay"`, 1, 1},
	} {
		var found []storedPoint
		for key, points := range s.points {
			if strings.HasPrefix(key, c.name+"{") && strings.Contains(key, c.of) {
				found = append(found, points...)
			}
		}
		if len(found) != 5 || found[0].value != c.first || found[4].value != c.last {
			t.Errorf("%s{%s}: %v, want 5 from %v to %v", c.name, c.of, found, c.first, c.last)
		}
	}
	page := b.page()
	for _, want := range []string{"# TYPE http_server_active gauge\n", "# TYPE http_server_io_bytes_total counter\n",
		"# TYPE http_server_duration_seconds histogram\n", "# TYPE rpc_size_bytes histogram\n", `rpc_size_bytes_bucket{instance="i-1",`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	if strings.Contains(page, "http_server_active_total") {
		t.Error("a sum that falls is a counter")
	}
}

// The names are the user's choice, and what was an attribute may be a label.
func TestServicesWithoutSuffixes(t *testing.T) {
	_, s := play(t, "otlp-services", func(c *pipeline.Config) {
		c.OTLP.NoSuffixes, c.OTLP.Promote, c.OTLP.Bools = true, []string{"host.name"}, []string{"cached"}
	})
	var names []string
	for key := range maps.Keys(s.points) {
		if strings.HasPrefix(key, "http_server_requests{") && strings.Contains(key, `cached="false"`) && strings.Contains(key, `host_name="task-7"`) {
			names = append(names, key)
		}
	}
	if slices.Sort(names); len(names) == 0 {
		t.Errorf("stored %q", slices.Sorted(maps.Keys(s.points)))
	}
}
