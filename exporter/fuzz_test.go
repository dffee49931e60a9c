package exporter_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"out_edge/build/testkit"
	"out_edge/exporter"
	"out_edge/plugin/cmetrics"
)

// FuzzObserve gives any payload, as log events and as metrics events, to a page,
// which must stay readable.
func FuzzObserve(f *testing.F) {
	for _, p := range testkit.Inputs(f, "*") {
		f.Add(p.Payload)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		cfg := loopback()
		cfg.SeriesLimit = 50
		m := open(t, quietExporter(newClock()), cfg)
		for range 2 {
			samples, _ := observe(m, p, start)
			for _, s := range samples {
				if s.Series == nil || s.Series.DatadogName == "" {
					t.Fatal("a sample without a series")
				}
			}
			var in cmetrics.Interner
			events, _ := cmetrics.Append(nil, p, 1, &in) // what it could not read is no matter here
			apply(m, events)
		}
		checkPage(t, m)
	})
}

// checkPage reads the page as Prometheus would, by the old rules for names.
func checkPage(t *testing.T, m *exporter.Instance) {
	t.Helper()
	resp, body := fetch(t, m, "/metrics")
	if resp.StatusCode != 200 || !utf8.ValidString(body) {
		t.Fatalf("%s: %q", resp.Status, body)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	if _, err := parser.TextToMetricFamilies(strings.NewReader(body)); err != nil {
		t.Fatalf("%v in\n%s", err, body)
	}
}
