package exporter_test

import (
	"testing"

	"out_edge/exporter"
	"out_edge/plugin/metric"
)

func TestNames(t *testing.T) {
	cfg := loopback()
	cfg.Listen = exporter.ListenOff
	m := open(t, quietExporter(newClock()), cfg)
	for _, c := range []struct{ name, want, label, wantLabel string }{
		{"node_load1", "node_load1", "device", "device"},
		{"job:rate5m", "job:rate5m", "a:b", "a_b"},
		{"1st", "_st", "2nd", "_nd"},
		{"edge.temp °C", "edge_temp__C", "größe", "gr__e"},
		{"\xff", "_", "", "_"},
		{"x", "x", "__name__", "_name__"},
		{"x", "x", "__", "_"},
	} {
		s := []metric.Sample{sample(metric.Gauge, c.name, 1, metric.Label{Name: c.label, Value: "v"})}
		apply(m, s)
		if got := s[0].Series; got.Name != c.want || got.Labels[0].Name != c.wantLabel {
			t.Errorf("%q{%q}: got %q{%q}, want %q{%q}", c.name, c.label, got.Name, got.Labels[0].Name, c.want, c.wantLabel)
		}
	}
}

// Two names that become one are one series, of which the newest counts.
func TestNamesCollide(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	apply(m, []metric.Sample{sample(metric.Gauge, "a.b", 1), sample(metric.Gauge, "a_b", 2), sample(metric.Gauge, "a-b", 3)})
	wantLines(t, scrape(t, m, "a_b"), "a_b 3")
}
