package e2e_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/intake"
)

// A device without a battery-backed clock starts in 1970, or at its image's date.
// What it logs then must wait: nothing may leave under a time that is wrong.
func TestNothingLeavesUnderAWrongClock(t *testing.T) {
	for _, threads := range []int{0, 1} {
		t.Run(map[int]string{0: "engine", 1: "worker"}[threads], func(t *testing.T) {
			in := startIntake(t, intake.Config{})
			r := harness.Run{V5: true, Without: noParking, Threads: threads, RetryLimit: "no_limits", RetryBase: 20 * time.Millisecond, RetryCap: 50 * time.Millisecond,
				Live: []string{"mem"}, Interval: 50 * time.Millisecond, Generate: generated(300), NoGrace: true,
				Outputs: []harness.Output{serving(toIntake(in, "clock_start", "1970-01-01T00:00:20Z", "flush_timeout", "1s"))}}
			tried := when(&r, func(res harness.Result) bool { return res.Outputs[0].Flushes > 30 })
			l := start(t, r)
			addr := l.address()
			l.await(tried)
			status, reasons := ask(t, "http://"+addr+"/readyz")
			if status != http.StatusServiceUnavailable || !strings.Contains(reasons, "clock") || !strings.Contains(reasons, "1970-01-01") {
				t.Errorf("/readyz: %d %s", status, reasons)
			}
			if status, _ := ask(t, "http://"+addr+"/healthz"); status != http.StatusOK {
				t.Errorf("/healthz: %d", status)
			}
			page := get(t, "http://"+addr+"/metrics")
			if v := sample(t, page, `edge_memory_bytes{state="total"}`); v <= 0 {
				t.Errorf("edge_memory_bytes is %v: /metrics does not go on\n%s", v, page)
			}
			wantSamples(t, page, map[string]float64{delivered("datadog"): 0, delivered("datadog_metrics"): 0})
			res := l.stop()
			o := res.Outputs[0]
			if threads > 0 && (o.OK != 0 || o.Retry == 0) || o.Error != 0 {
				t.Errorf("%+v\n%s", o, res.Stderr)
			}
			if n := len(in.Requests()); n != 0 {
				t.Errorf("%d requests were made", n)
			}
			if n := strings.Count(res.Stderr, "clock is not believable"); n != 1 {
				t.Errorf("it was said %d times:\n%s", n, res.Stderr)
			}
		})
	}
}

// A clock that shows less than the library's own commit is not set, however
// believable the date looks.
func TestAClockBeforeTheBuildIsNotBelieved(t *testing.T) {
	t.Parallel()
	future, err := kit.Library(t.Context(), "./plugin", "-ldflags=-s -w -X main.commitTime=4102444800") // 2100
	if err != nil {
		t.Fatal(err)
	}
	in := startIntake(t, intake.Config{})
	r := harness.Run{Library: future, V5: true, Without: noParking, Threads: 1, RetryLimit: "no_limits", RetryBase: 20 * time.Millisecond, RetryCap: 50 * time.Millisecond,
		Generate: generated(10), NoGrace: true, Outputs: []harness.Output{serving(toIntake(in))}}
	tried := when(&r, func(res harness.Result) bool { return res.Outputs[0].Retry > 3 })
	l := start(t, r)
	l.await(tried)
	if status, reasons := ask(t, "http://"+l.address()+"/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(reasons, "is before this build") {
		t.Errorf("/readyz: %d %s", status, reasons)
	}
	if res := l.stop(); res.Outputs[0].OK != 0 || len(in.Requests()) != 0 {
		t.Errorf("%d chunks delivered, %d requests", res.Outputs[0].OK, len(in.Requests()))
	}
}

func TestARightClockIsReady(t *testing.T) {
	in := startIntake(t, intake.Config{})
	l := start(t, harness.Run{V5: true, Threads: 1, Generate: generated(100), Outputs: []harness.Output{serving(toIntake(in))}})
	addr := l.address()
	l.arrives(in, in.WaitIDs(soon(t), 100))
	if status, body := ask(t, "http://"+addr+"/readyz"); status != http.StatusOK {
		t.Errorf("/readyz: %d %s", status, body)
	}
	l.stop()
}
