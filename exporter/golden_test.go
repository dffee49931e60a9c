package exporter_test

import (
	"encoding/binary"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"out_edge/build/testkit"
	"out_edge/exporter"
	"out_edge/exporter/hostmetrics"
	"out_edge/exporter/telemetry"
	"out_edge/plugin/chunk"
	"out_edge/plugin/cmetrics"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// wholePage is what /metrics shows after every host input of one machine has
// been seen.
func wholePage(t *testing.T, host string) string {
	t.Helper()
	cfg := loopback()
	cfg.Labels = []metric.Label{{Name: "site", Value: "barn \"7\""}}
	cfg.Sinks = []string{delivery.SinkDatadog, delivery.SinkDatadogMetrics, delivery.SinkRemoteWrite}
	m := open(t, quietExporter(newClock()), cfg)
	for _, p := range testkit.Inputs(t, host) {
		if chunk.Detect(p.Payload) == chunk.Logs {
			observeTimed(m, p.Payload)
		}
	}
	m.Telemetry().Refused("app_logins_total", "series_limit", 0)
	m.Telemetry().Refused("app_logins_total", "label_too_long", 2)
	m.Telemetry().FlushDuration(3 * time.Millisecond)
	_, body := fetch(t, m, "/metrics")
	body = strings.ReplaceAll(body, runtime.Version(), "go1.x")
	return strings.ReplaceAll(body, `goarch="`+runtime.GOARCH, `goarch="any`)
}

// observeTimed gives records to m at their own times.
func observeTimed(m *exporter.Instance, p []byte) {
	var d chunk.Decoder
	for d.Reset(p); d.Next(); {
		raw := d.Record().RawTime
		raw = raw[len(raw)-8:]
		at := time.Unix(int64(binary.BigEndian.Uint32(raw)), int64(binary.BigEndian.Uint32(raw[4:])))
		made, _ := m.Observe(nil, "t", d.Record(), at.UnixNano())
		m.Apply(exporter.Batch{Samples: made, Tag: "t", Origin: exporter.FromHost})
	}
}

func TestGoldenPage(t *testing.T) {
	for _, host := range []string{"amd64-v5.1.1", "armv7-v4.2.0"} {
		t.Run(host, func(t *testing.T) { testkit.Golden(t, host+".prom", wholePage(t, host)) })
	}
}

func TestPageLints(t *testing.T) {
	body := wholePage(t, "amd64-v5.1.1")
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if promtool, err := exec.LookPath("promtool"); err == nil {
		cmd := exec.Command(promtool, "check", "metrics")
		cmd.Stdin = strings.NewReader(body)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("promtool check metrics: %v\n%s", err, out)
		}
	}
}

func TestGoldenEventsPage(t *testing.T) {
	for _, name := range []string{"flb_metrics", "node_metrics"} {
		t.Run(name, func(t *testing.T) {
			m := open(t, quietExporter(newClock()), loopback())
			var in cmetrics.Interner
			for _, n := range []string{".1", ".2"} {
				samples, err := cmetrics.Append(nil, testkit.Payload(t, "amd64-v5.1.1", name+n), start.UnixNano(), &in)
				if err != nil {
					t.Fatal(err)
				}
				apply(m, samples)
			}
			_, body := fetch(t, m, "/metrics")
			var shown strings.Builder
			for line := range strings.Lines(body) {
				if !strings.Contains(line, "edge_") {
					shown.WriteString(line)
				}
			}
			testkit.Golden(t, name+".prom", shown.String())
			wantLines(t, scrape(t, m, `edge_dropped_records_total{reason="name_conflict"`, `edge_dropped_records_total{reason="malformed"`),
				`edge_dropped_records_total{reason="malformed",sink="prometheus"} 0`,
				`edge_dropped_records_total{reason="name_conflict",sink="prometheus"} 0`)
		})
	}
}

func TestMetricsTable(t *testing.T) {
	body := wholePage(t, "amd64-v5.1.1")
	for _, d := range append(hostmetrics.Table(), telemetry.Table()...) {
		name := d.Name(exporter.DefaultPrefix)
		if d.Help == "" || d.From == "" {
			t.Errorf("%s: no help or origin", name)
		}
		if name == "edge_network_drops_total" {
			continue // not in the captured chunks
		}
		if !strings.Contains(body, "# TYPE "+name+" "+d.Kind.String()+"\n") {
			t.Errorf("%s %s is not on the page", d.Kind, name)
		}
	}
	if timefix.NumVerdicts != strings.Count(body, "edge_time_repairs_total{") {
		t.Error("a verdict is missing")
	}
}
