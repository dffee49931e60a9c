package exporter_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"out_edge/build/testkit"
	"out_edge/exporter"
	"out_edge/plugin/chunk"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// start is the instant that test clocks begin at.
var start = testkit.Start

func newClock() *testkit.Clock { return testkit.NewClock(start) }

// logBook keeps log lines as "level message", and tells of each.
type logBook struct {
	mu    sync.Mutex
	lines []string
	added chan struct{}
}

func newLog() (*slog.Logger, *logBook) {
	b := &logBook{added: make(chan struct{}, 1000)}
	return slog.New(b), b
}

func (b *logBook) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }
func (b *logBook) WithAttrs([]slog.Attr) slog.Handler           { return b }
func (b *logBook) WithGroup(string) slog.Handler                { return b }
func (b *logBook) Handle(_ context.Context, r slog.Record) error {
	b.mu.Lock()
	b.lines = append(b.lines, r.Level.String()+" "+r.Message)
	b.mu.Unlock()
	b.added <- struct{}{}
	return nil
}

func (b *logBook) all() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.lines)
}

// await waits until a line holds text.
func (b *logBook) await(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		if slices.ContainsFunc(b.all(), func(l string) bool { return strings.Contains(l, text) }) {
			return
		}
		select {
		case <-b.added:
		case <-deadline:
			t.Fatalf("no log line with %q in %q", text, b.all())
		}
	}
}

// loopback is a Config for a free port on the loopback.
func loopback() exporter.Config {
	return exporter.Config{Listen: "127.0.0.1:0", Version: "v1.2.3",
		SeriesTTL: exporter.DefaultSeriesTTL, SeriesLimit: exporter.DefaultSeriesLimit}
}

func quietExporter(clock timefix.Clock) *exporter.Exporter {
	log, _ := newLog()
	return exporter.New(log, clock)
}

// open opens and, at the end of the test, closes.
func open(t testing.TB, h *exporter.Exporter, cfg exporter.Config) *exporter.Instance {
	t.Helper()
	m, err := h.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeNow(t, m) })
	return m
}

func closeNow(t testing.TB, m *exporter.Instance) {
	t.Helper()
	if err := m.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// fetch gets a path of a page, without keeping the connection.
func fetch(t testing.TB, m *exporter.Instance, path string, header ...string) (*http.Response, string) {
	t.Helper()
	if m.Addr() == nil {
		t.Fatal("nothing is served")
	}
	return fetchURL(t, &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}},
		"http://"+m.Addr().String()+path, header...)
}

func fetchURL(t testing.TB, c *http.Client, url string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// scrape gives the lines of /metrics that contain one of parts, comments apart.
func scrape(t testing.TB, m *exporter.Instance, parts ...string) []string {
	t.Helper()
	resp, body := fetch(t, m, "/metrics")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("/metrics: %s: %s", resp.Status, body)
	}
	var lines []string
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		if !strings.HasPrefix(line, "#") && slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(line, p) }) {
			lines = append(lines, line)
		}
	}
	return lines
}

func wantLines(t testing.TB, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// payload makes one log event with the pairs of keys and values.
func payload(t testing.TB, pairs ...any) []byte {
	t.Helper()
	var b strings.Builder
	e := msgpack.NewEncoder(&b)
	e.UseCompactInts(true)
	b.WriteString("\x92\x92\xd7\x00\x6b\x01\x2b\x00\x00\x00\x00\x00\x80") // a v2 header
	if err := e.EncodeMapLen(len(pairs) / 2); err != nil {
		t.Fatal(err)
	}
	for _, v := range pairs {
		if err := e.Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	return []byte(b.String())
}

// observe gives all records of a payload to m, at one instant.
func observe(m *exporter.Instance, p []byte, at time.Time) (samples []metric.Sample, taken int) {
	var d chunk.Decoder
	for d.Reset(p); d.Next(); {
		made, ok := m.Observe(nil, "some.tag", d.Record(), at.UnixNano())
		if ok {
			taken++
		}
		samples = append(samples, m.Apply(exporter.Batch{Samples: made, Tag: "some.tag", Origin: exporter.FromHost})...)
	}
	return samples, taken
}

// interner makes the series of all tests.
var interner metric.Interner

func intern(id metric.Series) *metric.Series { return interner.Intern(id) }

// apply gives samples of a metrics event to m.
func apply(m *exporter.Instance, samples []metric.Sample) []metric.Sample {
	return m.Apply(exporter.Batch{Samples: samples, Tag: "event"})
}

// applyRules gives samples of config_file's rules to m.
func applyRules(m *exporter.Instance, samples []metric.Sample) []metric.Sample {
	return m.Apply(exporter.Batch{Samples: samples, Origin: exporter.FromRule})
}
