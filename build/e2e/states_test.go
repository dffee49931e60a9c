package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"out_edge/build/testkit"
	"out_edge/ddsink"
	"out_edge/exporter"
	"out_edge/exporter/remotewrite"
	"out_edge/exporter/statuspage"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/plugin/pipeline"
	"out_edge/timefix"
)

// pageStage is outputs of one process with a clock that only the test moves, and a receiver
// that can be told to refuse.
type pageStage struct {
	t        *testing.T
	clock    *testkit.Clock
	exporter *exporter.Exporter
	receiver *httptest.Server
	refuses  atomic.Int32 // an HTTP status; 0 is none
	refused  chan string  // the path of each refusal
	outputs  []*pipeline.Pipeline
}

func newPageStage(t *testing.T) *pageStage {
	s := &pageStage{t: t, clock: testkit.NewClock(testkit.Start), refused: make(chan string, 10000)}
	s.exporter = exporter.New(slog.New(slog.DiscardHandler), s.clock)
	s.receiver = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", s.clock.Now().Time().Format(http.TimeFormat))
		if code := s.refuses.Load(); code != 0 {
			w.WriteHeader(int(code))
			s.refused <- r.URL.Path
			return
		}
		if r.URL.Path == writePath {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(s.receiver.Close)
	return s
}

// untilRefused goes on until each receiver has refused twice: then the first refusal has
// been noted.
func (s *pageStage) untilRefused(also func(step int)) {
	s.t.Helper()
	seen := map[string]int{}
	for i := range 600 {
		s.step(i, also)
		select {
		case path := <-s.refused:
			if seen[path]++; len(seen) == 3 && min(seen[logsPath], seen[seriesPath], seen[writePath]) >= 2 {
				return
			}
		case <-time.After(100 * time.Millisecond): // all of them rest
		}
	}
	s.t.Fatalf("the receivers were asked %v", seen)
}

// The paths of the three receivers.
const logsPath, seriesPath, writePath = "/api/v2/logs", "/api/v2/series", "/api/v1/write"

// output adds one output with all sinks.
func (s *pageStage) output(change func(*pipeline.Config)) {
	s.t.Helper()
	cfg := pipeline.Config{QueueBytes: 64 << 20, Time: timefix.Config{BuildDate: testkit.Start.Add(-time.Hour)},
		Metrics: exporter.Config{Listen: "127.0.0.1:0", Version: "v1.8.0", Device: "edge-7", SeriesTTL: time.Hour, SeriesLimit: 20000,
			Settings: []statuspage.Setting{{Key: "listen", Value: "0.0.0.0:2021", Default: true}, {Key: "apikey", Value: "0123456789abcdef", Secret: true}, {Key: "site", Value: "datadoghq.eu"}}},
		Datadog:     &ddsink.Config{URL: s.receiver.URL, MetricsURL: s.receiver.URL, APIKey: delivery.NewSecret(theKey)},
		RemoteWrite: &remotewrite.Config{URL: s.receiver.URL + writePath}}
	if change != nil {
		change(&cfg)
	}
	p, err := pipeline.New(cfg, pipeline.Deps{Exporter: s.exporter, Clock: s.clock, Log: slog.New(slog.DiscardHandler), Thread: engine})
	if err != nil {
		s.t.Fatal(err)
	}
	s.outputs = append(s.outputs, p)
	s.t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = p.Close(ctx) // what waits is of no interest
	})
}

func (s *pageStage) page() string { return "http://" + s.outputs[0].Page() + "/" }

// take gives a chunk of records to an output, all at the clock's time plus ahead.
func (s *pageStage) take(output int, tag string, ahead time.Duration, records ...map[string]any) {
	s.t.Helper()
	sec := uint32(s.clock.Now().Time().Add(ahead).Unix())
	s.flush(output, tag, chunkOf(s.t, sec, records...))
}

// Threads of flushes: those of a worker wait for the receivers, those of the engine do
// not.
const engine, worker = 1, 2

// flush gives a chunk to an output, and waits until the receivers have it or one has
// refused it.
func (s *pageStage) flush(output int, tag string, payload []byte) {
	s.t.Helper()
	thread := worker
	if s.refuses.Load() != 0 {
		thread = engine
	}
	if got := s.outputs[output].Flush(tag, payload, thread); got == pipeline.Error {
		s.t.Fatalf("%s: %v", tag, got)
	}
}

func chunkOf(t *testing.T, sec uint32, records ...map[string]any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := msgpack.NewEncoder(&b)
	e.SetSortMapKeys(true)
	for _, r := range records {
		b.Write([]byte{0x92, 0x92, 0xd7, 0x00, byte(sec >> 24), byte(sec >> 16), byte(sec >> 8), byte(sec), 0x1d, 0xcd, 0x65, 0, 0x80})
		if err := e.Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// minutes lets a device work for some time, each step of 10 s.
func (s *pageStage) minutes(n int, also func(step int)) {
	s.t.Helper()
	for i := range n * 6 {
		s.step(i, also)
	}
}

func (s *pageStage) step(i int, also func(step int)) {
	s.t.Helper()
	for o := range s.outputs {
		s.host(o, i)
	}
	if also != nil {
		also(i)
	}
	s.clock.Advance(10 * time.Second)
}

// host gives the records of host inputs.
func (s *pageStage) host(output, i int) {
	wave := float64((i*7)%23) - 11
	s.take(output, "cpu", 0, map[string]any{"cpu_p": 22 + wave, "user_p": 15 + wave/2, "system_p": 7.0, "cpu0.p_cpu": 20 + wave, "cpu1.p_cpu": 24 + wave})
	s.take(output, "mem", 0, map[string]any{"Mem.total": 1 << 20, "Mem.used": 1<<19 + i*64, "Mem.free": 1<<19 - i*64, "Swap.total": 0, "Swap.used": 0, "Swap.free": 0})
	s.take(output, "thermal", 0, map[string]any{"name": "thermal_zone0", "type": "cpu-thermal", "temp": 47 + float64(i%9)/3})
	s.take(output, "net", 0, map[string]any{"wwan0.rx.bytes": 18000 + 900*(i%11), "wwan0.tx.bytes": 5200 + 700*(i%5), "eth0.rx.bytes": 120000 + 4000*(i%17), "eth0.tx.bytes": 8000})
}

// lines are records of an application.
func lines(n, i int) (all []map[string]any) {
	for k := range n {
		all = append(all, map[string]any{"log": fmt.Sprintf("GET /api/v1/items/%d took %d ms", i*7+k, (i*13+k*5)%97), "level": "info", "status": 200 + k%2})
	}
	return all
}

const evil = `<img src=x onerror=alert(1)>"'&amp;` + "\u202egnp.\u202c\x00\x1b[31m" + `</bdi></li><script>alert(2)</script>`

// states are what the page is looked at in.
var states = []struct {
	name  string
	build func(*pageStage)
	want  string // the verdict
	has   []string
}{
	{"fresh", func(s *pageStage) { s.output(nil) }, "… Waiting for data", []string{"nothing yet", "No log record has come yet."}},
	{"well", func(s *pageStage) {
		s.output(nil)
		s.minutes(20, func(i int) {
			s.take(0, "app", 0, lines(3+i%4, i)...)
			s.take(0, "nginx", 0, map[string]any{"method": "GET", "path": "/login", "code": 200, "took": 0.0123, "user": map[string]any{"name": "op", "password": "hunter2"}})
		})
	}, "✓ Well", []string{"GET /api/v1/items/", "password=••••••", "a month at this rate"}},
	{"sink-down", func(s *pageStage) {
		s.output(nil)
		s.minutes(15, func(i int) { s.take(0, "app", 0, lines(3, i)...) })
		s.refuses.Store(http.StatusServiceUnavailable)
		s.untilRefused(func(i int) { s.take(0, "app", 0, lines(3, i)...) })
		s.minutes(3, func(i int) { s.take(0, "app", 0, lines(3, i)...) })
	}, "✕ Not well", []string{"has failed for", "waiting"}},
	{"clock-wrong", func(s *pageStage) {
		s.output(nil)
		s.minutes(4, func(i int) {
			wrapped := uint32(s.clock.Now().Time().UnixMilli()) // the low 32 bits of milliseconds
			s.flush(0, "app", chunkOf(s.t, wrapped, lines(2, i)...))
			s.take(0, "old", -57*365*24*time.Hour, map[string]any{"log": "stamped before NTP"})
		})
	}, "✓ Well", []string{"wrapped ms", "years"}},
	{"200-tags", func(s *pageStage) {
		s.output(nil)
		s.minutes(2, func(i int) {
			for k := range 200 {
				s.take(0, fmt.Sprintf("kube.var.log.containers.shop-frontend-%03d", k), 0, lines(1+k%3, i)...)
			}
		})
	}, "✓ Well", []string{"more tags", "kube.var.l…rs.shop-frontend-"}},
	{"10000-series", func(s *pageStage) {
		s.output(func(c *pipeline.Config) { c.Datadog, c.RemoteWrite = nil, nil })
		for i := range 3 {
			for k := range 100 {
				var all []map[string]any
				for n := range 100 {
					all = append(all, map[string]any{"name": fmt.Sprintf("thermal_zone%d", k*100+n), "type": "t", "temp": 40 + float64(i)})
				}
				s.take(0, "thermal", 0, all...)
			}
			s.clock.Advance(10 * time.Second)
		}
	}, "✓ Well", []string{"10,000", "series"}},
	{"two-outputs", func(s *pageStage) {
		s.output(func(c *pipeline.Config) { c.Metrics.Output = "lte"; c.Metrics.Listen = "127.0.0.1:" + freePort(s.t) })
		s.output(func(c *pipeline.Config) {
			c.Metrics.Output, c.Datadog, c.Metrics.Listen = "lan", nil, s.outputs[0].Page()
			c.Metrics.Labels = []metric.Label{{Name: "site", Value: "plant-7"}}
		})
		s.minutes(15, func(i int) { s.take(0, "app", 0, lines(3, i)...) })
	}, "✓ Well", []string{"Output lte", "Output lan", "site=plant-7"}},
	{"hostile", func(s *pageStage) {
		s.output(func(c *pipeline.Config) {
			c.Metrics.Device, c.Metrics.Version = evil, evil
			c.Metrics.Settings = append(c.Metrics.Settings, statuspage.Setting{Key: evil, Value: evil})
			c.Metrics.Labels = []metric.Label{{Name: "l", Value: evil}}
		})
		s.minutes(1, func(int) {
			s.take(0, evil, 0, map[string]any{"log": evil + strings.Repeat("W", 900), evil: evil})
			s.flush(0, strings.Repeat("long-tag-without-any-space", 8), chunkOf(s.t, 3835207407, map[string]any{"x": "y"}))
			s.take(0, "thermal", 0, map[string]any{"name": "thermal_zone0", "type": evil, "temp": 1e300})
			s.take(0, "secrets", 0, map[string]any{"log": "Authorization: Bearer abcdef0123456789 http://u:hunter2@host/ password=hunter2 {\"apikey\": \"hunter2\"}", "token": "hunter2"})
		})
	}, "", []string{"long-tag-without"}},
}

// TestStatesOfThePage looks at the page in each state, as a person would: on a screen and
// on a phone, in light and dark.
func TestStatesOfThePage(t *testing.T) {
	b := startBrowser(t)
	for _, state := range states {
		t.Run(state.name, func(t *testing.T) {
			s := newPageStage(t)
			state.build(s)
			base := s.page()
			b.screen(1280, "light")
			b.visit(base)
			text := b.eval(`[...document.querySelectorAll(".state, article")].map((e) => e.innerText).join("\n")`)
			if got := b.eval(`document.querySelector(".verdict").innerText`); state.want != "" && got != state.want {
				t.Errorf("the page says %q: %s", got, b.eval(`document.querySelector(".state").innerText`))
			}
			for _, want := range state.has {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
			if strings.Contains(b.eval(`document.documentElement.outerHTML`), "hunter2") {
				t.Error("a secret is on the page")
			}
			if got := b.eval(`document.querySelectorAll("main img, main script, main bdi *, main b b").length`); got != "0" {
				t.Error("a text became an element")
			}
			for _, width := range []int{1280, 390} {
				for _, scheme := range []string{"light", "dark"} {
					b.screen(width, scheme)
					b.fits(t)
					b.shot(fmt.Sprintf("state-%s-%d-%s", state.name, width, scheme))
				}
			}
			b.quiet(base)
			b.visit("about:blank")
			b.forget()
		})
	}
}
