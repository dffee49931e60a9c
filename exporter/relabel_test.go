package exporter_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"out_edge/build/testkit"
	"out_edge/exporter"
	"out_edge/plugin/chunk"
	"out_edge/plugin/metric"
)

// relabelled opens an instance whose relabelling drops edge_swap_bytes and
// "noise", and adds a label to all else; asked counts its calls.
func relabelled(t *testing.T, asked *int) *exporter.Instance {
	cfg := loopback()
	cfg.Labels = []metric.Label{{Name: "site", Value: "s"}}
	cfg.Relabel = func(s *metric.Series) (*metric.Series, bool) {
		*asked++
		if !slices.ContainsFunc(s.Labels, func(l metric.Label) bool { return l.Name == "site" }) {
			t.Errorf("%s comes without add_label's labels", s.Name)
		}
		if s.Name == "edge_swap_bytes" || s.Name == "noise" {
			return nil, false
		}
		to := *s
		to.Labels = append([]metric.Label{{Name: "added", Value: "x"}}, s.Labels...)
		return &to, true
	}
	return open(t, quietExporter(newClock()), cfg)
}

func TestHostSeriesAreRelabelled(t *testing.T) {
	asked := 0
	m := relabelled(t, &asked)
	for i := range 3 {
		samples, _ := observe(m, testkit.Payload(t, "amd64-v5.1.1", "mem.1"), start.Add(time.Duration(i)*time.Second))
		if len(samples) != 3 {
			t.Errorf("%d samples, want those of edge_memory_bytes", len(samples))
		}
	}
	page := strings.Join(scrape(t, m, "edge_memory_bytes{", "edge_swap_bytes{"), "\n")
	if !strings.Contains(page, `edge_memory_bytes{added="x",site="s",state="total"}`) || strings.Contains(page, "edge_swap") {
		t.Errorf("page:\n%s", page)
	}
	if asked != 6 {
		t.Errorf("asked %d times for 6 series", asked)
	}
}

func TestAppliedSeriesAreRelabelled(t *testing.T) {
	asked := 0
	m := relabelled(t, &asked)
	batch := []metric.Sample{sample(metric.Gauge, "noise", 1), sample(metric.Gauge, "kept", 2), sample(metric.Gauge, "noise", 3)}
	kept := apply(m, batch)
	if len(kept) != 1 || kept[0].Series.Name != "kept" || kept[0].Series.Labels[0].Name != "added" {
		t.Errorf("kept %+v", kept)
	}
	wantLines(t, scrape(t, m, "noise", "kept"), `kept{added="x",site="s"} 2`)
}

// TestRulesAreRefusedByName holds the count by rule to the rule's own name, and
// to samples of rules.
func TestRulesAreRefusedByName(t *testing.T) {
	cfg := loopback()
	cfg.SeriesLimit = 1
	cfg.Relabel = func(s *metric.Series) (*metric.Series, bool) {
		to := *s
		to.Name = "renamed_" + s.Name
		return &to, true
	}
	m := open(t, quietExporter(newClock()), cfg)
	applyRules(m, []metric.Sample{sample(metric.Gauge, "first", 1)})
	for range 3 {
		applyRules(m, []metric.Sample{sample(metric.Gauge, "second", 1), sample(metric.Gauge, "first", 1)})
	}
	apply(m, []metric.Sample{sample(metric.Gauge, "event", 1)})
	wantLines(t, scrape(t, m, "renamed_", "rule_refused", `reason="series_limit"`),
		`edge_dropped_records_total{reason="series_limit",sink="prometheus"} 4`,
		`edge_rule_refused_samples_total{reason="series_limit",rule="second"} 3`,
		`renamed_first 1`)
}

func TestHiddenSamplesStayOffThePage(t *testing.T) {
	clock := newClock()
	m := open(t, quietExporter(clock), loopback())
	var d chunk.Decoder
	d.Reset(testkit.Payload(t, "amd64-v5.1.1", "mem.1"))
	d.Next()
	samples, taken := m.Observe(nil, "t", d.Record(), start.UnixNano())
	samples = m.Apply(exporter.Batch{Samples: samples, Tag: "t", Origin: exporter.FromHost, Hidden: true})
	if len(samples) != 6 || !taken {
		t.Errorf("%d samples, taken %v", len(samples), taken)
	}
	if got := m.Apply(exporter.Batch{Samples: []metric.Sample{sample(metric.Gauge, "hidden", 1)}, Hidden: true}); len(got) != 1 {
		t.Errorf("applied %d", len(got))
	}
	wantLines(t, scrape(t, m, "edge_memory", "hidden", `edge_records_total{result="delivered",sink="prometheus"}`),
		`edge_records_total{result="delivered",sink="prometheus"} 0`)
}

// onePod opens an instance whose relabelling takes the label pod away.
func onePod(t *testing.T) *exporter.Instance {
	cfg := loopback()
	cfg.Relabel = func(s *metric.Series) (*metric.Series, bool) {
		to := *s
		to.Labels = slices.DeleteFunc(slices.Clone(s.Labels), func(l metric.Label) bool { return l.Name == "pod" })
		return &to, true
	}
	return open(t, quietExporter(newClock()), cfg)
}

// A total of a metrics event has one source as well; what it grows by is never
// the difference of two.
func TestTotalsOfEventsHaveOneSource(t *testing.T) {
	m := onePod(t)
	at := start.UnixNano()
	take := func(pod string, v float64) []string {
		s := []metric.Sample{sample(metric.Counter, "c_total", v, metric.Label{Name: "pod", Value: pod})} // another pointer each time
		at++
		s[0].UnixNano = at
		return lines(apply(m, s))
	}
	wantLines(t, take("a", 100), "c_total 100")
	for i := range 100 {
		wantLines(t, take("b", float64(10*i)))
	}
	wantLines(t, take("a", 103), "c_total 103 +3")
	for i := range 100 {
		wantLines(t, take("b", float64(1000+10*i)))
	}
	at -= int64(time.Hour) // a source's clock is its own
	wantLines(t, take("b", 5000), "c_total 5000 +0")
	wantLines(t, scrape(t, m, "c_total"), "c_total 5000")
	wantLines(t, take("b", 5005), "c_total 5005 +5")
	wantLines(t, take("a", 104))
	wantLines(t, scrape(t, m, "c_total", `"relabel_duplicate"`), "c_total 5005",
		`edge_dropped_records_total{reason="relabel_duplicate",sink="prometheus"} 201`,
		`edge_rule_refused_samples_total{reason="relabel_duplicate",rule="metric_relabel_configs"} 201`)
}

func TestGaugesHaveOneSource(t *testing.T) {
	m := onePod(t)
	for i, pod := range []string{"a", "b", "a", "b"} {
		apply(m, []metric.Sample{sample(metric.Gauge, "g", float64(i), metric.Label{Name: "pod", Value: pod})})
		wantLines(t, scrape(t, m, "g "), "g "+string(rune('0'+i/2*2)))
	}
	wantLines(t, scrape(t, m, `"relabel_duplicate"`), `edge_dropped_records_total{reason="relabel_duplicate",sink="prometheus"} 2`,
		`edge_rule_refused_samples_total{reason="relabel_duplicate",rule="metric_relabel_configs"} 2`)
}

// The sources of a series are bounded, and known ones cost nothing.
func TestManySourcesOfATotal(t *testing.T) {
	m := onePod(t)
	pods := make([]metric.Sample, 2)
	for i, pod := range []string{"a", "b"} {
		pods[i] = sample(metric.Counter, "c_total", 1, metric.Label{Name: "pod", Value: pod})
	}
	batch := make([]metric.Sample, 2)
	if n := testkit.Allocs(func() {
		copy(batch, pods)
		apply(m, batch)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	before := testkit.Heap()
	for i := range 50_000 {
		apply(m, []metric.Sample{sample(metric.Counter, "c_total", 1, metric.Label{Name: "pod", Value: strings.Repeat("p", i%500)})})
	}
	if grown := testkit.Heap() - before; grown > 1<<20 {
		t.Errorf("%d bytes for one series", grown)
	}
}
