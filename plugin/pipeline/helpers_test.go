package pipeline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"out_edge/build/testkit"
	"out_edge/ddsink"
	"out_edge/exporter"
	"out_edge/plugin/delivery"
	"out_edge/plugin/pipeline"
	"out_edge/timefix"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const (
	engineThread = 1
	workerThread = 2
)

// ample is how long an instance may take to close that waits for nothing: a busy machine
// may not run it for a second.
const ample = 30 * time.Second

// present is the instant at which the tests' clock starts: 2026-11-21.
const present = 1795239857

func newClock() *testkit.Clock { return testkit.NewClock(time.Unix(present, 0)) }

// request is what the intake was sent, with the answer that it gave.
type request struct {
	path   string
	status int
	body   []map[string]any // logs
	series struct {
		Series []struct {
			Metric string
			Type   int
			Tags   []string
			// Resources has the host.
			Resources []struct{ Name, Type string }
			Points    []struct {
				Timestamp int64
				Value     float64
			}
		}
	}
}

// intake answers with status(n, path) and keeps what it was sent.
type intake struct {
	*httptest.Server
	mu       sync.Mutex
	requests []request
	arrived  chan struct{} // one for each request
	// retryAfter is the header of refusals.
	retryAfter string
}

func newIntake(t *testing.T, status func(n int, path string) int) *intake {
	in := &intake{arrived: make(chan struct{}, 1000)}
	in.Server = testkit.Receive(t, func(r testkit.Received, w http.ResponseWriter) {
		in.mu.Lock()
		defer in.mu.Unlock()
		req := request{path: r.Path, status: status(len(in.requests), r.Path)}
		var into any = &req.body
		if strings.HasSuffix(r.Path, "/series") {
			into = &req.series
		}
		if err := json.Unmarshal(r.Body, into); err != nil {
			t.Errorf("%s: %v in %s", r.Path, err, r.Body)
		}
		in.requests = append(in.requests, req)
		if in.retryAfter != "" && req.status != http.StatusAccepted {
			w.Header().Set("Retry-After", in.retryAfter)
		}
		w.WriteHeader(req.status)
		in.arrived <- struct{}{}
	})
	return in
}

// accepted lists the messages that the intake has taken, in order.
func (in *intake) accepted() (messages []string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, r := range in.requests {
		for _, entry := range r.body {
			if r.status == http.StatusAccepted {
				messages = append(messages, fmt.Sprint(entry["message"]))
			}
		}
	}
	return messages
}

// await waits until the intake has what the test wants of it.
func (in *intake) await(t *testing.T, what string, has func() bool) {
	t.Helper()
	for !has() {
		select {
		case <-in.arrived:
		case <-time.After(30 * time.Second):
			t.Fatalf("the intake never gets %s", what)
		}
	}
}

// awaitLogs waits for n accepted logs.
func (in *intake) awaitLogs(t *testing.T, n int) {
	t.Helper()
	in.await(t, fmt.Sprint(n, " logs"), func() bool { return len(in.accepted()) >= n })
}

// logs lists the entries of accepted requests.
func (in *intake) logs() (all []map[string]any) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, r := range in.requests {
		if r.status == http.StatusAccepted {
			all = append(all, r.body...)
		}
	}
	return all
}

func accept(int, string) int { return http.StatusAccepted }

// unless is accept but for the time that down is set.
func unless(down *bool) func(int, string) int {
	return func(int, string) int {
		if *down {
			return http.StatusServiceUnavailable
		}
		return http.StatusAccepted
	}
}

// bench is a pipeline with its surroundings.
type bench struct {
	*pipeline.Pipeline
	clock    *testkit.Clock
	exporter *exporter.Exporter
	log      *testkit.Buffer
	t        *testing.T
	cfg      pipeline.Config
	deps     pipeline.Deps
}

// start opens a pipeline that serves nothing; change edits its configuration.
func start(t *testing.T, in *intake, change func(*pipeline.Config)) *bench {
	t.Helper()
	return startAt(t, newClock(), in, change)
}

func startAt(t *testing.T, c *testkit.Clock, in *intake, change func(*pipeline.Config)) *bench {
	t.Helper()
	return startWith(t, c, c, in, change)
}

// startWith gives the pipeline another clock than the one that the test sets.
func startWith(t *testing.T, c *testkit.Clock, theirs timefix.Clock, in *intake, change func(*pipeline.Config)) *bench {
	t.Helper()
	b := &bench{clock: c, log: new(testkit.Buffer), t: t}
	log := slog.New(slog.NewTextHandler(b.log, nil))
	b.exporter = exporter.New(log, c)
	cfg := pipeline.Config{
		Metrics: exporter.Config{Listen: "off"},
		Time:    timefix.Config{BuildDate: time.Unix(present-3600, 0)},
	}
	if in != nil {
		cfg.Datadog = &ddsink.Config{URL: in.URL, MetricsURL: in.URL, APIKey: delivery.NewSecret("k")}
	}
	if change != nil {
		change(&cfg)
	}
	b.cfg, b.deps = cfg, pipeline.Deps{Exporter: b.exporter, Clock: theirs, Log: log, Thread: engineThread, Keeper: new(pipeline.Keeper)}
	b.open()
	t.Cleanup(func() { b.stop(ample) })
	return b
}

func (b *bench) open() {
	b.t.Helper()
	var err error
	if b.Pipeline, err = pipeline.New(b.cfg, b.deps); err != nil {
		b.t.Fatal(err)
	}
}

// reload ends the instance and starts another one in its place, as a hot reload does.
func (b *bench) reload() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), ample)
	defer cancel()
	if err := b.HandOver(ctx); err != nil {
		b.t.Fatal(err)
	}
	b.open()
}

func (b *bench) stop(patience time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.Close(ctx); err != nil {
		b.t.Error(err)
	}
}

// pause lets the longest pause of a gate go by, so that every sink may be asked.
func (b *bench) pause() { b.clock.Advance(2 * time.Minute) }

// advanceUntil lets the clock go on, a second at a time, until done is closed.
func (b *bench) advanceUntil(done <-chan struct{}) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			b.clock.Advance(time.Second)
		}
	}
}

// flush expects want on the given thread.
func (b *bench) flush(want pipeline.Result, payload []byte, thread int) {
	b.t.Helper()
	if got := b.Flush("app", payload, thread); got != want {
		b.t.Errorf("Flush = %d, want %d\n%s", got, want, b.log)
	}
}

// logChunk encodes one v2 record a message, stamped at sec.
func logChunk(t *testing.T, sec uint32, messages ...string) []byte {
	var buf bytes.Buffer
	for _, m := range messages {
		buf.Write(recordOf(t, sec, map[string]any{"log": m}))
	}
	return buf.Bytes()
}

func recordOf(t *testing.T, sec uint32, body map[string]any) []byte {
	t.Helper()
	var buf bytes.Buffer
	enc := msgpack.NewEncoder(&buf)
	enc.SetSortMapKeys(true) // the same record is the same payload, byte for byte
	buf.Write([]byte{0x92, 0x92, 0xd7, 0x00, byte(sec >> 24), byte(sec >> 16), byte(sec >> 8), byte(sec), 0, 0, 0, 0, 0x80})
	if err := enc.Encode(body); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

var listening = regexp.MustCompile(`listening on ([0-9.:]+)`)

// page is /metrics of a bench that listens.
func (b *bench) page() string {
	b.t.Helper()
	all := listening.FindAllStringSubmatch(b.log.String(), -1)
	if all == nil {
		b.t.Fatalf("no address in the log:\n%s", b.log)
	}
	resp, err := http.Get("http://" + all[len(all)-1][1] + "/metrics") // of the newest instance
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	return string(text)
}

// wantPage looks for whole lines of the page.
func (b *bench) wantPage(want ...string) {
	b.t.Helper()
	lines := strings.Split(b.page(), "\n")
	for _, line := range want {
		if !slices.Contains(lines, line) {
			b.t.Errorf("/metrics lacks %s", line)
		}
	}
}
