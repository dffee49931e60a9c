package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"out_edge/exporter"
	"out_edge/exporter/hostmetrics"
	"out_edge/exporter/telemetry"
)

const root = "../../"

func TestDashboardsAreUpToDate(t *testing.T) {
	for name, board := range boards() {
		want, err := render(board)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(root, folder, name))
		if err != nil || string(got) != string(want) {
			t.Errorf("%s is behind the code: run `make dashboards` (%v)", name, err)
		}
	}
}

// known are all series that there are, by their names at Prometheus, and at Datadog.
func known() (prometheus, datadog map[string]bool) {
	prometheus, datadog = map[string]bool{}, map[string]bool{}
	for _, d := range hostmetrics.Table() {
		prometheus[d.Name(exporter.DefaultPrefix)] = true
		datadog[d.DatadogName(exporter.DefaultPrefix)] = true
	}
	for _, d := range telemetry.Table() {
		name := d.Name(exporter.DefaultPrefix)
		prometheus[name], prometheus[name+"_bucket"], prometheus[name+"_count"], prometheus[name+"_sum"] = true, true, true, true
	}
	return prometheus, datadog
}

var edgeName = regexp.MustCompile(`\bedge_[a-z0-9_]+`)

// unknownSeries fails for each series of a text that no table has.
func unknownSeries(t *testing.T, where, text string, known map[string]bool, name *regexp.Regexp) {
	t.Helper()
	found := name.FindAllString(text, -1)
	if len(found) == 0 {
		t.Errorf("%s asks for no series", where)
	}
	for _, n := range found {
		if !known[n] {
			t.Errorf("%s asks for %s, which no table has", where, n)
		}
	}
}

func TestNoUnknownSeries(t *testing.T) {
	prometheus, datadog := known()
	for _, b := range []*board{device(), fleet(), delivery()} {
		unknownSeries(t, b.Title, strings.Join(b.expressions(), "\n"), prometheus, edgeName)
	}
	datadogName := regexp.MustCompile(`\bedge\.[a-z0-9_.]+[a-z0-9]`)
	for _, file := range []string{"examples/dashboards/datadog-device.json", "examples/alerts/datadog-monitors.json"} {
		text, err := os.ReadFile(root + file)
		if err != nil {
			t.Fatal(err)
		}
		unknownSeries(t, file, string(text), datadog, datadogName)
	}
	text, err := os.ReadFile(root + "examples/alerts/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	unknownSeries(t, "alerts.yml", string(text), prometheus, edgeName)
}

func TestEachSeriesIsOnADashboard(t *testing.T) {
	shown := strings.Join(append(device().expressions(), delivery().expressions()...), "\n")
	for _, d := range append(hostmetrics.Table(), telemetry.Table()...) {
		if name := d.Name(exporter.DefaultPrefix); !regexp.MustCompile(`\b` + name + `(_bucket)?\b`).MatchString(shown) {
			t.Errorf("%s is on no dashboard", name)
		}
	}
}

// promtool is Debian's.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("no promtool: `make deps` installs it")
	}
	cmd := exec.Command(path, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", cmd, err, out)
	}
}

// TestPrometheusParsesEachQuery has Prometheus' own parser read every query of the
// dashboards.
func TestPrometheusParsesEachQuery(t *testing.T) {
	var b strings.Builder
	b.WriteString("groups:\n- name: dashboards\n  rules:\n")
	n := 0
	for _, board := range []*board{device(), fleet(), delivery()} {
		for _, expr := range board.expressions() {
			n++
			quoted, err := json.Marshal(strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*").Replace(expr))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "  - record: query_%d\n    expr: %s\n", n, quoted)
		}
	}
	file := filepath.Join(t.TempDir(), "queries.yml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", file)
}

func TestAlertsFire(t *testing.T) {
	promtool(t, "check", "rules", root+"examples/alerts/alerts.yml", root+"examples/nixos-openobserve/recording-rules.yml")
	promtool(t, "test", "rules", root+"examples/alerts/alerts_test.yml")
	promtool(t, "check", "config", "--syntax-only", root+"examples/prometheus-exporter/prometheus.yml")
}
