package rules_test

import (
	"strconv"
	"testing"
	"time"

	"out_edge/build/testkit"
	"out_edge/exporter/rules"
	"out_edge/plugin/chunk"
	"out_edge/plugin/metric"
)

// access is a record of an nginx access log, as Fluent Bit's nginx parser
// writes it.
var access = fields{"remote": "10.0.0.12", "host": "-", "user": "-", "method": "GET", "path": "/api/v1/devices/7/state",
	"code": "200", "size": "512", "referer": "-", "agent": "curl/8.5", "request_time": "0.012"}

func BenchmarkObserve(b *testing.B) {
	for _, c := range []struct{ name, rule string }{
		{"counter", "type: counter, name: n_total, value_field: size"},
		{"gauge", "type: gauge, name: g, value_field: request_time"},
		{"histogram", "type: histogram, name: h, value_field: request_time"},
		{"native", "type: histogram, name: h, value_field: request_time, native: {}"},
	} {
		b.Run(c.name, func(b *testing.B) {
			e := parse(b, `metrics: [{help: Help., match: "nginx.*", labels: {site: $1, method: $method, code: $code}, `+c.rule+"}]").
				Engine(rules.EngineConfig{Limit: 10000, SeriesTTL: time.Minute, Clock: testkit.NewClock(testkit.Start)})
			r := rec(b, access)
			var dst []metric.Sample
			b.ReportAllocs()
			watch := testkit.StartCPUWatch()
			for b.Loop() {
				if dst = e.Observe(dst[:0], "nginx.access", r, 1); len(dst) != 1 {
					b.Fatal("no sample")
				}
			}
			watch.Report(b, 1, "op")
		})
	}
}

// BenchmarkObserveFull refuses new series at the limit.
func BenchmarkObserveFull(b *testing.B) {
	e := parse(b, "metrics: [{name: n_total, type: counter, help: Help., labels: {user: $user}}]").Engine(rules.EngineConfig{Limit: 1})
	records := make([]*chunk.Record, 1000)
	for i := range records {
		records[i] = rec(b, fields{"user": "user-" + strconv.Itoa(i)})
		e.Observe(nil, "t", records[i], 1)
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i = i%(len(records)-1) + 1
		if got := e.Observe(nil, "t", records[i], 1); len(got) != 0 {
			b.Fatal("a sample")
		}
	}
}

func BenchmarkObserveNoMatch(b *testing.B) {
	e := parse(b, `metrics: [{name: n_total, type: counter, help: Help., match: "nginx.*"}]`).Engine(rules.EngineConfig{})
	r := rec(b, access)
	for b.Loop() {
		if e.Observe(nil, "cpu", r, 1) != nil {
			b.Fatal("a sample")
		}
	}
}

func BenchmarkRelabel(b *testing.B) {
	e := parse(b, "metric_relabel_configs: [{target_label: site, replacement: plant}]").Engine(rules.EngineConfig{Limit: 10000})
	s := series(metric.Gauge, "g", "device", "eth0")
	b.ReportAllocs()
	for b.Loop() {
		if _, keep := e.Relabel(s); !keep {
			b.Fatal("dropped")
		}
	}
}

func BenchmarkRoute(b *testing.B) {
	f := parse(b, "routes: [{match: 'nginx.*', condition: {rules: [{field: code, op: gte, value: 500}]}, sinks: [datadog]}, {match: '*', sinks: [prometheus]}]")
	r := rec(b, access)
	b.ReportAllocs()
	for b.Loop() {
		if !f.Route("nginx.access", r).Prometheus {
			b.Fatal("another route")
		}
	}
}
