package pipeline_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"out_edge/ddsink"
	"out_edge/exporter"
	"out_edge/exporter/remotewrite"
	"out_edge/exporter/rules"
	"out_edge/plugin/delivery"
	"out_edge/plugin/pipeline"
)

func TestAFlushIsDeliveredBeforeItAnswers(t *testing.T) {
	in := newIntake(t, accept)
	b := start(t, in, nil)
	b.flush(pipeline.OK, logChunk(t, present, "one", "two"), workerThread)
	if got := in.accepted(); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("accepted %v", got)
	}
	if ms := in.logs()[0]["timestamp"]; ms != float64(present*1000) {
		t.Errorf("timestamp %v", ms)
	}
}

func TestARetrySendsOnlyTheRest(t *testing.T) {
	// Batches are of 1000: the second one fails at first.
	in := newIntake(t, func(n int, _ string) int {
		if n == 1 {
			return http.StatusServiceUnavailable
		}
		return http.StatusAccepted
	})
	b := start(t, in, nil)
	var want []string
	for i := range 2500 {
		want = append(want, fmt.Sprintf("m%04d", i))
	}
	chunk := logChunk(t, present, want...)
	b.flush(pipeline.Retry, chunk, workerThread)
	b.pause()
	b.flush(pipeline.OK, chunk, workerThread)
	if got := in.accepted(); !slices.Equal(got, want) {
		t.Errorf("accepted %d messages of %d, or out of order", len(got), len(want))
	}
}

func TestChunksThatAreTheSameAreStillTwo(t *testing.T) {
	fail := true
	in := newIntake(t, unless(&fail))
	b := start(t, in, nil)
	chunk := logChunk(t, present, "same")
	b.flush(pipeline.Retry, chunk, workerThread)
	b.flush(pipeline.Retry, slices.Clone(chunk), workerThread)
	fail = false
	b.pause()
	b.flush(pipeline.OK, chunk, workerThread)
	b.flush(pipeline.OK, chunk, workerThread)
	if got := in.accepted(); len(got) != 2 {
		t.Errorf("accepted %v", got)
	}
}

func TestWhatCannotBeDecodedIsAnErrorOrACountedLoss(t *testing.T) {
	in := newIntake(t, accept)
	b := start(t, in, nil)
	good := logChunk(t, present, "good")
	cases := []struct {
		name    string
		payload []byte
		want    pipeline.Result
	}{
		{"nothing of it", []byte{0xc1, 0xff, 0x00}, pipeline.Error},
		{"one bad record between good ones", slices.Concat(good, []byte{0x01}, good), pipeline.OK},
		{"cut off", good[:len(good)-1], pipeline.OK},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { b.flush(c.want, c.payload, workerThread) })
	}
	if got := in.accepted(); !slices.Equal(got, []string{"good", "good"}) {
		t.Errorf("accepted %v", got)
	}
}

func TestAfterCloseNothingIsTaken(t *testing.T) {
	b := start(t, newIntake(t, accept), nil)
	b.stop(ample)
	b.stop(ample)
	b.flush(pipeline.Retry, logChunk(t, present, "late"), workerThread)
}

func TestTheEngineThreadNeverWaits(t *testing.T) {
	release := make(chan struct{})
	in := newIntake(t, func(int, string) int { <-release; return http.StatusAccepted })
	b := start(t, in, nil)
	for i := range 10 {
		b.flush(pipeline.OK, logChunk(t, present, fmt.Sprint(i)), engineThread)
	}
	if n := strings.Count(b.log.String(), "workers 1"); n != 1 {
		t.Errorf("the cure is named %d times", n)
	}
	close(release)
	in.awaitLogs(t, 10)
	b.stop(ample)
	if got := in.accepted(); len(got) != 10 {
		t.Errorf("accepted %v", got)
	}
}

func TestAFullQueueGivesTheChunkBack(t *testing.T) {
	release := make(chan struct{})
	in := newIntake(t, func(int, string) int { <-release; return http.StatusAccepted })
	b := start(t, in, func(c *pipeline.Config) { c.Mode, c.QueueBytes = pipeline.Queue, 64<<10 })
	chunk := logChunk(t, present, strings.Repeat("x", 40<<10))
	b.flush(pipeline.OK, chunk, workerThread)
	b.flush(pipeline.Retry, chunk, workerThread)
	close(release)
	<-in.arrived
	b.stop(ample)
	if got := len(in.accepted()); got != 1 {
		t.Errorf("accepted %d", got)
	}
}

func TestAChunkAboveTheWholeQueueStillPasses(t *testing.T) {
	in := newIntake(t, accept)
	b := start(t, in, func(c *pipeline.Config) { c.Mode, c.QueueBytes = pipeline.Queue, 64<<10 })
	b.flush(pipeline.OK, logChunk(t, present, strings.Repeat("x", 100<<10)), workerThread)
	<-in.arrived
	b.stop(ample)
	if got := len(in.accepted()); got != 1 {
		t.Errorf("accepted %d", got)
	}
}

func TestWhatIsLeftAtExitIsCountedAndSaid(t *testing.T) {
	in := newIntake(t, func(int, string) int { return http.StatusServiceUnavailable })
	b := start(t, in, func(c *pipeline.Config) { c.Mode = pipeline.Queue })
	b.flush(pipeline.OK, logChunk(t, present, "a", "b", "c"), workerThread)
	<-in.arrived
	b.stop(50 * time.Millisecond)
	if !strings.Contains(b.log.String(), "stopped with 1 chunks (3 logs, 0 metric samples) undelivered") {
		t.Errorf("log: %s", b.log)
	}
}

func TestNothingLeavesWhileTheClockIsWrong(t *testing.T) {
	in := newIntake(t, accept)
	wrong := int64(present - 86400*600) // before the build's date
	c := newClock()
	c.Step(time.Duration(wrong-present) * time.Second)
	b := startAt(t, c, in, nil)
	b.clock.Advance(60 * time.Second)
	chunk := logChunk(t, uint32(wrong+59), "early")
	b.flush(pipeline.Retry, chunk, workerThread)
	if got := in.accepted(); len(got) != 0 {
		t.Fatalf("accepted %v", got)
	}
	b.clock.Advance(10 * time.Second)
	b.clock.Step(time.Duration(present-wrong) * time.Second)
	b.flush(pipeline.OK, chunk, workerThread)
	if got := in.logs(); len(got) != 1 || got[0]["timestamp"] != float64((present+59)*1000) {
		t.Errorf("got %v, want the record's time under the clock as it is now, %d", got, int64(present+59)*1000)
	}
}

func TestConcurrentFlushes(t *testing.T) {
	in := newIntake(t, func(n int, _ string) int {
		if n%3 == 0 {
			return http.StatusTooManyRequests
		}
		return http.StatusAccepted
	})
	b := start(t, in, nil)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 25 {
				chunk := logChunk(t, present, fmt.Sprintf("%d-%d", w, i))
				for b.Flush("app", chunk, workerThread) != pipeline.OK {
					b.pause()
				}
			}
		})
	}
	wg.Wait()
	got := in.accepted()
	slices.Sort(got)
	if len(got) != 100 || len(slices.Compact(got)) != 100 {
		t.Errorf("accepted %d", len(got))
	}
}

func TestHostRecordsBecomeMetricsOnce(t *testing.T) {
	down := true
	in := newIntake(t, unless(&down))
	b := start(t, in, nil)
	b.flush(pipeline.Retry, recordOf(t, present, map[string]any{"read_size": 100, "write_size": 50}), workerThread)
	first := recordOf(t, present, map[string]any{"read_size": 100, "write_size": 50})
	down = false
	b.pause()
	b.flush(pipeline.OK, first, workerThread)
	sum := map[string]float64{}
	for _, r := range in.requests {
		for _, s := range r.series.Series {
			if r.status == http.StatusAccepted {
				for _, p := range s.Points {
					sum[s.Metric] += p.Value
				}
			}
		}
		if len(r.body) > 0 {
			t.Errorf("a host record was sent as a log: %v", r.body)
		}
	}
	if sum["edge.disk.read_bytes_total"] != 100 || sum["edge.disk.written_bytes_total"] != 50 {
		t.Errorf("sent %v", sum)
	}
}

func TestHostModes(t *testing.T) {
	cases := []struct {
		mode         pipeline.HostMode
		logs, series bool
	}{
		{pipeline.HostMetrics, false, true},
		{pipeline.HostLogs, true, false},
		{pipeline.HostBoth, true, true},
		{pipeline.HostOff, false, false},
	}
	for _, c := range cases {
		t.Run(fmt.Sprint(c.mode), func(t *testing.T) {
			in := newIntake(t, accept)
			b := start(t, in, func(cfg *pipeline.Config) { cfg.Host = c.mode })
			b.flush(pipeline.OK, recordOf(t, present, map[string]any{"read_size": 100, "write_size": 50}), workerThread)
			var logs, series bool
			for _, r := range in.requests {
				logs = logs || len(r.body) > 0
				series = series || len(r.series.Series) > 0
			}
			if logs != c.logs || series != c.series {
				t.Errorf("logs %v series %v, want %v %v", logs, series, c.logs, c.series)
			}
		})
	}
}

func TestRulesRoutesAndRemoteWrite(t *testing.T) {
	in := newIntake(t, accept)
	rw := newRemote(t)
	file, err := rules.Parse("test.yaml", []byte(`
metrics:
  - name: app_errors_total
    help: Errors.
    type: counter
    match: app
    condition: {rules: [{field: level, op: eq, value: error}]}
metric_relabel_configs:
  - source_labels: [__name__]
    regex: edge_disk_written_bytes_total
    action: drop
routes:
  - match: secret
    sinks: [prometheus]
`))
	if err != nil {
		t.Fatal(err)
	}
	b := start(t, in, func(c *pipeline.Config) {
		c.Rules = file
		c.RemoteWrite = &remotewrite.Config{URL: rw.URL, Version: "1"}
	})
	errors := recordOf(t, present, map[string]any{"log": "bad", "level": "error"})
	b.flush(pipeline.OK, slices.Concat(errors, errors, logChunk(t, present, "fine")), workerThread)
	b.flush(pipeline.OK, recordOf(t, present, map[string]any{"read_size": 1, "write_size": 2}), workerThread)
	if got := b.Flush("secret", logChunk(t, present, "not for Datadog"), workerThread); got != pipeline.OK {
		t.Errorf("Flush = %d", got)
	}
	if got := in.accepted(); !slices.Equal(got, []string{"bad", "bad", "fine"}) {
		t.Errorf("logs: %v", got)
	}
	sent := map[string]float64{}
	for _, r := range in.requests {
		for _, s := range r.series.Series {
			for _, p := range s.Points {
				sent[s.Metric] += p.Value
			}
		}
	}
	if sent["app_errors_total"] != 2 || sent["edge.disk.read_bytes_total"] != 1 || len(sent) != 2 {
		t.Errorf("Datadog metrics: %v", sent)
	}
	if got := rw.names(); !slices.Equal(got, []string{"app_errors_total", "edge_disk_read_bytes_total"}) {
		t.Errorf("remote write: %v", got)
	}
}

// What host_metrics says of host records holds whichever way a route sends them.
func TestHostModesUnderARoute(t *testing.T) {
	file, err := rules.Parse("test.yaml", []byte("routes: [{match: '*', sinks: [datadog]}]"))
	if err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[pipeline.HostMode]int{pipeline.HostMetrics: 0, pipeline.HostOff: 0, pipeline.HostLogs: 1, pipeline.HostBoth: 1} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			in := newIntake(t, accept)
			b := start(t, in, func(c *pipeline.Config) { c.Rules, c.Host = file, mode })
			b.flush(pipeline.OK, recordOf(t, present, map[string]any{"read_size": 1, "write_size": 2}), workerThread)
			if sums, _ := in.sums(); len(in.logs()) != want || len(sums) != 0 {
				t.Errorf("%d logs and %v, want %d logs", len(in.logs()), sums, want)
			}
		})
	}
}

// TestRefusedSamplesAreCountedByRule holds to one count for each sample, whether
// the rules' engine refuses it or the page, where host metrics take part of
// series_limit; and to series that stand at 0 from the start.
func TestRefusedSamplesAreCountedByRule(t *testing.T) {
	file, err := rules.Parse("test.yaml", []byte(`
metrics:
  - {name: logins_total, help: Logins., type: counter, match: app, labels: {user: $user}}
  - {name: latency_seconds, help: Latency., type: gauge, match: app, value_field: latency}
`))
	if err != nil {
		t.Fatal(err)
	}
	b := start(t, nil, func(c *pipeline.Config) {
		c.Rules = file
		c.Metrics.Listen, c.Metrics.SeriesLimit = "127.0.0.1:0", 4
	})
	b.wantPage(`edge_rule_refused_samples_total{reason="series_limit",rule="logins_total"} 0`,
		`edge_rule_refused_samples_total{reason="not_a_number",rule="latency_seconds"} 0`)
	b.Flush("disk", recordOf(t, present, map[string]any{"read_size": 1, "write_size": 2}), workerThread)
	for i := range 10 {
		b.flush(pipeline.OK, recordOf(t, present, map[string]any{"user": fmt.Sprint("u", i), "latency": "slow"}), workerThread)
	}
	b.wantPage(`logins_total{user="u0"} 1`, `logins_total{user="u1"} 1`,
		`edge_rule_refused_samples_total{reason="series_limit",rule="logins_total"} 8`,
		`edge_rule_refused_samples_total{reason="not_a_number",rule="latency_seconds"} 10`,
		`edge_dropped_records_total{reason="series_limit",sink="prometheus"} 8`,
		`edge_dropped_records_total{reason="not_a_number",sink="prometheus"} 10`)
}

// A large series_limit leaves room on 32 bits too: this one's bytes have bit 31 set.
func TestALargeSeriesLimit(t *testing.T) {
	file, err := rules.Parse("test.yaml", []byte(`metrics: [{name: logins_total, help: Logins., type: counter, match: app, labels: {user: $user}}]`))
	if err != nil {
		t.Fatal(err)
	}
	b := start(t, nil, func(c *pipeline.Config) {
		c.Rules = file
		c.Metrics.Listen, c.Metrics.SeriesLimit = "127.0.0.1:0", 3_000_000
	})
	b.flush(pipeline.OK, recordOf(t, present, map[string]any{"user": "u"}), workerThread)
	b.flush(pipeline.OK, recordOf(t, present, map[string]any{"read_size": 1, "write_size": 2}), workerThread)
	b.wantPage(`logins_total{user="u"} 1`, "edge_disk_read_bytes_total 1")
}

// TestEachSampleThatRelabellingRefusesIsCounted holds to a total that changes
// hands when its source is gone, and to a count of what was refused until then.
func TestEachSampleThatRelabellingRefusesIsCounted(t *testing.T) {
	file, err := rules.Parse("test.yaml", []byte(`
metrics:
  - {name: a_total, help: A., type: counter, match: app, labels: {container: $user}}
metric_relabel_configs: [{regex: container, action: labeldrop}]
`))
	if err != nil {
		t.Fatal(err)
	}
	b := start(t, nil, func(c *pipeline.Config) {
		c.Rules = file
		c.Metrics.Listen, c.Metrics.SeriesLimit = "127.0.0.1:0", 1000
	})
	records := func(user string, n int) {
		b.flush(pipeline.OK, bytes.Repeat(recordOf(t, present, map[string]any{"user": user}), n), workerThread)
	}
	records("old", 5)
	records("new", 100)
	b.wantPage("a_total 5", `edge_rule_refused_samples_total{reason="relabel_duplicate",rule="metric_relabel_configs"} 100`)
	records("new", 50)
	b.wantPage("a_total 150", `edge_rule_refused_samples_total{reason="relabel_duplicate",rule="metric_relabel_configs"} 100`)
	records("old", 7)
	b.wantPage("a_total 150", `edge_rule_refused_samples_total{reason="relabel_duplicate",rule="metric_relabel_configs"} 107`)
}

func TestARetryOfOneSinkLeavesTheOthersAlone(t *testing.T) {
	in := newIntake(t, accept)
	rw := newRemote(t)
	rw.status.Store(http.StatusServiceUnavailable)
	b := start(t, in, func(c *pipeline.Config) { c.RemoteWrite = &remotewrite.Config{URL: rw.URL, Version: "1"} })
	chunk := slices.Concat(logChunk(t, present, "one"), recordOf(t, present, map[string]any{"read_size": 1, "write_size": 2}))
	b.flush(pipeline.Retry, chunk, workerThread)
	rw.status.Store(http.StatusNoContent)
	b.pause()
	b.flush(pipeline.OK, chunk, workerThread)
	if got := in.accepted(); len(got) != 1 {
		t.Errorf("logs: %v", got)
	}
	series := 0
	for _, r := range in.requests {
		series += len(r.series.Series)
	}
	if series != 2 {
		t.Errorf("%d series at Datadog", series)
	}
	if got := rw.names(); !slices.Equal(got, []string{"edge_disk_read_bytes_total", "edge_disk_written_bytes_total"}) {
		t.Errorf("remote write: %v", got)
	}
}

func TestASlowReceiverRests(t *testing.T) {
	var b *bench
	slow := true
	in := newIntake(t, func(int, string) int {
		if slow {
			b.clock.Advance(5 * time.Second)
			return http.StatusServiceUnavailable
		}
		return http.StatusAccepted
	})
	b = start(t, in, nil)
	chunk := logChunk(t, present, "one")
	b.flush(pipeline.Retry, chunk, workerThread)
	b.flush(pipeline.Retry, chunk, workerThread)
	if n := len(in.requests); n != 1 {
		t.Errorf("%d requests, want the second flush to return at once", n)
	}
	slow = false
	b.clock.Advance(6 * time.Second)
	b.flush(pipeline.OK, chunk, workerThread)
}

func TestTheQueueDoesNotHoldUpThePage(t *testing.T) {
	release := make(chan struct{})
	in := newIntake(t, func(int, string) int { <-release; return http.StatusAccepted })
	b := start(t, in, func(c *pipeline.Config) {
		c.Mode = pipeline.Queue
		c.Metrics.Listen = "127.0.0.1:0"
	})
	b.flush(pipeline.OK, logChunk(t, present, "stuck"), workerThread)
	b.flush(pipeline.OK, recordOf(t, present, map[string]any{"read_size": 7, "write_size": 0}), workerThread)
	if page := b.page(); !strings.Contains(page, "edge_disk_read_bytes_total 7") {
		t.Errorf("page:\n%s", page)
	}
	close(release)
}

// What had been opened before a sink refused its settings is closed again: the
// leak check of TestMain sees what is not.
func TestAFailedStartLeavesNothingRunning(t *testing.T) {
	rw, c := newRemote(t), newClock()
	log := slog.New(slog.DiscardHandler)
	_, err := pipeline.New(pipeline.Config{
		Metrics:         exporter.Config{Listen: "off"},
		Datadog:         &ddsink.Config{Site: "nowhere.example", APIKey: delivery.NewSecret("k")},
		RemoteWrite:     &remotewrite.Config{URL: rw.URL},
		RemoteWriteSelf: true,
	}, pipeline.Deps{Exporter: exporter.New(log, c), Clock: c, Log: log, Thread: engineThread})
	if err == nil {
		t.Fatal("a site that is none passes")
	}
}
