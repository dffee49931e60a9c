package exporter

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"out_edge/build/testkit"
	"out_edge/exporter/registry"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// accepts are what scrapers ask for.
var accepts = []string{
	"", "*/*", "text/plain", "text/plain;version=0.0.4", "text/html,*/*;q=0.8", "application/json", "nonsense",
	"application/openmetrics-text", "application/openmetrics-text;version=1.0.0", "application/openmetrics-text;version=0.0.1",
	"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
	"text/plain;version=0.0.4;escaping=values", "text/plain;version=0.0.4;escaping=dots", "text/plain;escaping=underscores",
	"application/openmetrics-text;version=1.0.0;escaping=dots",
	"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.1,text/plain;version=0.0.4;q=0.5",
}

// world is a page with random instances and series.
type world struct {
	r         *rand.Rand
	clock     *testkit.Clock
	exporter  *Exporter
	instances []*Instance
	scraper   *scraper
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{r: rand.New(rand.NewPCG(seed, 0)), clock: testkit.NewClock(testkit.Start)}
	w.exporter = New(slog.New(slog.DiscardHandler), w.clock)
	w.open(t, "edge")
	w.scraper = newScraper(w.instances[0].endpoint)
	return w
}

// open opens an instance that shares the page with the others.
func (w *world) open(t *testing.T, prefix string) {
	cfg := Config{Listen: "127.0.0.1:0", Prefix: prefix, Version: "v1", SeriesTTL: time.Minute, SeriesLimit: 1000, Output: fmt.Sprint("out.", len(w.instances))}
	if w.r.IntN(2) == 0 {
		cfg.Labels = []metric.Label{{Name: "site", Value: "barn \"7\"\n"}, {Name: "rule", Value: "mine"}}[:1+w.r.IntN(2)]
	}
	cfg.Sinks = []string{delivery.SinkDatadog, delivery.SinkDatadogMetrics, delivery.SinkRemoteWrite}[:w.r.IntN(4)]
	m, err := w.exporter.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.instances = append(w.instances, m)
	t.Cleanup(func() { _ = m.Close(context.WithoutCancel(t.Context())) })
}

func (w *world) pick(of ...string) string { return of[w.r.IntN(len(of))] }

func (w *world) number() float64 {
	switch w.r.IntN(5) {
	case 0:
		return []float64{0, 1, -1, math.Inf(1), math.Inf(-1), math.NaN(), 1e6, 1e-9}[w.r.IntN(8)]
	case 1:
		return float64(w.r.Int64N(1 << (1 + w.r.IntN(62))))
	default:
		return math.Round(w.r.NormFloat64()*1e4) / 100
	}
}

// sample is of a family whose label names are always in one order, as two series with
// the same values of other labels have no order in client_golang.
func (w *world) sample() metric.Sample {
	kind := metric.Kind(w.r.IntN(5))
	name := fmt.Sprintf("%s_%s", w.pick("a", "edge", "m", "z"), kind) + w.pick("", "_total", "_bytes")
	if w.r.IntN(6) == 0 { // a name of the plugin's own
		name, kind = "edge_records_total", metric.Counter
	}
	id := metric.Series{Name: name, Kind: kind, Help: w.pick("", "What it is.", "a \\ b\n\"c\"")}
	for _, label := range []string{"device", "instance", "zone"}[:w.r.IntN(4)] {
		id.Labels = append(id.Labels, metric.Label{Name: label, Value: w.pick("a", "b", "c\n", `d"`, "é", fmt.Sprint(w.r.IntN(50)))})
	}
	s := metric.Sample{Series: w.exporter.Series().Intern(id), UnixNano: w.clock.Now().Wall, Value: w.number()}
	if kind.IsDistribution() {
		s.Dist = w.distribution(kind)
	}
	if w.r.IntN(3) == 0 {
		s.Exemplars = &metric.Exemplars{{Labels: []metric.Label{{Name: "trace_id", Value: "7"}, {Name: "odd.name", Value: "\n"}}, Value: w.number(), UnixNano: w.r.Int64N(3) * 1e17}}
	}
	if w.r.IntN(20) == 0 {
		s.Value = math.Float64frombits(metric.StaleNaN)
	}
	return s
}

func (w *world) distribution(kind metric.Kind) *metric.Distribution {
	d := &metric.Distribution{Count: w.r.Uint64N(1e8) + 10, Sum: w.number(), NoSum: w.r.IntN(4) == 0}
	for _, b := range []float64{-5, 0.1, 1, 10, math.Inf(1)}[w.r.IntN(3) : 2+w.r.IntN(4)] {
		d.Bounds = append(d.Bounds, b)
		if kind == metric.Summary {
			d.Values = append(d.Values, w.number())
		} else {
			d.Counts = append(d.Counts, uint64(len(d.Bounds)))
		}
	}
	return d
}

// step changes something.
func (w *world) step(t *testing.T) {
	m := w.instances[w.r.IntN(len(w.instances))]
	switch w.r.IntN(8) {
	case 0:
		w.clock.Advance(time.Duration(w.r.IntN(40)) * time.Second)
	case 1:
		m.Telemetry().Dropped(w.pick(delivery.SinkPrometheus, delivery.SinkDatadog), w.pick("rejected", "new \"reason\""), w.r.IntN(1e7))
	case 2:
		m.Telemetry().FlushDuration(time.Duration(w.r.Int64N(1e11)))
		m.Telemetry().Skew(time.Duration(w.r.Int64N(1e10)))
	case 3:
		m.Telemetry().Delivered(w.pick(delivery.SinkDatadog, delivery.SinkRemoteWrite), w.r.IntN(100))
		m.Telemetry().Refused(w.pick("rule_a", "rule\\b"), registry.OverLimit.String(), 1)
	case 4:
		if len(w.instances) < 3 && w.r.IntN(3) == 0 {
			w.open(t, w.pick("edge", "other"))
		}
	default:
		samples := make([]metric.Sample, w.r.IntN(40))
		for i := range samples {
			samples[i] = w.sample()
		}
		m.Apply(Batch{Samples: samples, Tag: w.pick("a", "b"), At: timefix.Instant{}})
	}
}

// answer is the whole answer of one of both ways.
func answer(h http.Handler, r *http.Request) string {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return fmt.Sprint(rec.Code, rec.Header()) + "\n" + rec.Body.String()
}

func (w *world) compare(t *testing.T) {
	t.Helper()
	for _, accept := range accepts {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
		r.Header.Set("Accept", accept)
		got, want := answer(w.scraper, r), answer(w.scraper.others, r)
		if got != want {
			t.Fatalf("%s:\n%s", accept, firstDifference(got, want))
		}
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d: got\n%s\nwant\n%s", i, strings.Join(g[max(i-3, 0):min(i+3, len(g))], "\n"), strings.Join(w[max(i-3, 0):min(i+3, len(w))], "\n"))
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

// Whatever has happened, a scrape gets the bytes that client_golang would send.
func TestScrapeIsThatOfClientGolang(t *testing.T) {
	const worlds, rounds = 6, 8
	regular := 0
	for seed := range uint64(worlds) {
		w := newWorld(t, seed)
		for range rounds {
			for range 1 + w.r.IntN(4) {
				w.step(t)
			}
			w.compare(t)
			if w.instances[0].endpoint.page.IsRegular() {
				regular++
			}
		}
	}
	if regular < worlds*rounds/2 {
		t.Errorf("only %d pages were not made by client_golang", regular)
	}
}
