package metric_test

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	"out_edge/build/testkit"
	"out_edge/plugin/metric"
)

func gauge(name string, labels ...metric.Label) metric.Series {
	return metric.Series{Name: name, Kind: metric.Gauge, Labels: labels}
}

func TestSameSeriesIsOnePointer(t *testing.T) {
	var in metric.Interner
	first := in.Intern(gauge("x", metric.Label{Name: "a", Value: "1"}, metric.Label{Name: "b", Value: "2"}))
	for name, id := range map[string]metric.Series{
		"again":           gauge("x", metric.Label{Name: "a", Value: "1"}, metric.Label{Name: "b", Value: "2"}),
		"another order":   gauge("x", metric.Label{Name: "b", Value: "2"}, metric.Label{Name: "a", Value: "1"}),
		"an empty label":  gauge("x", metric.Label{Name: "b", Value: "2"}, metric.Label{Name: "a", Value: ""}, metric.Label{Name: "a", Value: "1"}),
		"a second value":  gauge("x", metric.Label{Name: "b", Value: "2"}, metric.Label{Name: "a", Value: "1"}, metric.Label{Name: "a", Value: "3"}),
		"another help":    {Name: "x", Help: "Help.", Labels: first.Labels},
		"sanitised alike": gauge("x", metric.Label{Name: "b", Value: "2"}, metric.Label{Name: "a", Value: "1"}),
	} {
		if in.Intern(id) != first {
			t.Errorf("%s: another series", name)
		}
	}
	for name, id := range map[string]metric.Series{
		"another name":  gauge("y", first.Labels...),
		"another kind":  {Name: "x", Kind: metric.Counter, Labels: first.Labels},
		"another value": gauge("x", metric.Label{Name: "a", Value: "1"}, metric.Label{Name: "b", Value: "3"}),
		"a label less":  gauge("x", metric.Label{Name: "a", Value: "1"}),
		"joined":        gauge("x", metric.Label{Name: "a", Value: "1b2"}),
	} {
		if in.Intern(id) == first {
			t.Errorf("%s: the same series", name)
		}
	}
	runtime.KeepAlive(first)
}

func TestNamesAreSanitisedOnce(t *testing.T) {
	var in metric.Interner
	for _, c := range []struct{ name, want, label, wantLabel string }{
		{"node_load1", "node_load1", "device", "device"},
		{"job:rate5m", "job:rate5m", "a:b", "a_b"},
		{"9a", "_a", "2nd", "_nd"},
		{"edge.temp °C", "edge_temp__C", "größe", "gr__e"},
		{"\xff", "_", "", "_"},
		{"x", "x", "__name__", "_name__"},
		{"x", "x", "__", "_"},
		{"", "", "a-b", "a_b"},
	} {
		s := in.Intern(gauge(c.name, metric.Label{Name: c.label, Value: "v\xff"}))
		if s.Name != c.want || s.Labels[0] != (metric.Label{Name: c.wantLabel, Value: "v\uFFFD"}) {
			t.Errorf("%q{%q}: got %q%q, want %q{%q}", c.name, c.label, s.Name, s.Labels, c.want, c.wantLabel)
		}
	}
}

func TestDatadogNameAndUnitAreMade(t *testing.T) {
	var in metric.Interner
	s := in.Intern(gauge("_9a:b_seconds"))
	if s.DatadogName != "a_b_seconds" || s.Unit != "second" {
		t.Errorf("%q, %q", s.DatadogName, s.Unit)
	}
	s = in.Intern(metric.Series{Name: "y_bytes", DatadogName: "y.size", Unit: "kibibyte"})
	if s.DatadogName != "y.size" || s.Unit != "kibibyte" {
		t.Errorf("%q, %q", s.DatadogName, s.Unit)
	}
}

// Series that nobody holds leave the memory, and their entries with them.
func TestInternerHoldsNothing(t *testing.T) {
	var in metric.Interner
	kept := in.Intern(gauge("kept"))
	push := func(round int) {
		for i := range 2000 {
			in.Intern(gauge("x", metric.Label{Name: "id", Value: fmt.Sprintf("%d-%d", round, i)}))
		}
		runtime.GC()
	}
	push(0)
	before := testkit.Heap()
	for round := range 20 {
		push(round)
	}
	if grown := testkit.Heap() - before; grown > 1<<20 {
		t.Errorf("%d bytes grown", grown)
	}
	if in.Intern(gauge("kept")) != kept {
		t.Error("another pointer while the first is held")
	}
}

func TestKnownSeriesAllocatesNothing(t *testing.T) {
	var in metric.Interner
	labels := []metric.Label{{Name: "b", Value: "2"}, {Name: "a", Value: "1"}}
	s := in.Intern(gauge("x", labels...))
	if n := testkit.Allocs(func() {
		if in.Intern(metric.Series{Name: "x", Labels: labels}) != s {
			t.Error("another series")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestBoundsAreWrittenAsPrometheusStoresThem(t *testing.T) {
	for f, want := range map[float64]string{1: "1.0", 0.5: "0.5", 0: "0.0", -2: "-2.0", 1e21: "1e+21", 1e-7: "1e-07", 100000: "100000.0",
		math.Inf(1): "+Inf"} {
		if got := metric.FormatBound(f); got != want {
			t.Errorf("%v: %s, want %s", f, got, want)
		}
	}
}

func BenchmarkIntern(b *testing.B) {
	var in metric.Interner
	labels := []metric.Label{{Name: "device", Value: "eth0"}, {Name: "direction", Value: "receive"}}
	held := in.Intern(metric.Series{Name: "edge_network_bytes_total", Kind: metric.Counter, Labels: labels})
	b.ReportAllocs()
	for b.Loop() {
		in.Intern(metric.Series{Name: "edge_network_bytes_total", Kind: metric.Counter, Labels: labels})
	}
	runtime.KeepAlive(held)
}
