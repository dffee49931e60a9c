package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/intake"
	"out_edge/build/intake/strict"
)

// saysPark is the line of an instance whose flushes are parked.
const saysPark = "[ info] [output:edge] delivery park: Fluent Bit keeps each chunk until it is delivered; `workers` are not needed, and not started"

// said demands a line of the log, once a cycle.
func said(t *testing.T, res harness.Result, line string) {
	t.Helper()
	if n := strings.Count(res.Stderr, line+"\n"); n != max(res.Cycles, 1) {
		t.Errorf("%d cycles say %d times %q:\n%s", res.Cycles, n, line, res.Stderr)
	}
}

// parked runs a host of some form, and demands that its flushes were parked and
// all records arrived once.
func parked(t *testing.T, k *harness.Kit, r harness.Run) harness.Result {
	t.Helper()
	const records, perChunk = 500, 10
	in := startIntake(t, intake.Config{})
	r.Library, r.V5, r.Timeout = libraryOf(t, k), true, 2*time.Minute
	r.Generate, r.Outputs = harness.Generate{Records: records, PerChunk: perChunk, IDs: true, Tag: "app"}, []harness.Output{toIntake(in)}
	res, err := k.Run(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	cycles := max(r.Cycles, 1)
	if o := res.Outputs[0]; o.OK != cycles*records/perChunk || o.Retry+o.Error != 0 || o.Workers != 0 {
		t.Errorf("%+v\n%s", o, res.Stderr)
	}
	said(t, res, saysPark)
	if ids := in.IDs(); len(ids) != records {
		t.Errorf("%d records of %d arrived", len(ids), records)
	}
	for id, tally := range in.IDs() {
		if tally.Accepted != cycles {
			t.Fatalf("%s was accepted %d times in %d cycles", id, tally.Accepted, cycles)
		}
	}
	return res
}

// parkingHosts are hosts that allow it.
var parkingHosts = map[string]harness.Run{
	"v5's stacks":           {},
	"v4":                    {ABI: "v4.2.2"},
	"stacks of 4 KiB":       {StackKiB: 4},
	"built for valgrind":    {CoroIDs: true},
	"workers":               {Threads: 3},
	"workers, five reloads": {Threads: 3, Cycles: 5, Overlap: true},
	"a library of one pool": {Threads: 3, SinglePool: true, FreeEarly: true},
}

func TestFlushesAreParked(t *testing.T) {
	for name, r := range parkingHosts {
		t.Run(name, func(t *testing.T) { parked(t, kit, r) })
	}
}

func TestARMFlushesAreParked(t *testing.T) {
	for _, get := range []func() (*harness.Kit, error){armv7, arm64} {
		k, err := get()
		if err != nil {
			t.Fatal(err)
		}
		for name, r := range parkingHosts {
			t.Run(k.Arch().Name+"/"+name, func(t *testing.T) { parked(t, k, r) })
		}
	}
}

// An engine that waits for nobody: all chunks are with the library while the
// intake holds the first request. A flush holds the engine as long with 1,000 records
// as with ten.
func TestAParkedFlushHoldsNoThread(t *testing.T) {
	for _, perChunk := range []int{10, 1000} {
		t.Run(strconv.Itoa(perChunk)+" records", func(t *testing.T) { holdsNoThread(t, perChunk) })
	}
}

func holdsNoThread(t *testing.T, perChunk int) {
	const tries = 8 // the bound is in wall time, and others may share the machine
	for try := 1; ; try++ {
		o := heldUp(t, 1000, perChunk)
		t.Logf("held the engine: %+v µs; answered after %+v µs", o.FlushUs, o.AnswerUs)
		if o.FlushUs.P99 <= 2000 {
			return
		}
		if try == tries {
			t.Fatalf("in each of %d runs one flush in a hundred held the engine for over 2 ms", tries)
		}
	}
}

func heldUp(t *testing.T, chunks, perChunk int) harness.OutputResult {
	t.Helper()
	release := make(chan struct{})
	in := startIntake(t, intake.Config{CountOnly: true, Script: func(int, *http.Request) intake.Action { return intake.Action{Hold: release} }})
	r := harness.Run{V5: true, Pending: 2 * chunks, Wrap: beforeOthers(), ReportEvery: 20 * time.Millisecond,
		Generate: harness.Generate{Records: perChunk * chunks, PerChunk: perChunk, RecordBytes: 60, Tag: "app"},
		Outputs:  []harness.Output{toIntake(in, "flush_timeout", "60s", "queue_bytes", "128MiB", "memory_limit", "0")}}
	all := when(&r, func(res harness.Result) bool { return res.Outputs[0].Chunks == chunks })
	done := when(&r, func(res harness.Result) bool { return res.Outputs[0].OK == chunks })
	l := start(t, r)
	l.await(all)
	close(release)
	l.await(done)
	return l.stop().Outputs[0]
}

// firstOfEachRequest returns the id with which each request begins, in the order of their
// acceptance, and demands that the records of each are in order.
func firstOfEachRequest(t *testing.T, in *intake.Server) (firsts []string) {
	t.Helper()
	request, last := 0, ""
	for _, e := range in.Logs() {
		var log struct{ ID string }
		if err := json.Unmarshal(e.JSON, &log); err != nil {
			t.Fatal(err)
		}
		switch {
		case e.Request != request:
			firsts = append(firsts, log.ID)
		case log.ID <= last:
			t.Fatalf("%s came after %s in one request", log.ID, last)
		}
		request, last = e.Request, log.ID
	}
	return firsts
}

// What parking needs and a host lacks is said, and the chunks go their old way.
func TestHostsThatDoNotAllowParking(t *testing.T) {
	type host struct {
		run harness.Run
		why string
	}
	hosts := map[string]host{
		"foreign timers": {harness.Run{ForeignTimers: true}, "a timer of this Fluent Bit is not of a known kind"},
		"no coroutines":  {harness.Run{OwnStack: true}, "flushes run on no coroutine of a known kind"},
		"workers stay":   {harness.Run{Without: []string{"flb_output_set_property"}, Threads: 2}, "flushes run on threads of their own"},
	}
	for _, name := range []string{"flb_coro_get", "flb_coro_set", "flb_sched_ctx_get", "flb_sched_timer_cb_create", "flb_sched_timer_cb_destroy", "co_active", "co_switch"} {
		hosts[name] = host{harness.Run{Without: []string{name}}, "this Fluent Bit exports no " + name}
	}
	for name, h := range hosts {
		t.Run(name, func(t *testing.T) {
			in := startIntake(t, intake.Config{})
			r := h.run
			r.V5, r.Generate, r.Outputs = true, generated(500), []harness.Output{toIntake(in)}
			res := replay(t, r)
			if o := res.Outputs[0]; o.OK != 5 || o.Workers != r.Threads {
				t.Errorf("%+v\n%s", o, res.Stderr)
			}
			once(t, in, 500)
			if line := "[output:edge] flushes cannot be parked: " + h.why + "; "; strings.Count(res.Stderr, line) != 1 {
				t.Errorf("not said once: %q\n%s", line, res.Stderr)
			}
		})
	}
}

func TestOtherDeliveriesAreNotParked(t *testing.T) {
	for _, mode := range []string{"queue", "sync"} {
		t.Run(mode, func(t *testing.T) {
			in := startIntake(t, intake.Config{})
			res := replay(t, harness.Run{V5: true, Threads: 2, Generate: generated(500), Outputs: []harness.Output{toIntake(in, "delivery", mode)}})
			if o := res.Outputs[0]; o.OK != 5 || o.Workers != 2 || strings.Contains(res.Stderr, "park") {
				t.Errorf("%+v\n%s", o, res.Stderr)
			}
			once(t, in, 500)
		})
	}
}

// Core makes the workers of a Go output twice: who leaves them there does not
// survive a reload. This is the host's, which the tests above lean on.
func TestWorkersThatStayCrashAReload(t *testing.T) {
	r := harness.Run{V5: true, Library: library(t), Threads: 2, Cycles: 3, Generate: generated(100), Outputs: []harness.Output{edge("delivery", "sync")}}
	if _, err := kit.Run(t.Context(), r); err == nil || !strings.Contains(err.Error(), "runs over freed memory") {
		t.Errorf("got %v", err)
	}
}

// An intake that hangs, and a stop: the flushes end, none with OK, and the chunks
// stay where they are.
func TestAStopEndsParkedFlushes(t *testing.T) {
	const chunks = 20
	var asked atomic.Bool // Requests are those that have come to their end
	in := startIntake(t, intake.Config{Script: func(n int, r *http.Request) intake.Action {
		asked.Store(true)
		return hang(n, r)
	}})
	r := harness.Run{V5: true, Generate: harness.Generate{Records: 10 * chunks, PerChunk: 10, IDs: true, Tag: "app"}, NoGrace: true,
		ReportEvery: 20 * time.Millisecond, Outputs: []harness.Output{toIntake(in)}}
	all := when(&r, func(res harness.Result) bool { return res.Outputs[0].Chunks == chunks && asked.Load() })
	l := start(t, r)
	l.await(all)
	began := time.Now()
	res := l.stop()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the stop took %v, and has nothing to wait for", took)
	}
	if o := res.Outputs[0]; o.Unsettled != chunks || o.OK != 0 || o.Exit != 1 {
		t.Errorf("%+v\n%s", o, res.Stderr)
	}
	noPanic(t, res)
}

// A panic inside the library costs the chunk.
func TestAPanicInAParkedFlushIsAnError(t *testing.T) {
	in := startIntake(t, intake.Config{})
	good := harness.Chunk{Tag: "app", File: chunkFile(hosts[0], "app.1")}
	res := replay(t, harness.Run{V5: true, Chunks: []harness.Chunk{good, {Type: nullChunk, Tag: "bad", File: "4096"}, good},
		Outputs: []harness.Output{toIntake(in, "delivery", "park")}})
	if o := res.Outputs[0]; o.OK != 2 || o.Error != 1 {
		t.Errorf("%+v\n%s", o, res.Stderr)
	}
	if n := strings.Count(res.Stderr, "panic in a parked flush"); n != 1 {
		t.Errorf("%d panics were logged:\n%s", n, res.Stderr)
	}
	if n := len(in.Logs()); n != 4 {
		t.Errorf("%d logs arrived, want 4", n)
	}
}

// Whatever becomes of standard error: Go's own files end the process there.
func TestABrokenStandardErrorHarmsNobody(t *testing.T) {
	broken := map[string]func(r *os.File){
		"closed": func(r *os.File) { r.Close() },
		"stuck":  func(*os.File) {},
	}
	for name, spoil := range broken {
		t.Run(name, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			defer w.Close()
			fill(t, w, name == "stuck")
			spoil(r)
			in := startIntake(t, intake.Config{Script: intake.Sequence(intake.Action{Status: 503})})
			run := harness.Run{V5: true, StderrFile: w, Generate: generated(500), RetryBase: time.Millisecond, RetryCap: 2 * time.Millisecond, RetryLimit: "no_limits",
				Outputs: []harness.Output{toIntake(in, "edge_log_level", "debug")}}
			if o := replay(t, run).Outputs[0]; o.OK != 5 || o.Exit != 1 {
				t.Errorf("%+v", o)
			}
			once(t, in, 500)
		})
	}
	t.Run("full", func(t *testing.T) {
		w, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		in := startIntake(t, intake.Config{})
		if o := replay(t, harness.Run{V5: true, StderrFile: w, Generate: generated(500), Outputs: []harness.Output{toIntake(in)}}).Outputs[0]; o.OK != 5 {
			t.Errorf("%+v", o)
		}
	})
}

// fill leaves no room in a pipe.
func fill(t *testing.T, w *os.File, really bool) {
	t.Helper()
	if !really {
		return
	}
	if err := w.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 4096)
	for {
		if _, err := w.Write(block); err != nil {
			break // it is full
		}
	}
	w.Fd() // makes it block, as an inherited one does
}

// A library that no output uses: nothing but the Go runtime is there. It has threads,
// and looks up how much of the machine is its own, but opens no socket or timer.
func TestALibraryWithoutAnOutputStartsNothing(t *testing.T) {
	const ofEngine, ofRuntime = 1, 6 // threads
	r := harness.Run{V5: true, Live: []string{"cpu"}, Bare: true, Outputs: []harness.Output{edge()}}
	runs := when(&r, func(res harness.Result) bool { return res.Seconds > 0.5 })
	l := start(t, r)
	l.await(runs)
	for fd, is := range descriptorsOf(t, l.Pid()) {
		if strings.HasPrefix(is, "socket:") || strings.Contains(is, "timerfd") {
			t.Errorf("descriptor %s is %s", fd, is)
		}
	}
	res := l.stop()
	if res.Stderr != "" {
		t.Errorf("it says %s", res.Stderr)
	}
	if n := res.AfterInit.Threads - res.BeforeLoad.Threads - ofEngine; n > ofRuntime {
		t.Errorf("%d threads beside the host's", n)
	}
}

// descriptorsOf is what a process has open.
func descriptorsOf(t *testing.T, pid int) map[string]string {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd/", pid)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		t.Fatalf("%d descriptors: %v", len(entries), err)
	}
	open := make(map[string]string)
	for _, e := range entries {
		if is, err := os.Readlink(dir + e.Name()); err == nil { // it may be closed by now
			open[e.Name()] = is
		}
	}
	return open
}

// The register struct knows `tls on`, and, where it has room, the options.
func TestCoreChecksTheProperties(t *testing.T) {
	for name, tc := range map[string]struct {
		run    harness.Run
		key    string
		refuse bool
	}{
		"a wrong key":               {harness.Run{}, "apikeyy", true},
		"a wrong key, guarded":      {harness.Run{Guard: true}, "lisen", true},
		"a right key":               {harness.Run{}, "dd_service", false},
		"tls":                       {harness.Run{}, "tls", false},
		"tls, v4":                   {harness.Run{ABI: "v4.2.2"}, "tls", false},
		"no map in the struct":      {harness.Run{ABI: "v4.2.3"}, "colour", false},
		"maps that cannot be told":  {harness.Run{Without: []string{"output_global_properties"}}, "colour", false},
		"told to be of logs":        {harness.Run{Env: []string{"OUT_EDGE_EVENTS=logs"}}, "colour", false},
		"after a reload":            {harness.Run{Cycles: 2, Overlap: true}, "dd_source", false},
		"a wrong key, after reload": {harness.Run{Cycles: 2, Overlap: true}, "dd_sorce", true},
	} {
		t.Run(name, func(t *testing.T) {
			r := tc.run
			r.V5, r.Library, r.Generate, r.Outputs = true, library(t), generated(100), []harness.Output{edge(tc.key, "on")}
			_, err := kit.Run(t.Context(), r)
			if refused := err != nil && regexp.MustCompile(`unknown configuration property '`+tc.key+`'`).MatchString(err.Error()); refused != tc.refuse || (err != nil) != tc.refuse {
				t.Errorf("got %v, want it refused: %v", err, tc.refuse)
			}
		})
	}
}

// Parked flushes keep their order, and with default settings none is given up
// while its receiver is in trouble.
func TestParkedRecordsArriveOnceAndInOrderThroughFaults(t *testing.T) {
	const records = 10_000
	in := startIntake(t, intake.Config{Keys: []string{theKey}, Check: new(strict.Checker).Check,
		Script: intake.Sequence(intake.Action{Status: 503}, intake.Action{}, intake.Action{ResetBefore: true}, intake.Action{}, intake.Action{Status: 429})})
	r := harness.Run{V5: true, Generate: generated(records), Pace: 10 * time.Millisecond, Timeout: 2 * patience, Outputs: []harness.Output{serving(toIntake(in))}}
	page, res := runUntilSettled(t, r, records/100)
	if o := res.Outputs[0]; o.OK != records/100 || o.Retry+o.Error != 0 {
		t.Errorf("%+v\n%s", o, res.Stderr)
	}
	once(t, in, records)
	firsts := firstOfEachRequest(t, in)
	for i, id := range firsts {
		before := 0
		for _, other := range firsts {
			if other < id {
				before++
			}
		}
		if before > i+3 || i > before+3 { // four are under way where answers are slow
			t.Fatalf("the request that begins with %s came as number %d, not %d, of %v", id, i, before, firsts)
		}
	}
	wantSamples(t, page, map[string]float64{delivered("datadog"): records})
}
