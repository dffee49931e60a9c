package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/intake"
)

// The captured payloads stem from two moments: what senders wrote on purpose is
// from late 2025, what inputs read from the machine from late 2026. Each set is
// played under the clock of its moment.
var moments = []struct {
	name  string
	clock string
	tags  *regexp.Regexp
}{
	{"senders", "2025-12-03T14:30:00Z", regexp.MustCompile(`^(fw\.|otel|v1_logs|dummy\.fixed)`)},
	{"inputs", "2026-11-21T05:31:00Z", regexp.MustCompile(`^(app|cpu|mem|disk|netif|proc|thermal|dummy\.meta|statsd)`)},
}

// hosts are the two Fluent Bits that the payloads were captured from.
var hosts = []string{"amd64-v5.1.1", "armv7-v4.2.0"}

// chunks lists the log payloads of a host whose tag fits, in a fixed order.
// Traces and metrics events are told apart by their first byte: a map.
func chunks(t *testing.T, host string, tags *regexp.Regexp) (logs []harness.Chunk) {
	t.Helper()
	files, err := filepath.Glob(chunkFile(host, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no payloads of %s: %v", host, err)
	}
	for _, f := range files {
		tag := regexp.MustCompile(`\.\d+\.msgpack$`).ReplaceAllString(filepath.Base(f), "")
		payload, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if tags.MatchString(tag) && payload[0]&0xf0 == 0x90 || payload[0] == 0xdd && tags.MatchString(tag) {
			logs = append(logs, harness.Chunk{Tag: tag, File: f})
		}
	}
	return logs
}

func TestEveryChunkAtTheIntake(t *testing.T) {
	for _, host := range hosts {
		for _, m := range moments {
			t.Run(host+"/"+m.name, func(t *testing.T) {
				in := startIntake(t, intake.Config{Keys: []string{theKey}})
				res := replay(t, harness.Run{V5: true, Threads: 1, Chunks: chunks(t, host, m.tags),
					Outputs: []harness.Output{toIntake(in, "host_metrics", "both", "clock_start", m.clock, "include_tag_key", "on")}})
				if o := res.Outputs[0]; o.OK != o.Chunks || o.Chunks == 0 {
					t.Errorf("%d of %d chunks were OK\n%s", o.OK, o.Chunks, res.Stderr)
				}
				golden(t, "intake-"+host+"-"+m.name+".jsonl", intakeText(t, in, m.clock))
			})
		}
	}
}

// intakeText is all that an intake accepted, a line an entry, logs first. Times
// that are the arrival's vary by the run and read 0.
func intakeText(t *testing.T, in *intake.Server, clock string) string {
	t.Helper()
	begin, err := time.Parse(time.RFC3339, clock)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, e := range append(in.Logs(), in.Series()...) {
		var buf bytes.Buffer
		if err := json.Compact(&buf, e.JSON); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, arrival(begin).ReplaceAllString(buf.String(), "0"))
	}
	return strings.Join(lines, "\n") + "\n"
}

// arrival matches the times, in s or ms, of the first minute of a run.
func arrival(begin time.Time) *regexp.Regexp {
	var alternatives []string
	for s := range int64(60) {
		alternatives = append(alternatives, fmt.Sprint(begin.Unix()+s))
	}
	return regexp.MustCompile(`\b(` + strings.Join(alternatives, "|") + `)(\d{3})?\b`)
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

func TestEveryChunkAtMetrics(t *testing.T) {
	for _, host := range hosts {
		t.Run(host, func(t *testing.T) {
			m := moments[1]
			logs := chunks(t, host, m.tags)
			settled := make(chan struct{})
			done := false
			l := start(t, harness.Run{V5: true, Threads: 1, Chunks: logs, ReportEvery: 20 * time.Millisecond,
				Outputs: []harness.Output{{Name: "edge", Properties: harness.Props("listen", "127.0.0.1:0", "clock_start", m.clock)}},
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
			golden(t, "metrics-"+host+".prom", steady(page))
		})
	}
}

// steady leaves out of a page what differs between runs.
func steady(page string) string {
	var kept []string
	for line := range strings.Lines(page) {
		if regexp.MustCompile(`^edge_(flush_duration_seconds_(bucket|sum)|build_info|last_delivery)`).MatchString(line) {
			continue
		}
		kept = append(kept, strings.TrimRight(line, "\n"))
	}
	return strings.Join(kept, "\n") + "\n"
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
	old := replay(t, harness.Run{Chunks: []harness.Chunk{{Type: harness.Metrics, Tag: "node", File: chunkFile(hosts[0], "node_metrics.1")}},
		Outputs: []harness.Output{edge()}})
	if old.EventTypes != 1 || old.Outputs[0].Unrouted != 1 || !strings.Contains(old.Stderr, "hands logs only") {
		t.Errorf("a host that is too old: event types %d, unrouted %d\n%s", old.EventTypes, old.Outputs[0].Unrouted, old.Stderr)
	}
}
