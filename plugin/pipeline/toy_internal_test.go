package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/vmihailenco/msgpack/v5"

	"out_edge/build/testkit"
	"out_edge/exporter"
	"out_edge/exporter/rules"
	"out_edge/exporter/statuspage"
	"out_edge/plugin/chunk"
	"out_edge/plugin/delivery"
	"out_edge/timefix"
)

// toySink is a whole sink of logs: what it does about failures, pauses, backlogs,
// counters and exit is the pipeline's.
type toySink struct {
	mu     sync.Mutex
	up     bool
	sends  []string // "probe 1", "2 jobs"
	got    []string
	closed bool
	panics string // on this message
	hang   bool   // until ctx ends
}

func (s *toySink) Name() string                          { return "toy" }
func (s *toySink) Reasons() (dropped, adjusted []string) { return []string{"broken"}, nil }
func (s *toySink) Admit(*delivery.Job)                   {}
func (s *toySink) Close(context.Context) error           { s.closed = true; return nil }

func (s *toySink) Send(ctx context.Context, jobs []*delivery.Job, probe bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sends = append(s.sends, fmt.Sprintf("%d jobs, probe %v", len(jobs), probe))
	if s.hang {
		<-ctx.Done()
		return &delivery.RetryError{Err: ctx.Err()}
	}
	if !s.up {
		return &delivery.RetryError{Err: errors.New("toy is down")}
	}
	for _, j := range jobs {
		j.Records(func(rec *chunk.Record, _ int64) bool {
			text, _ := rec.Body.Get("log").Bytes()
			switch string(text) {
			case s.panics:
				panic("toy")
			case "broken":
				j.Drop("broken", rec.Index)
			default:
				s.got = append(s.got, string(text))
				j.Deliver(rec.Index)
			}
			return !probe
		})
		if probe {
			break
		}
	}
	return nil
}

func (s *toySink) set(up bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.up = up
}

func (s *toySink) sent() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sends)
}

func (s *toySink) messages() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// bubbleClock is the clock of a synctest bubble.
type bubbleClock struct{}

func (bubbleClock) Now() timefix.Instant {
	now := time.Now().UnixNano()
	return timefix.Instant{Wall: now, Boot: now - bubbleBoot}
}

// bubbleBoot is an hour before a bubble's time begins.
const bubbleBoot = 946684800e9 - 3600e9

type toyBench struct {
	*Pipeline
	*toySink
	t   *testing.T
	log testkit.Buffer
}

// startToy starts a pipeline with the toy as its only sink: one row of sinkTable.
func startToy(t *testing.T, change func(*Config)) *toyBench {
	b := &toyBench{toySink: &toySink{up: true}, t: t}
	log := slog.New(slog.NewTextHandler(&b.log, nil))
	cfg := Config{
		Metrics: exporter.Config{Listen: exporter.ListenOff},
		Time:    timefix.Config{Floor: time.Unix(0, 0), BuildDate: time.Unix(1, 0)},
		moreSinks: []sinkRow{{"toy", func(*Config) bool { return true }, func(*Pipeline) (delivery.Sink, error) { return b.toySink, nil },
			route{logs: true, wants: func(rules.Route) bool { return true }}}},
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	b.Pipeline, err = New(cfg, Deps{Exporter: exporter.New(log, bubbleClock{}), Clock: bubbleClock{}, Log: log, Thread: 1})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *toyBench) stop(patience time.Duration) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.Pipeline.Close(ctx); err != nil || !b.toySink.closed {
		b.t.Errorf("Close: %v, the sink is closed: %v", err, b.toySink.closed)
	}
}

// counts are lines of the instance's own series.
func (b *toyBench) want(lines ...string) {
	b.t.Helper()
	families, err := b.telemetry.Gather()
	if err != nil {
		b.t.Fatal(err)
	}
	var text bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			b.t.Fatal(err)
		}
	}
	for _, line := range lines {
		if !bytes.Contains(text.Bytes(), []byte("\n"+line+"\n")) {
			b.t.Errorf("no line %s in\n%s", line, &text)
		}
	}
}

func logsOf(t *testing.T, messages ...string) []byte {
	t.Helper()
	var all []byte
	for _, m := range messages {
		all = append(all, bubbleRecord(t, map[string]any{"log": m})...)
	}
	return all
}

// bubbleRecord encodes one v2 record, stamped now.
func bubbleRecord(t *testing.T, body map[string]any) []byte {
	t.Helper()
	var buf bytes.Buffer
	sec := uint32(time.Now().Unix())
	buf.Write([]byte{0x92, 0x92, 0xd7, 0x00, byte(sec >> 24), byte(sec >> 16), byte(sec >> 8), byte(sec), 0, 0, 0, 0, 0x80})
	if err := msgpack.NewEncoder(&buf).Encode(body); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// park parks a chunk and returns where its result comes.
func (b *toyBench) park(tag string, messages ...string) chan Result {
	result := make(chan Result, 1)
	b.Park(Parked{tag, logsOf(b.t, messages...), func(r Result) { result <- r }})
	return result
}

func (b *toyBench) wantResult(what string, result chan Result, want Result) {
	b.t.Helper()
	select {
	case got := <-result:
		if got != want {
			b.t.Errorf("%s: %d, want %d", what, got, want)
		}
	default:
		b.t.Errorf("%s: no answer", what)
	}
}

// TestToySink: one file and one row make a sink with counters from the start, routes,
// drops and a place on the status page.
func TestToySink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startToy(t, nil)
		b.want(`edge_dropped_records_total{reason="broken",sink="toy"} 0`, `edge_dropped_records_total{reason="shutdown",sink="toy"} 0`,
			`edge_records_total{result="delivered",sink="toy"} 0`)
		if got := b.Flush("app", logsOf(t, "a", "broken", "b"), 2); got != OK {
			t.Fatalf("Flush = %d", got)
		}
		b.want(`edge_dropped_records_total{reason="broken",sink="toy"} 1`, `edge_records_total{result="delivered",sink="toy"} 2`)
		b.stop(time.Second)
		if got := fmt.Sprint(b.messages()); got != "[a b]" {
			t.Errorf("got %s", got)
		}
	})
}

// TestToySinkOnThePage: the status page has a line for it.
func TestToySinkOnThePage(t *testing.T) {
	b := startToy(t, func(c *Config) { c.Metrics.Listen = "127.0.0.1:0" })
	defer b.stop(time.Minute)
	resp, err := http.Get("http://" + b.metrics.Addr().String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Contains(page, []byte("toy")) {
		t.Errorf("%v, page: %s", err, page)
	}
}

// TestQueueDrainsAtExit: what waits in the queue, which nobody else has, is tried until
// the time is up; what is left is counted.
func TestQueueDrainsAtExit(t *testing.T) {
	for name, up := range map[string]bool{"delivered": true, "dropped": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := startToy(t, func(c *Config) { c.Mode = Queue })
				b.set(false)
				for i := range 3 {
					if got := b.Flush("app", logsOf(t, fmt.Sprint(i)), 2); got != OK {
						t.Errorf("Flush = %d", got)
					}
				}
				time.Sleep(5 * time.Second)
				if up {
					time.AfterFunc(5*time.Second, func() { b.set(true) })
				}
				began := time.Now()
				b.stop(15 * time.Second)
				want, took := 3, 10*time.Second
				if !up {
					want, took = 0, 15*time.Second
				}
				if got := len(b.messages()); got != want || time.Since(began) > took {
					t.Errorf("%d messages after %v", got, time.Since(began))
				}
				if said := strings.Contains(b.log.String(), "stopped with 3 chunks (3 logs, 0 metric samples) undelivered"); said == up {
					t.Errorf("log: %s", &b.log)
				}
			})
		})
	}
}

// TestSyncFlushGoesBackWhileTheGateIsShut: one request a pause, whatever the number of
// chunks.
func TestSyncFlushGoesBackWhileTheGateIsShut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startToy(t, nil)
		b.set(false)
		one, two := logsOf(t, "1a", "1b"), logsOf(t, "2")
		for _, payload := range [][]byte{one, two, one, two} {
			if got := b.Flush("app", payload, 2); got != Retry {
				t.Fatalf("Flush = %d", got)
			}
		}
		if got := fmt.Sprint(b.sent()); got != "[1 jobs, probe false]" {
			t.Errorf("sends: %s", got)
		}
		b.want(`edge_records_total{result="retried",sink="toy"} 2`)
		time.Sleep(time.Second)
		if got := b.Flush("app", one, 2); got != Retry {
			t.Fatalf("Flush = %d", got)
		}
		b.set(true)
		time.Sleep(2 * time.Second)
		for _, payload := range [][]byte{one, two} {
			if got := b.Flush("app", payload, 2); got != OK {
				t.Fatalf("Flush = %d", got)
			}
		}
		if got := fmt.Sprint(b.sent()[1:]); got != "[1 jobs, probe true 1 jobs, probe true 1 jobs, probe false 1 jobs, probe false]" {
			t.Errorf("sends: %s", got)
		}
		b.stop(time.Second)
		if got := fmt.Sprint(b.messages()); got != "[1a 1b 2]" {
			t.Errorf("got %s", got)
		}
		if n := strings.Count(b.log.String(), "retry_limit no_limits"); n != 1 {
			t.Errorf("what retry_limit does is said %d times", n)
		}
	})
}

// TestParkHoldsThroughAnOutage: parked chunks are answered once, when they are
// delivered; chunks of all tags go together, and a sink that is down is asked seldom.
func TestParkHoldsThroughAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startToy(t, nil)
		b.set(false)
		var results []chan Result
		for i := range 600 { // ten minutes, one a second
			results = append(results, b.park(fmt.Sprint("tag", i%7), fmt.Sprint(i)))
			time.Sleep(time.Second)
		}
		if n := len(b.sent()); n < 10 || n > 25 {
			t.Errorf("%d requests in ten minutes", n)
		}
		b.set(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		for i, r := range results {
			b.wantResult(fmt.Sprint("chunk ", i), r, OK)
		}
		if n := len(b.messages()); n != 600 {
			t.Errorf("%d messages", n)
		}
		b.want(`edge_records_total{result="delivered",sink="toy"} 600`)
		b.stop(time.Second)
	})
}

// TestParkedChunksGoTogether: what is parked in one call is one Send.
func TestParkedChunksGoTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startToy(t, nil)
		var results []chan Result
		var together []Parked
		for i := range 6 {
			result := make(chan Result, 1)
			results = append(results, result)
			together = append(together, Parked{fmt.Sprint("tag", i), logsOf(t, fmt.Sprint(i)), func(r Result) { result <- r }})
		}
		b.Park(together...)
		time.Sleep(time.Second)
		for i, r := range results {
			b.wantResult(fmt.Sprint("chunk ", i), r, OK)
		}
		if got := fmt.Sprint(b.sent()); got != "[6 jobs, probe false]" {
			t.Errorf("sends: %s", got)
		}
		b.stop(time.Second)
	})
}

// TestParkBeyondTheBounds: what cannot be held goes back, which is said once, and comes
// again when there is room.
func TestParkBeyondTheBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startToy(t, nil)
		b.set(false)
		held := make([]chan Result, maxHeldChunks)
		for i := range held {
			held[i] = b.park("app", fmt.Sprint("held", i))
		}
		time.Sleep(time.Second)
		over := []chan Result{b.park("app", "over1"), b.park("app", "over2")}
		time.Sleep(time.Second) // a probe may be about to begin, and then they wait for its end
		for _, r := range over {
			b.wantResult("beyond", r, Retry)
		}
		if n := strings.Count(b.log.String(), "no more chunks are held here"); n != 1 {
			t.Errorf("said %d times", n)
		}
		b.set(true)
		time.Sleep(time.Minute)
		again := b.park("app", "over1")
		time.Sleep(time.Second)
		b.wantResult("again", again, OK)
		for i, r := range held {
			b.wantResult(fmt.Sprint("held ", i), r, OK)
		}
		b.stop(time.Second)
	})
}

// TestCloseGivesParkedChunksBack: at exit there is one last try, and what is not
// delivered goes back, at once.
func TestCloseGivesParkedChunksBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startToy(t, nil)
		b.set(false)
		first := b.park("app", "first")
		time.Sleep(10 * time.Second)
		before := len(b.sent())
		begin := time.Now()
		b.stop(15 * time.Second)
		b.wantResult("first", first, Retry)
		if took, n := time.Since(begin), len(b.sent())-before; n != 1 || took > time.Second {
			t.Errorf("%d tries at exit, which took %v", n, took)
		}
		b.wantResult("after", b.park("app", "late"), Retry)
		if got := b.Flush("app", logsOf(t, "late"), 2); got != Retry {
			t.Errorf("Flush = %d", got)
		}
	})
}

// TestPanicCostsItsChunkAlone: of several chunks in one Send, the one that makes the
// sink panic is found and dropped.
func TestPanicCostsItsChunkAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startToy(t, nil)
		b.panics = "bomb"
		results := []chan Result{b.park("a", "one"), b.park("b", "bomb", "beside"), b.park("c", "three")}
		time.Sleep(time.Second)
		for i, r := range results {
			b.wantResult(fmt.Sprint("chunk ", i), r, OK)
		}
		b.want(`edge_dropped_records_total{reason="panic",sink="toy"} 2`)
		b.stop(time.Second)
		if got := fmt.Sprint(b.messages()); got != "[one three]" {
			t.Errorf("got %s", got)
		}
	})
}

// TestParkWaitsForTheClock: while the wall clock is not set nothing leaves, and a parked
// chunk waits.
func TestParkWaitsForTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startToy(t, func(c *Config) { c.Time.BuildDate = time.Now().Add(time.Minute) })
		early := b.park("app", "early")
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if len(b.sent()) != 0 || len(early) != 0 {
			t.Errorf("%d sends, %d answers before the clock is set", len(b.sent()), len(early))
		}
		time.Sleep(3 * time.Second)
		b.wantResult("early", early, OK)
		b.stop(time.Second)
	})
}

// TestStatusOfWhatWaits: the page hears of chunks that wait for a reason, held here or
// given back.
func TestStatusOfWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startToy(t, nil)
		if s := b.status(); s.Backlog[1].Chunks != 0 || s.Backlog[1].Stalled || s.Returned.Stalled {
			t.Errorf("with nothing there: %+v", s)
		}
		began := int64(bubbleClock{}.Now().Elapsed())
		b.set(false)
		held := b.park("app", "1")
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if got := b.Flush("app", logsOf(t, "2"), 2); got != Retry {
			t.Errorf("Flush = %d", got)
		}
		s := b.status()
		next := s.Backlog[1].Next
		s.Backlog[1].Next, s.Returned.Next = "", ""
		if want := (statuspage.Backlog{Sink: "toy", Chunks: 1, Bytes: int64(len(logsOf(t, "1"))), Since: began, Stalled: true}); s.Backlog[1] != want || next != "one small request asks again in 1 s" {
			t.Errorf("held: %+v, %q; want %+v", s.Backlog[1], next, want)
		}
		if want := (statuspage.Backlog{Chunks: 1, Bytes: int64(len(logsOf(t, "2"))), Since: began + 100e6, Stalled: true}); s.Returned != want {
			t.Errorf("given back: %+v, want %+v", s.Returned, want)
		}
		b.set(true)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		b.wantResult("held", held, OK)
		if s := b.status(); s.Backlog[1].Chunks != 0 {
			t.Errorf("after the outage: %+v", s.Backlog)
		}
		b.stop(time.Second)
	})
}
