package exporter_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"out_edge/exporter"
	"out_edge/plugin/metric"
)

// distribution makes a sample of a histogram or summary at start.
func distribution(kind metric.Kind, name string) metric.Sample {
	d := &metric.Distribution{Count: 2, Sum: 3, Bounds: []float64{1}, Counts: []uint64{1}}
	if kind == metric.Summary {
		d.Counts, d.Values = nil, []float64{1}
	}
	return metric.Sample{Series: intern(metric.Series{Name: name, Help: "Help.", Kind: kind}), UnixNano: start.UnixNano(), Dist: d}
}

// The first sample is taken whatever its time.
func TestFirstSampleIsShown(t *testing.T) {
	for name, at := range map[string]int64{"before 1970": -65536e9, "1970": 0, "now": start.UnixNano()} {
		t.Run(name, func(t *testing.T) {
			m := open(t, quietExporter(newClock()), loopback())
			samples := []metric.Sample{sample(metric.Gauge, "g", 5), sample(metric.Counter, "c_total", 6),
				distribution(metric.Histogram, "hist"), distribution(metric.Summary, "summ")}
			for i := range samples {
				samples[i].UnixNano = at
			}
			apply(m, samples)
			wantLines(t, scrape(t, m, "g ", "c_total ", "hist_count", "summ_count"), "c_total 6", "g 5", "hist_count 2", "summ_count 2")
		})
	}
}

// A total that stands at 1970 is one that the next has grown from.
func TestDeltaFrom1970(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	for _, c := range []struct {
		at   int64
		v    float64
		want string
	}{{0, 5, "c_total 5"}, {1, 7, "c_total 7 +2"}} {
		s := []metric.Sample{sample(metric.Counter, "c_total", c.v)}
		s[0].UnixNano = c.at
		wantLines(t, lines(apply(m, s)), c.want)
	}
}

// A series that contradicts itself is left out, and said once.
func TestPanicOfOneSeriesLeavesThePage(t *testing.T) {
	log, book := newLog()
	m := open(t, exporter.New(log, newClock()), loopback())
	broken := distribution(metric.Histogram, "hist")
	apply(m, []metric.Sample{broken, sample(metric.Gauge, "g", 5)})
	broken.Dist.Counts = nil // as no owner of a sample may
	for range 2 {
		wantLines(t, scrape(t, m, "hist_", "g "), "g 5")
	}
	wantErrors(t, book, "ERROR panic while a series is written, which is left out of /metrics: please report this; it is said once")
}

func TestPanicOfAHandlerIsAnError(t *testing.T) {
	log, book := newLog()
	cfg := loopback()
	cfg.Status = func() exporter.Status { panic("no reason") }
	m := open(t, exporter.New(log, newClock()), cfg)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	if resp, err := client.Get("http://" + m.Addr().String() + "/readyz"); err == nil {
		resp.Body.Close()
		t.Errorf("answered %s", resp.Status)
	}
	wantErrors(t, book, "ERROR panic while GET /readyz is answered: please report this")
}

// wantErrors compares what was logged as an error.
func wantErrors(t *testing.T, book *logBook, want ...string) {
	t.Helper()
	wantLines(t, slices.DeleteFunc(book.all(), func(l string) bool { return !strings.HasPrefix(l, "ERROR") }), want...)
}
