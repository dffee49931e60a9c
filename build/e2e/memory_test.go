package e2e_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/intake"
)

const (
	queueBytes = 8 << 20
	// overQueue is what a hanging intake may cost beside the queue itself.
	overQueue = 8 << 20
	// maxFlush is how long a flush on the engine thread may take: for as long
	// Fluent Bit does nothing else.
	maxFlush = 50 * time.Millisecond
)

// hung is a run on the engine thread with more than the queue can hold, to an
// intake that takes connections and never answers.
func hung(in *intake.Server) harness.Run {
	return harness.Run{V5: true, Without: noParking, Threads: 0, RetryLimit: "no_limits", RetryBase: 20 * time.Millisecond, RetryCap: 50 * time.Millisecond,
		Generate: harness.Generate{Records: 60_000, PerChunk: 100, IDs: true, Tag: "app"}, Pending: 16, NoGrace: true, ReportEvery: 20 * time.Millisecond,
		Outputs: []harness.Output{serving(toIntake(in, "queue_bytes", strconv.Itoa(queueBytes), "flush_timeout", "1s"))}}
}

// beforeOthers is a Run.Wrap for what is measured in wall time: the host goes before what
// else runs on the machine, where the tests may ask for that.
func beforeOthers() []string {
	return []string{"sh", "-c", `renice -n -20 -p $$ >/dev/null 2>&1; exec "$@"`, "sh"}
}

// full waits until the queue has been full for some tries of delivery.
func full(r *harness.Run, in *intake.Server) signal {
	return when(r, func(res harness.Result) bool { return res.Outputs[0].Retry > 500 && len(in.Requests()) >= 2 })
}

func hang(int, *http.Request) intake.Action { return intake.Action{Hang: true} }

func TestAHangingIntakeNeverHoldsTheEngineThread(t *testing.T) {
	// The bound is in wall time, and a machine that tests share may take a
	// thread off its core for longer: one good run proves the library innocent,
	// while a flush that waits for the intake fails them all.
	const tries = 8
	for try := 1; ; try++ {
		in := startIntake(t, intake.Config{Script: hang})
		r := hung(in)
		r.Wrap = beforeOthers()
		enough := full(&r, in)
		l := start(t, r)
		l.address()
		l.await(enough)
		o := l.stop().Outputs[0]
		in.Close()
		longest := time.Duration(o.FlushUs.Max) * time.Microsecond
		t.Logf("%d flushes, the longest %v, 99 %% within %d µs", o.Flushes, longest, o.FlushUs.P99)
		if longest <= maxFlush {
			return
		}
		if try == tries {
			t.Fatalf("in each of %d runs a flush took over %v", tries, maxFlush)
		}
	}
}

func TestAHangingIntakeCostsBoundedMemory(t *testing.T) {
	in := startIntake(t, intake.Config{Script: hang})
	r := hung(in)
	peak := 0
	r.OnReport = func(res harness.Result) { peak = max(peak, res.Now.RSSAnonKB) }
	enough := full(&r, in)
	l := start(t, r)
	l.address()
	l.await(enough)
	res := l.stop()
	o := res.Outputs[0]
	grown := (peak-res.AfterInit.RSSAnonKB)*1024 - res.HeldBytesPeak // the host's own chunks are not the library's
	t.Logf("grew by %d KiB with a queue of %d KiB; %d chunks taken, %d times RETRY", grown/1024, queueBytes/1024, o.OK, o.Retry)
	if grown > queueBytes+overQueue {
		t.Errorf("memory grew by %d KiB, over %d", grown/1024, (queueBytes+overQueue)/1024)
	}
	if taken := o.OK * (o.Bytes / o.Chunks); taken > queueBytes || taken < queueBytes*9/10 {
		t.Errorf("%d chunks, %d bytes, were taken into a queue of %d", o.OK, taken, queueBytes)
	}
	if o.Retry == 0 || o.Error != 0 {
		t.Errorf("a full queue gives %d RETRY and %d ERROR", o.Retry, o.Error)
	}
}

// What cannot be delivered at exit is counted and said, within flush_timeout.
func TestAtExitWhatIsLeftIsSaid(t *testing.T) {
	const timeout = 2 * time.Second
	in := startIntake(t, intake.Config{Script: hang})
	r := hung(in)
	r.Generate.Records = 1000
	r.Outputs = []harness.Output{toIntake(in, "flush_timeout", timeout.String())}
	taken := settled(&r, 10)
	l := start(t, r)
	l.await(taken)
	began := time.Now()
	res := l.stop()
	if took := time.Since(began); took > timeout+2*time.Second {
		t.Errorf("the exit took %v, flush_timeout is %v", took, timeout)
	}
	m := regexp.MustCompile(`\[error\] \[output:edge\] stopped with (\d+) chunks \((\d+) logs, 0 metric samples\) undelivered`).FindStringSubmatch(res.Stderr)
	if m == nil || m[1] != "10" || m[2] != "1000" {
		t.Errorf("got %v, want a line on 10 chunks and 1000 logs:\n%s", m, res.Stderr)
	}
}

// When the intake comes back, what waited in memory arrives, once each.
func TestTheQueueDrainsWhenTheIntakeIsBack(t *testing.T) {
	in := startIntake(t, intake.Config{Script: hang})
	r := hung(in)
	r.Generate.Records = 10_000
	r.Outputs = []harness.Output{serving(toIntake(in, "queue_bytes", "256KiB", "flush_timeout", "1s"))}
	enough := full(&r, in)
	l := start(t, r)
	addr := l.address()
	l.await(enough)
	in.SetScript(nil)
	l.arrives(in, in.WaitIDs(soon(t), 10_000))
	page := get(t, "http://"+addr+"/metrics")
	res := l.stop()
	once(t, in, 10_000)
	wantSamples(t, page, map[string]float64{`edge_records_total{result="dropped",sink="datadog"}`: 0})
	if n := strings.Count(res.Stderr, "`workers 1`"); n != 1 {
		t.Errorf("the cure is named %d times:\n%s", n, res.Stderr)
	}
}

// What Datadog does is no reason for /metrics to stand still.
func TestMetricsGoOnWhileTheIntakeHangs(t *testing.T) {
	for _, delivery := range []string{"sync", "queue"} {
		t.Run(delivery, func(t *testing.T) {
			in := startIntake(t, intake.Config{Script: hang})
			sysfs := thermalSysfs(t)
			l := start(t, harness.Run{V5: true, Threads: 2, Live: []string{"thermal"}, Interval: 50 * time.Millisecond, Sysfs: sysfs,
				RetryLimit: "no_limits", RetryBase: 20 * time.Millisecond, RetryCap: 20 * time.Millisecond, NoGrace: true,
				Outputs: []harness.Output{serving(toIntake(in, "delivery", delivery, "flush_timeout", "1s"))}})
			addr := l.address()
			for _, milli := range []int{50_000, 61_000} {
				writeTemp(t, sysfs, milli)
				if !shows(t, addr, `edge_temperature_celsius{type="cpu-thermal",zone="thermal_zone0"}`, float64(milli)/1000) {
					t.Errorf("/metrics never shows %d m°C, which the device has had for long", milli)
					break
				}
			}
			l.stop()
		})
	}
}

// shows tells whether a series takes a value within some seconds.
func shows(t *testing.T, addr, series string, want float64) bool {
	t.Helper()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for range 160 {
		if sample(t, get(t, "http://"+addr+"/metrics"), series) == want {
			return true
		}
		<-look.C
	}
	return false
}

func writeTemp(t *testing.T, sysfs string, milli int) {
	t.Helper()
	writeKey(t, sysfs+"/class/thermal/thermal_zone0/temp", fmt.Sprint(milli))
}
