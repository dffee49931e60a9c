package e2e_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/intake"
	"out_edge/build/receivers"
)

// passingFaults are those that a retry cures; after some, the client cannot know that
// its body was accepted.
func passingFaults() intake.Script {
	return intake.Faults{Seed: 14, Share: 0.3, Kinds: []intake.Action{
		{ResetBefore: true}, {Status: http.StatusInternalServerError}, {Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"0"}}},
		{Delay: 20 * time.Millisecond}, {ResetAfter: true}, {Cut: true}}}.Script()
}

// VictoriaMetrics, asked as Datadog, has each count once, whatever was repeated, and
// the host's series: through broken connections, refusals and lost answers.
func TestVictoriaMetricsCountsAsDatadogDoes(t *testing.T) {
	vm, err := receivers.StartVictoriaMetrics(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(vm.Close)
	const lines = 4000
	file := filepath.Join(t.TempDir(), "rules.yaml")
	writeFile(t, file, "metrics:\n- {name: lines_total, type: counter, help: Lines., match: app}\n"+
		"routes:\n- {match: app, sinks: [prometheus, datadog_metrics]}\n")
	proxy := before(t, vm.DatadogURL(), passingFaults())
	in := startIntake(t, intake.Config{CountOnly: true})
	l := start(t, harness.Run{V5: true, Generate: harness.Generate{Records: lines, PerChunk: 50, Tag: "app"}, Pace: 60 * time.Millisecond,
		Live: []string{"cpu", "mem", "thermal"}, Sysfs: thermalSysfs(t), Interval: 500 * time.Millisecond, Timeout: 2 * patience,
		Outputs: []harness.Output{serving(edge("apikey", theKey, "dd_url", in.URL(), "dd_metrics_url", proxy.URL(), "dd_hostname", "edge-1", "config_file", file))}})
	url := "http://" + l.address() + "/metrics"
	const delivered = `edge_records_total{result="delivered",sink="datadog_metrics"}`
	eventually(t, patience, func() error {
		if page := get(t, url); sample(t, page, "lines_total") < lines || sample(t, page, delivered) == 0 {
			return fmt.Errorf("not all lines are counted\n%s", l.log.String())
		}
		return nil
	})
	res := l.stop()
	series, err := vm.Series(t.Context(), `{__name__!=""}`)
	if err != nil {
		t.Fatal(err)
	}
	counted, names := 0.0, make(map[string]bool)
	for _, s := range series {
		names[s.Labels["__name__"]] = true
		for _, p := range s.Points {
			if s.Labels["__name__"] == "lines_total" {
				counted += p.Value
			}
			if age := time.Since(time.UnixMilli(p.UnixMilli)); age < -time.Minute || age > 10*time.Minute {
				t.Errorf("%v at %d", s.Labels, p.UnixMilli)
			}
		}
	}
	if counted != lines {
		t.Errorf("VictoriaMetrics counts %v lines, want %d\n%s", counted, lines, res.Stderr)
	}
	for _, name := range []string{"edge.cpu.usage_ratio", "edge.memory.bytes", "edge.temperature.celsius"} {
		if !names[name] {
			t.Errorf("no series %s in %v", name, names)
		}
	}
	faults := 0
	for _, f := range proxy.Forwarded() {
		if f.Lost {
			faults++
		}
	}
	if faults == 0 {
		t.Error("no answer was lost: nothing is proved")
	}
	noSecret(t, res.Stderr)
}
