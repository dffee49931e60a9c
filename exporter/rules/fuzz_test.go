package rules_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"out_edge/exporter/rules"
	"out_edge/plugin/chunk"
	"out_edge/plugin/metric"
	"out_edge/plugin/wire"
)

// files are the texts of the example and of testdata.
func files(tb testing.TB) map[string]string {
	tb.Helper()
	paths, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	all := make(map[string]string)
	for _, path := range append(paths, "../../examples/rules/rules.yaml") {
		text, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		all[path] = string(text)
	}
	return all
}

// FuzzParse reads any text. What is refused names a line in each of its faults;
// what is taken can be used.
func FuzzParse(f *testing.F) {
	for _, text := range files(f) {
		f.Add(text)
	}
	for _, text := range []string{
		"", "\x00", "metrics: *x", "x: &x [*x]", "metrics: &m [*m]", "a: &a [x]\nmetrics: [*a, *a]", "<<: {metrics: []}",
		"metrics: [{name: a_total, type: counter, help: !!binary aGk=, labels: {a: $}}]", "? [a]\n: b",
		"metrics: [{name: h, type: histogram, value_field: v, help: h, buckets: [.nan]}]",
		"metric_relabel_configs: [{regex: [a]}, {modulus: -1}, {source_labels: x}, {action: null}, null, {}]",
		"metric_relabel_configs: [{action: labelmap, regex: (.*), replacement: ${1}_}]",
	} {
		f.Add(text)
	}
	body := wire.Value("\x83\xa1a\x81\xa1b\x01\xa5level\xa5error\xa1v\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := rules.Parse("f", []byte(text))
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\nf:") {
				number, _, ok := strings.Cut(strings.TrimPrefix(line, "f:"), ": ")
				if !ok || number == "" || strings.Trim(number, "0123456789") != "" {
					t.Fatalf("a fault without a line: %q", line)
				}
			}
			return
		}
		e := file.Engine(rules.EngineConfig{Limit: 10})
		rec := &chunk.Record{Body: body}
		for _, tag := range []string{"", "app.web", "nginx.access", "\xff"} {
			file.Route(tag, rec)
			checkSamples(t, e, e.Observe(nil, tag, rec, 1))
		}
	})
}

// checkSamples holds samples to the contract of Sample.
func checkSamples(t *testing.T, e *rules.Engine, samples []metric.Sample) {
	t.Helper()
	for _, s := range samples {
		checkSeries(t, s.Series)
		if math.IsNaN(s.Value) || math.IsInf(s.Value, 0) || s.HasDelta != (s.Series.Kind == metric.Counter) || s.Delta < 0 {
			t.Fatalf("sample %+v", s)
		}
		if (s.Dist != nil) != (s.Series.Kind == metric.Histogram) || s.Dist != nil && len(s.Dist.Counts) != len(s.Dist.Bounds) {
			t.Fatalf("distribution %+v", s.Dist)
		}
		if to, keep := e.Relabel(s.Series); keep {
			checkSeries(t, to)
		}
	}
}

func checkSeries(t *testing.T, s *metric.Series) {
	t.Helper()
	if s.Name == "" || strings.ContainsAny(s.Name, "{}. \n\"") {
		t.Fatalf("name %q", s.Name)
	}
	for i, l := range s.Labels {
		if l.Value == "" || !utf8.ValidString(l.Value) || strings.HasPrefix(l.Name, "__") || i > 0 && l.Name <= s.Labels[i-1].Name {
			t.Fatalf("label %q=%q of %q", l.Name, l.Value, s.Labels)
		}
	}
}

// FuzzObserve gives the example's rules any record.
func FuzzObserve(f *testing.F) {
	for _, body := range []fields{
		{"remote": "10.0.0.1", "method": "GET", "code": "200", "size": "512", "request_time": "0.012"},
		{"temp": 48.3, "name": "x"}, {"level": "error", "kubernetes": fields{"pod_name": "p"}}, {"code": 500, "size": -1},
	} {
		f.Add("nginx.access", []byte(pack(f, body)))
	}
	text := files(f)["../../examples/rules/rules.yaml"]
	f.Fuzz(func(t *testing.T, tag string, payload []byte) {
		file := parse(t, text)
		e := file.Engine(rules.EngineConfig{Limit: 10})
		rec := &chunk.Record{Body: payload, Metadata: payload, Group: &chunk.Group{Resource: payload}}
		for _, tag := range []string{tag, "nginx.access", "sensor.1"} {
			file.Route(tag, rec)
			checkSamples(t, e, e.Observe(nil, tag, rec, 1))
		}
	})
}
