package remotewrite_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/snappy"
	prom "github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"out_edge/build/testkit"
	"out_edge/exporter/remotewrite"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// wire answers requests without a network, which synctest could not follow.
type wire struct {
	t      *testing.T
	mu     sync.Mutex
	status int // 0 is 204
	hang   bool
	lines  []string // "name value" of each point, and a blank line behind a request
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	raw, err := snappy.Decode(nil, body)
	if err != nil {
		w.t.Error(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hang {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	status := w.status
	if status == 0 {
		status = http.StatusNoContent
		for _, s := range decode1(w.t, raw) {
			for _, p := range s.points {
				at := time.UnixMilli(p.ms).UTC().Format("04:05")
				w.lines = append(w.lines, at+" "+s.labels+" "+number(p.value))
			}
		}
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(nil))}, nil
}

func (w *wire) set(change func(*wire)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

// take is what has come since the last take.
func (w *wire) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := w.lines
	w.lines = nil
	return lines
}

// reporting starts a Sink that reports in a bubble.
func reporting(t *testing.T, cfg remotewrite.ReporterConfig) (*remotewrite.Sink, *wire, *counts, *book) {
	w, c, b := &wire{t: t}, newCounts(), &book{}
	s, err := remotewrite.New(
		remotewrite.Config{URL: "http://127.0.0.1:1/", Labels: []metric.Label{{Name: "host", Value: "pi"}}},
		remotewrite.Deps{Clock: testkit.BubbleClock{}, Log: b.logger(), Telemetry: c})
	if err != nil {
		t.Fatal(err)
	}
	s.SetTransport(w)
	var sending sync.Mutex
	s.OnWait(func() { // as the worker does, which is another goroutine
		go func() {
			sending.Lock()
			defer sending.Unlock()
			for range 2 { // the second is for what came meanwhile
				if s.Waits() {
					_ = s.Send(context.Background(), nil, false)
				}
			}
		}()
	})
	s.Report(cfg)
	return s, w, c, b
}

// minute lets one pass in synctest's time: nobody waits.
func minute() {
	time.Sleep(time.Minute)
	synctest.Wait()
}

func mustClose(t *testing.T, r *remotewrite.Sink) {
	t.Helper()
	for range 2 {
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

// Sleeping below moves the clock of testing/synctest; nobody waits.

// TestReporter reports each kind of series each minute, with the clock's time.
func TestReporter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prom.NewRegistry()
		counter := prom.NewCounterVec(prom.CounterOpts{Name: "c_total"}, []string{"b", "a"})
		gauge := prom.NewGaugeVec(prom.GaugeOpts{Name: "g"}, []string{"a"})
		histogram := prom.NewHistogram(prom.HistogramOpts{Name: "h", Buckets: []float64{1, 2}})
		summary := prom.NewSummary(prom.SummaryOpts{Name: "s", Objectives: map[float64]float64{0.5: 0.01}})
		untyped := prom.NewUntypedFunc(prom.UntypedOpts{Name: "u"}, func() float64 { return 9 })
		reg.MustRegister(counter, gauge, histogram, summary, untyped)
		counter.WithLabelValues("x", "y").Add(3)
		gauge.WithLabelValues("1").Set(7)
		histogram.Observe(1.5)
		summary.Observe(4)

		r, w, c, _ := reporting(t, remotewrite.ReporterConfig{Gather: reg.Gather})
		defer mustClose(t, r)
		time.Sleep(time.Minute - 1)
		synctest.Wait()
		wantLines(t, w.take())
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		wantLines(t, w.take(),
			`01:00 __name__="c_total",a="y",b="x",host="pi" 3`,
			`01:00 __name__="g",a="1",host="pi" 7`,
			`01:00 __name__="h_count",host="pi" 1`,
			`01:00 __name__="h_sum",host="pi" 1.5`,
			`01:00 __name__="h_bucket",host="pi",le="1.0" 0`,
			`01:00 __name__="h_bucket",host="pi",le="2.0" 1`,
			`01:00 __name__="h_bucket",host="pi",le="+Inf" 1`,
			`01:00 __name__="s_count",host="pi" 1`,
			`01:00 __name__="s_sum",host="pi" 4`,
			`01:00 __name__="s",host="pi",quantile="0.5" 4`,
			`01:00 __name__="u",host="pi" 9`,
		)
		for _, other := range []prom.Collector{histogram, summary, untyped} {
			reg.Unregister(other)
		}
		gauge.Reset()
		minute()
		wantLines(t, w.take(),
			`02:00 __name__="c_total",a="y",b="x",host="pi" 3`,
			`02:00 __name__="g",a="1",host="pi" stale`,
		)
		c.want(t, "delivered 6")
	})
}

// TestReporterInAnOutage: the last report covers those before it.
func TestReporterInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		value := 0.0
		reg := prom.NewRegistry()
		reg.MustRegister(prom.NewGaugeFunc(prom.GaugeOpts{Name: "g"}, func() float64 { value++; return value }))
		r, w, c, log := reporting(t, remotewrite.ReporterConfig{Gather: reg.Gather})
		w.set(func(w *wire) { w.status = 503 })
		minute()
		minute()
		w.set(func(w *wire) { w.status = 0 })
		minute()
		lines := w.take()
		wantLines(t, lines[len(lines)-1:], `03:00 __name__="g",host="pi" 3`)
		c.want(t, "delivered 3")
		if n := len(log.all()); n != 2 {
			t.Errorf("logged %s", strings.Join(log.all(), "\n"))
		}
		mustClose(t, r)
	})
}

// TestReporterSurvives what gathering does.
func TestReporterSurvives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := 1.0
		name := "g"
		good := []*dto.MetricFamily{nil, {}, {Name: &name, Metric: []*dto.Metric{nil, {}, {Gauge: &dto.Gauge{Value: &one}}}}}
		turns := []func() ([]*dto.MetricFamily, error){
			func() ([]*dto.MetricFamily, error) { panic("out of range") },
			func() ([]*dto.MetricFamily, error) { panic("out of range") },
			func() ([]*dto.MetricFamily, error) { return good, errors.New("half of it") },
			func() ([]*dto.MetricFamily, error) { return good, nil },
		}
		n := 0
		r, w, c, log := reporting(t, remotewrite.ReporterConfig{Gather: func() ([]*dto.MetricFamily, error) {
			n++
			return turns[n-1]()
		}})
		for range turns {
			minute()
		}
		wantLines(t, w.take(), `03:00 __name__="g",host="pi" 1`, `04:00 __name__="g",host="pi" 1`)
		c.want(t, "delivered 2")
		if lines := log.all(); len(lines) != 3 || !strings.Contains(lines[0], "panic") || !strings.Contains(lines[1], "half of it") ||
			!strings.Contains(lines[2], "reported again") {
			t.Errorf("logged %s", strings.Join(lines, "\n"))
		}
		mustClose(t, r)
	})
}

// TestReporterWaitsForTheClock: no series is stamped with a time that nobody
// believes.
func TestReporterWaitsForTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prom.NewRegistry()
		reg.MustRegister(prom.NewGaugeFunc(prom.GaugeOpts{Name: "g"}, func() float64 { return 1 }))
		begin := time.Now()
		r, w, _, _ := reporting(t, remotewrite.ReporterConfig{Gather: reg.Gather, Every: time.Second,
			ClockSet: func(at timefix.Instant) bool { return at.Time().Sub(begin) >= 3*time.Second }})
		time.Sleep(3 * time.Second)
		synctest.Wait()
		wantLines(t, w.take(), `00:03 __name__="g",host="pi" 1`)
		mustClose(t, r)
	})
}

// TestReporterCloses while a request is under way.
func TestReporterCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prom.NewRegistry()
		reg.MustRegister(prom.NewGaugeFunc(prom.GaugeOpts{Name: "g"}, func() float64 { return 1 }))
		r, w, _, _ := reporting(t, remotewrite.ReporterConfig{Gather: reg.Gather})
		w.set(func(w *wire) { w.hang = true })
		minute()
		before := time.Now()
		mustClose(t, r)
		if took := time.Since(before); took > 0 {
			t.Errorf("Close took %v", took)
		}
		minute() // the request's time is up
	})
}
