package e2e_test

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/intake"
)

// patience ends a test that waits for what never comes.
const patience = 3 * time.Minute

// signal is closed by the first report that meets a condition.
type signal chan struct{}

// when makes a run report, and gives the signal for a condition.
func when(r *harness.Run, condition func(harness.Result) bool) signal {
	met, before, done := make(signal), r.OnReport, false
	if r.ReportEvery == 0 {
		r.ReportEvery = 20 * time.Millisecond
	}
	r.OnReport = func(res harness.Result) {
		if before != nil {
			before(res)
		}
		if !done && condition(res) {
			done = true
			close(met)
		}
	}
	return met
}

// soon is a context that ends a wait for the intake after patience.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// arrives fails with the log when a wait for the intake has ended in vain.
func (l *live) arrives(in *intake.Server, err error) {
	l.t.Helper()
	if err == nil {
		return
	}
	for _, r := range in.Requests() {
		if r.Status != http.StatusAccepted {
			l.t.Logf("request %d to %s was answered %d: %s", r.N, r.Endpoint, r.Status, r.Reason)
			break
		}
	}
	l.t.Fatalf("%d logs and %d series have arrived: %v\n%s", in.Count(intake.Logs), in.Count(intake.Series), err, l.log.String())
}

// settled waits until the first output has settled n chunks, well or not.
func settled(r *harness.Run, n int) signal {
	return when(r, func(res harness.Result) bool {
		o := res.Outputs[0]
		return o.OK+o.Error+o.GaveUp >= n
	})
}

// runUntilSettled runs the host until it has settled n chunks, and gives /metrics
// as it is then and what the host measured.
func runUntilSettled(t *testing.T, r harness.Run, n int) (page string, res harness.Result) {
	t.Helper()
	done := settled(&r, n)
	l := start(t, r)
	addr := l.address()
	l.await(done)
	page = get(t, "http://"+addr+"/metrics")
	return page, l.stop()
}

func (l *live) await(s signal) {
	l.t.Helper()
	select {
	case <-s:
	case <-l.over(s):
		l.t.Fatalf("the host has ended:\n%s", l.log.String())
	case <-time.After(patience):
		l.t.Fatalf("the host did not come so far:\n%s", l.log.String())
	}
}

// over is closed when the host has ended without s.
func (l *live) over(s signal) <-chan struct{} {
	without := make(chan struct{})
	go func() {
		<-l.Over() // no report comes any more
		select {
		case <-s:
		default:
			close(without)
		}
	}()
	return without
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// ask fetches a page and its status.
func ask(t *testing.T, url string) (status int, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// sample is the value of one series on a page of /metrics; -1: it is not there.
func sample(t *testing.T, page, series string) float64 {
	t.Helper()
	for line := range strings.Lines(page) {
		if text, ok := strings.CutPrefix(line, series+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				t.Fatalf("%s: %v", series, err)
			}
			return v
		}
	}
	return -1
}

// wantSamples compares series of a page with values.
func wantSamples(t *testing.T, page string, want map[string]float64) {
	t.Helper()
	for series, v := range want {
		if got := sample(t, page, series); got != v {
			t.Errorf("%s is %v, want %v", series, got, v)
		}
	}
}

// delivered names the counter of what Datadog has taken of a sink's records.
func delivered(sink string) string {
	return `edge_records_total{result="delivered",sink="` + sink + `"}`
}

// dropped names the counter of what a sink has given up for a reason.
func dropped(sink, reason string) string {
	return `edge_dropped_records_total{reason="` + reason + `",sink="` + sink + `"}`
}

// serving is an output with /metrics on a free port.
func serving(o harness.Output) harness.Output {
	for i := range o.Properties {
		if o.Properties[i].Key == "listen" {
			o.Properties[i].Value = "127.0.0.1:0"
		}
	}
	return o
}

// noPanic demands that the library caught none.
func noPanic(t *testing.T, res harness.Result) {
	t.Helper()
	if i := strings.Index(res.Stderr, "panic in"); i >= 0 {
		t.Errorf("the library panicked: %.3000s", res.Stderr[i:])
	}
}
