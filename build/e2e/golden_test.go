package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"out_edge/build/captured"
	"out_edge/build/harness"
	"out_edge/build/intake"
	"out_edge/build/testkit"
)

// moments are the captured log payloads, each set under the clock of its moment.
var moments = captured.Sets()[:2]

// hosts are the two Fluent Bits that the payloads were captured from.
var hosts = captured.Hosts()

// chunks lists a host's payloads of a set, in a fixed order.
func chunks(t *testing.T, host string, s captured.Set) []harness.Chunk {
	t.Helper()
	all, err := s.Chunks(kit.Root(), host)
	if err != nil || len(all) == 0 {
		t.Fatalf("no payloads of %s: %v", host, err)
	}
	return all
}

func TestEachPayloadIsInASet(t *testing.T) {
	n := 0
	for _, host := range hosts {
		for _, s := range captured.Sets() {
			all, err := s.Chunks(kit.Root(), host)
			if err != nil {
				t.Fatal(err)
			}
			n += len(all)
		}
	}
	if files, _ := filepath.Glob(chunkFile("*", "*")); n != len(files) {
		t.Errorf("%d payloads in sets, %d files", n, len(files))
	}
}

func TestGoldenIntake(t *testing.T) {
	for _, host := range hosts {
		for _, m := range moments {
			t.Run(host+"/"+m.Name, func(t *testing.T) {
				in := startIntake(t, intake.Config{Keys: []string{theKey}})
				res := replay(t, harness.Run{V5: true, Without: noParking, Threads: 1, Chunks: chunks(t, host, m),
					Outputs: []harness.Output{toIntake(in, "host_metrics", "both", "clock_start", m.Clock, "include_tag_key", "on")}})
				if o := res.Outputs[0]; o.OK != o.Chunks || o.Chunks == 0 {
					t.Errorf("%d of %d chunks were OK\n%s", o.OK, o.Chunks, res.Stderr)
				}
				testkit.Golden(t, "intake-"+host+"-"+m.Name+".jsonl", intakeText(t, in, m))
			})
		}
	}
}

func intakeText(t *testing.T, in *intake.Server, s captured.Set) string {
	t.Helper()
	text, err := s.Text(in)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestBothHostsGiveTheSame(t *testing.T) {
	// What the senders wrote is the same for both, although v4.2.0 on ARMv7
	// passes on some times that v5.1.1 refuses, and garbles others.
	read := func(host string) map[string]bool {
		text, err := os.ReadFile(filepath.Join("testdata", "intake-"+host+"-senders.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		lines := map[string]bool{}
		for line := range strings.Lines(string(text)) {
			// The OTLP chunk was captured under another tag there.
			lines[strings.Replace(strings.TrimSpace(line), `"tagkey":"v1_logs"`, `"tagkey":"otel"`, 1)] = true
		}
		return lines
	}
	amd64, armv7 := read(hosts[0]), read(hosts[1])
	for line := range amd64 {
		if tagOf(t, line) == "dummy.fixed" {
			continue // another second
		}
		if !armv7[line] {
			t.Errorf("only v5.1.1 on x86-64 gives %s", line)
		}
	}
}

func tagOf(t *testing.T, line string) string {
	t.Helper()
	var entry struct {
		Tag string `json:"tagkey"`
	}
	if err := json.Unmarshal([]byte(line), &entry); err != nil {
		t.Fatal(err)
	}
	return entry.Tag
}

func TestGoldenMetrics(t *testing.T) {
	for _, host := range hosts {
		t.Run(host, func(t *testing.T) {
			m := moments[1]
			logs := chunks(t, host, m)
			settled := make(chan struct{})
			done := false
			l := start(t, harness.Run{V5: true, Without: noParking, Threads: 1, Chunks: logs, ReportEvery: 20 * time.Millisecond,
				Outputs: []harness.Output{{Name: "edge", Properties: harness.Props("listen", "127.0.0.1:0", "clock_start", m.Clock)}},
				OnReport: func(r harness.Result) {
					if !done && r.Outputs[0].OK == len(logs) {
						done = true
						close(settled)
					}
				}})
			addr := l.address()
			<-settled
			page := get(t, "http://"+addr+"/metrics")
			l.stop()
			testkit.Golden(t, "metrics-"+host+".prom", captured.Steady(page))
		})
	}
}

func TestMetricsEventsGoThrough(t *testing.T) {
	in := startIntake(t, intake.Config{})
	res := replay(t, harness.Run{V5: true, Threads: 1,
		Chunks: []harness.Chunk{
			{Type: harness.Metrics, Tag: "node", File: chunkFile(hosts[0], "node_metrics.1")},
			{Type: harness.Metrics, Tag: "otel", File: chunkFile(hosts[0], "otel.3")},
		},
		Outputs: []harness.Output{toIntake(in, "clock_start", "2026-11-21T05:31:00Z")}})
	if o := res.Outputs[0]; o.OK != 2 || res.EventTypes != 3 {
		t.Errorf("OK %d, event types %d\n%s", o.OK, res.EventTypes, res.Stderr)
	}
	if i := slices.IndexFunc(in.Series(), func(e intake.Entry) bool { return strings.Contains(string(e.JSON), "node.memory.MemTotal_bytes") }); i < 0 {
		t.Errorf("no node series among %d, the first being %s", len(in.Series()), in.Series()[0].JSON)
	}
	old := replay(t, harness.Run{Guard: true, Chunks: []harness.Chunk{{Type: harness.Metrics, Tag: "node", File: chunkFile(hosts[0], "node_metrics.1")}},
		Outputs: []harness.Output{edge()}})
	if old.EventTypes != 1 || old.Outputs[0].Unrouted != 1 || !strings.Contains(old.Stderr, "takes logs alone") {
		t.Errorf("a host that is too old: event types %d, unrouted %d\n%s", old.EventTypes, old.Outputs[0].Unrouted, old.Stderr)
	}
}
