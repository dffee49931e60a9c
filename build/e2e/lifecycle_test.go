package e2e_test

import (
	"errors"
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

// generated is n records with unique ids, in chunks of 100.
func generated(n int) harness.Generate {
	return harness.Generate{Records: n, PerChunk: 100, IDs: true, Tag: "app"}
}

// once checks that each of n ids was accepted exactly once.
func once(t *testing.T, in *intake.Server, n int) {
	t.Helper()
	ids := in.IDs()
	if len(ids) != n {
		t.Errorf("%d ids of %d arrived", len(ids), n)
	}
	for id, tally := range ids {
		if tally.Accepted != 1 {
			t.Errorf("%s was accepted %d times", id, tally.Accepted)
			return
		}
	}
}

func TestNothingConfigured(t *testing.T) {
	l := start(t, harness.Run{V5: true, Live: []string{"cpu"}, Interval: 100 * time.Millisecond,
		Outputs: []harness.Output{{Name: "edge", Properties: harness.Props("listen", "127.0.0.1:0")}}})
	page := get(t, "http://"+l.address()+"/metrics")
	res := l.stop()
	if !strings.Contains(page, "edge_build_info{") {
		t.Errorf("page: %.300s", page)
	}
	said := regexp.MustCompile(`(?m)^\[\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\] \[ info\] \[output:edge\] no apikey: nothing goes to Datadog`)
	if n := len(said.FindAllString(res.Stderr, -1)); n != 1 {
		t.Errorf("%d lines say that nothing goes to Datadog:\n%s", n, res.Stderr)
	}
	for _, line := range []string{`out_edge \S+ \(\w+\) in Fluent Bit 5\.1\.1: takes logs and metrics events`, `delivery park: `,
		`no sink is set up: nothing is sent anywhere, and 127\.0\.0\.1:\d+ is open to this machine`} {
		if n := len(regexp.MustCompile(`(?m)^\[[^\]]*\] \[ info\] \[output:edge\] `+line).FindAllString(res.Stderr, -1)); n != 1 {
			t.Errorf("%d lines like %s:\n%s", n, line, res.Stderr)
		}
	}
	if strings.Contains(res.Stderr, "error") || strings.Contains(res.Stderr, "warn") {
		t.Errorf("an ordinary run complains:\n%s", res.Stderr)
	}
}

func TestTwoInstancesShareAnAddress(t *testing.T) {
	ins := []*intake.Server{startIntake(t, intake.Config{}), startIntake(t, intake.Config{})}
	listen := "127.0.0.1:" + freePort(t)
	output := func(in *intake.Server, label, match string) harness.Output {
		return harness.Output{Name: "edge", Properties: harness.Props("listen", listen, "apikey", theKey, "add_label", "instance="+label,
			"dd_url", in.URL(), "dd_metrics_url", in.URL(), "match", match, "workers", "1")}
	}
	l := start(t, harness.Run{V5: true, Live: []string{"mem"}, Interval: 50 * time.Millisecond, Generate: generated(300),
		Outputs: []harness.Output{output(ins[0], "one", "*"), output(ins[1], "two", "*")}})
	for _, in := range ins {
		if err := in.WaitIDs(t.Context(), 300); err != nil {
			t.Fatal(err)
		}
		if err := in.WaitSeries(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	page := get(t, "http://"+l.address()+"/metrics")
	l.stop()
	for _, want := range []string{`edge_memory_bytes{instance="one",state="total"}`, `edge_memory_bytes{instance="two",state="total"}`} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is missing from the page", want)
		}
	}
	once(t, ins[0], 300)
	once(t, ins[1], 300)
}

func TestConcurrentFlushes(t *testing.T) {
	in := startIntake(t, intake.Config{})
	res := replay(t, harness.Run{V5: true, Threads: 4, Generate: generated(20_000), Outputs: []harness.Output{toIntake(in)}})
	if o := res.Outputs[0]; o.OK != 200 || o.Retry != 0 {
		t.Errorf("%d OK, %d RETRY\n%s", o.OK, o.Retry, res.Stderr)
	}
	once(t, in, 20_000)
}

func TestBadChunksAreRefusedAndGoodOnesGoOn(t *testing.T) {
	dir := t.TempDir()
	bad := map[string][]byte{
		"garbage": []byte("this is no msgpack \xc1\xc1\xff"),
		"empty":   {},
		"bomb":    slices.Repeat([]byte{0x91}, 1<<20),
		"huge":    {0xdd, 0xff, 0xff, 0xff, 0xff, 0xdf, 0xff, 0xff, 0xff, 0xff},
	}
	chunks := []harness.Chunk{{Tag: "app", File: chunkFile(hosts[0], "app.1")}}
	for name, payload := range bad {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, payload, 0o600); err != nil {
			t.Fatal(err)
		}
		chunks = append(chunks, harness.Chunk{Tag: name, File: file})
	}
	chunks = append(chunks, harness.Chunk{Tag: "app", File: chunkFile(hosts[0], "app.1")})
	in := startIntake(t, intake.Config{})
	res := replay(t, harness.Run{V5: true, Threads: 1, Chunks: chunks, Outputs: []harness.Output{toIntake(in)}})
	if o := res.Outputs[0]; o.OK < 2 || o.Retry != 0 || o.OK+o.Error != o.Chunks {
		t.Errorf("%+v\n%s", o, res.Stderr)
	}
	if n := len(in.Logs()); n != 4 {
		t.Errorf("%d logs arrived, want those of the two good chunks: 4", n)
	}
}

func TestExitTwiceAndInitAgain(t *testing.T) {
	in := startIntake(t, intake.Config{})
	listen := "127.0.0.1:" + freePort(t)
	for _, overlap := range []bool{false, true} {
		t.Run(fmt.Sprintf("overlap=%v", overlap), func(t *testing.T) {
			res := replay(t, harness.Run{V5: true, Threads: 1, Cycles: 5, ExitCalls: 2, Overlap: overlap,
				Chunks:  []harness.Chunk{{Tag: "app", File: chunkFile(hosts[0], "app.1")}},
				Outputs: []harness.Output{{Name: "edge", Properties: harness.Props("listen", listen, "apikey", theKey, "dd_url", in.URL(), "dd_metrics_url", in.URL())}}})
			if res.Cycles != 5 || res.Outputs[0].OK != 5 {
				t.Errorf("%d cycles, %d OK\n%s", res.Cycles, res.Outputs[0].OK, res.Stderr)
			}
			if strings.Contains(res.Stderr, "in use") {
				t.Errorf("the address is not given back at exit:\n%s", res.Stderr)
			}
		})
	}
}

func TestPlainExitClosesEveryInstance(t *testing.T) {
	in := startIntake(t, intake.Config{})
	res := replay(t, harness.Run{V5: true, PlainExit: true, Threads: 1, Generate: generated(200), Outputs: []harness.Output{toIntake(in), toIntake(in)}})
	if res.Outputs[0].OK != 2 || res.Outputs[1].OK != 2 {
		t.Errorf("%+v\n%s", res.Outputs, res.Stderr)
	}
}

// Where core does not check the keys itself, as it does from 5.1.1.
func TestWrongSettingsStopTheAgentAllAtOnce(t *testing.T) {
	r := harness.Run{V5: true, ABI: "v4.2.3", Library: library(t), Generate: generated(1),
		Outputs: []harness.Output{edge("queue_bytes", "9TB", "api_key", theKey, "series_ttl", "soon")}}
	_, err := kit.Run(t.Context(), r)
	var exit *harness.ExitError
	if !errors.As(err, &exit) || exit.Code != harness.ExitPlugin {
		t.Fatalf("got %v, want exit status %d", err, harness.ExitPlugin)
	}
	for _, want := range []string{
		"[error] [output:edge] `queue_bytes` = 9TB: must be between 64KiB and 1GiB",
		"[error] [output:edge] `series_ttl` = soon: must be a time between 1s and 8760h, or `0` for never",
		"[error] [output:edge] `api_key`: is not a property of out_edge: write `apikey`",
	} {
		if !strings.Contains(exit.Stderr, want) {
			t.Errorf("no line %q in\n%s", want, exit.Stderr)
		}
	}
	noSecret(t, exit.Stderr)
}

func TestFlushAfterAFailedInitIsAnError(t *testing.T) {
	r := harness.Run{V5: true, Library: library(t), KeepGoing: true, Generate: generated(100),
		Outputs: []harness.Output{edge("queue_bytes", "9TB")}}
	res, err := kit.Run(t.Context(), r)
	if err != nil && len(res.Outputs) == 0 {
		t.Fatal(err)
	}
	if o := res.Outputs[0]; o.Error != 1 || o.OK != 0 {
		t.Errorf("%+v\n%s", o, res.Stderr)
	}
}

func TestAMissingKeyFileHeals(t *testing.T) {
	in := startIntake(t, intake.Config{Keys: []string{theKey}})
	file := filepath.Join(t.TempDir(), "key")
	l := start(t, harness.Run{V5: true, Threads: 1, RetryLimit: "no_limits", RetryBase: 100 * time.Millisecond, RetryCap: 200 * time.Millisecond,
		Generate: generated(100), Outputs: []harness.Output{edge("apikey_file", file, "dd_url", in.URL(), "dd_metrics_url", in.URL())}})
	l.log.find(t, regexp.MustCompile(`apikey_file`))
	if err := os.WriteFile(file, []byte(theKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := in.WaitIDs(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	res := l.stop()
	once(t, in, 100)
	noSecret(t, res.Stderr)
}

func TestABusyPortHeals(t *testing.T) {
	ln := listen(t, "127.0.0.1:"+freePort(t))
	addr := ln.Addr().String()
	l := start(t, harness.Run{V5: true, Live: []string{"mem"}, Interval: 50 * time.Millisecond,
		Outputs: []harness.Output{{Name: "edge", Properties: harness.Props("listen", addr)}}})
	l.log.find(t, regexp.MustCompile(`\[ warn\].*(in use)`))
	ln.Close()
	if page := get(t, "http://"+l.address()+"/healthz"); !strings.Contains(page, "ok") {
		t.Errorf("healthz: %s", page)
	}
	res := l.stop()
	if n := strings.Count(res.Stderr, "in use"); n != 1 {
		t.Errorf("the busy port was logged %d times:\n%s", n, res.Stderr)
	}
}
