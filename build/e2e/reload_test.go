package e2e_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/intake"
)

// A receiver that would take everything, as soon as the agent stops: Fluent Bit hears
// of no result then, and offers again what it has on disk. What it has in memory is
// lost with the process.
func TestAStopSendsWhatIsInMemoryAlone(t *testing.T) {
	const chunks = 20
	for name, disk := range map[string]bool{"on disk": true, "in memory": false} {
		t.Run(name, func(t *testing.T) {
			var stopping atomic.Bool
			in := startIntake(t, intake.Config{Script: func(int, *http.Request) intake.Action {
				if stopping.Load() {
					return intake.Action{}
				}
				return intake.Action{Status: 503, Header: http.Header{"Retry-After": {"300"}}}
			}})
			r := harness.Run{V5: true, Filesystem: disk, Generate: harness.Generate{Records: 10 * chunks, PerChunk: 10, IDs: true, Tag: "app"}, NoGrace: true,
				Outputs: []harness.Output{toIntake(in)}}
			all := when(&r, func(res harness.Result) bool { return res.Outputs[0].Chunks == chunks && len(in.Requests()) > 0 })
			l := start(t, r)
			l.await(all)
			stopping.Store(true)
			res := l.stop()
			want := 0
			if !disk {
				want = 10 * chunks
			}
			if o := res.Outputs[0]; o.Unsettled != chunks || len(in.IDs()) != want {
				t.Errorf("%d ids arrived, want %d; %+v\n%s", len(in.IDs()), want, o, res.Stderr)
			}
		})
	}
}

// Reloads with traffic and a receiver that refuses a third of the requests: what the
// one life has not delivered the next one does, and nothing else; nothing of a life
// stays behind.
func TestReloadsLoseAndLeaveNothing(t *testing.T) {
	const cycles, perChunk = 24, 10
	in := startIntake(t, intake.Config{Check: lenient, CountOnly: true, Script: func(n int, _ *http.Request) intake.Action {
		if n%3 == 0 {
			return intake.Action{Status: 503}
		}
		return intake.Action{Delay: 5 * time.Millisecond}
	}})
	res := replay(t, harness.Run{V5: true, Threads: 2, Cycles: cycles, Overlap: true, Seconds: 0.2, Grace: 100 * time.Millisecond, Filesystem: true, Pace: 5 * time.Millisecond,
		Generate: harness.Generate{Records: 1_000_000, PerChunk: perChunk, IDs: true, Tag: "app"}, Outputs: []harness.Output{serving(toIntake(in))}})
	o, ids, twice := res.Outputs[0], in.IDs(), 0
	for _, tally := range ids {
		twice += tally.Accepted - 1
	}
	t.Logf("%d chunks, %d OK, %d unsettled, %d records twice; threads %v, descriptors %v", o.Chunks, o.OK, o.Unsettled, twice, res.CycleThreads, res.CycleDescriptors)
	if res.Cycles != cycles || o.OK+o.Unsettled != o.Chunks || o.OK == 0 {
		t.Errorf("%d cycles, %+v\n%s", res.Cycles, o, res.Stderr)
	}
	if twice > 0 {
		t.Errorf("%d records arrived twice", twice)
	}
	if lost := o.Records - perChunk*o.Unsettled - len(ids); lost > 0 {
		t.Errorf("%d records of %d are lost", lost, o.Records)
	}
	flat(t, "descriptors", res.CycleDescriptors, 2)
	flat(t, "threads", res.CycleThreads, 2)
	noneRefused(t, in, false)
	noPanic(t, res)
}

// A hot reload whose keys are right and whose values are wrong: core has stopped the old
// pipeline by then, and would end with an output that does not start.
func TestAReloadWithAWrongValueKeepsTheSettings(t *testing.T) {
	const perCycle = 100
	to := func(in *intake.Server, service string, reloaded ...string) harness.Output {
		o := toIntake(in, "dd_service", service)
		o.Reloaded = harness.Props(reloaded...)
		return o
	}
	type source struct{ Service, DDSource string }
	for name, tc := range map[string]struct {
		reloaded []string
		want     source // of the last log
		fault    string // what the log says, or ""
	}{
		"a right value":        {[]string{"dd_service", "new"}, source{"new", ""}, ""},
		"a property more":      {[]string{"dd_source", "mine"}, source{"old", "mine"}, ""},
		"a wrong value":        {[]string{"dd_service", "new", "flush_timeout", "soon"}, source{"old", ""}, "flush_timeout"},
		"no key any more":      {[]string{"dd_service", "new", "apikey", ""}, source{"new", ""}, ""},
		"a file that is not":   {[]string{"dd_service", "new", "config_file", "/nonexistent/edge.yaml"}, source{"old", ""}, "/nonexistent/edge.yaml"},
		"an address of no one": {[]string{"dd_service", "new", "dd_url", "ftp://example.com"}, source{"old", ""}, "dd_url"},
	} {
		t.Run(name, func(t *testing.T) {
			first, second := startIntake(t, intake.Config{}), startIntake(t, intake.Config{})
			res := replay(t, harness.Run{V5: true, Cycles: 3, Overlap: true, Generate: generated(perCycle),
				Outputs: []harness.Output{to(first, "old", tc.reloaded...), to(second, "other")}})
			for in, want := range map[*intake.Server]source{first: tc.want, second: {"other", ""}} {
				logs := in.Logs()
				if slices.Contains(tc.reloaded, "apikey") && in == first {
					if len(logs) != perCycle {
						t.Errorf("%d logs arrived, want those of the first cycle", len(logs))
					}
					continue
				}
				if len(logs) != 3*perCycle {
					t.Fatalf("%d logs of %d arrived\n%s", len(logs), 3*perCycle, res.Stderr)
				}
				var last source
				if err := json.Unmarshal(logs[len(logs)-1].JSON, &last); err != nil || last != want {
					t.Errorf("the last is of %+v, want %+v (%v)", last, want, err)
				}
			}
			const kept = "goes on with its settings from before"
			if n := strings.Count(res.Stderr, kept); (tc.fault != "") != (n == 2) || !strings.Contains(res.Stderr, tc.fault) {
				t.Errorf("%d lines say that it %s:\n%s", n, kept, res.Stderr)
			}
		})
	}
}

// At a stop with something waiting, the log says for how long, and what becomes of it.
func TestAStopSaysWhatIsWaiting(t *testing.T) {
	for name, tc := range map[string]struct {
		mode, says string
	}{
		"parked": {"park", `draining, at most 500ms: Fluent Bit keeps what is left then chunks=3 bytes=\d+`},
		"queued": {"queue", `draining, at most 1s: what waits in memory and is left then is lost chunks=3 bytes=\d+`},
	} {
		t.Run(name, func(t *testing.T) {
			in := startIntake(t, intake.Config{Script: func(int, *http.Request) intake.Action {
				return intake.Action{Status: 503, Header: http.Header{"Retry-After": {"300"}}}
			}})
			r := harness.Run{V5: true, Generate: generated(300), NoGrace: true, Outputs: []harness.Output{toIntake(in, "delivery", tc.mode, "flush_timeout", "1s")}}
			waiting := when(&r, func(res harness.Result) bool { return res.Outputs[0].Chunks == 3 && len(in.Requests()) > 0 })
			l := start(t, r)
			l.await(waiting)
			res := l.stop()
			if n := len(regexp.MustCompile(`(?m)^\[[^\]]*\] \[ info\] \[output:edge\] `+tc.says).FindAllString(res.Stderr, -1)); n != 1 {
				t.Errorf("%d lines like %s:\n%s", n, tc.says, res.Stderr)
			}
		})
	}
}

// Under AddressSanitizer, on the smallest of stacks: parking's C reads and writes
// nothing that is not there.
func TestASanitizerFindsNothingInParking(t *testing.T) {
	k, err := sanitized()
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]harness.Run{
		"stacks of 4 KiB": {StackKiB: 4, Threads: 2, Overlap: true},
		"files, v4":       {ABI: "v4.2.2", Filesystem: true, CoroIDs: true},
		"not parked":      {ForeignTimers: true},
	} {
		t.Run(name, func(t *testing.T) {
			in := startIntake(t, intake.Config{CountOnly: true, Script: func(int, *http.Request) intake.Action { return intake.Action{Delay: 20 * time.Millisecond} }})
			r.V5, r.Library, r.Cycles, r.Seconds, r.NoGrace, r.Pace = true, libraryOf(t, k), 3, 1, true, 2*time.Millisecond
			r.Generate, r.Outputs = harness.Generate{Records: 1_000_000, PerChunk: 10, Tag: "app"}, []harness.Output{toIntake(in)}
			res, err := k.Run(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			if o := res.Outputs[0]; o.OK == 0 || o.Error != 0 || strings.Contains(res.Stderr, "Sanitizer") {
				t.Errorf("%+v\n%s", o, res.Stderr)
			}
		})
	}
}

// Reloads in the midst of deliveries, with memory that is filled with junk as soon
// as core takes it back, and with an intake that refuses a third: whatever arrives
// is sound, and the agent lives.
func TestReloadsWhileFlushesAreParked(t *testing.T) {
	const cycles = 20
	faults := intake.Faults{Seed: 5, Share: 0.3}.Script()
	in := startIntake(t, intake.Config{Check: lenient, CountOnly: true, Script: func(n int, r *http.Request) intake.Action {
		a := faults(n, r)
		a.Delay = 20 * time.Millisecond
		return a
	}})
	res := replay(t, harness.Run{V5: true, Threads: 2, Cycles: cycles, Overlap: true, Seconds: 0.15, NoGrace: true, Pace: time.Millisecond, StackKiB: 8,
		Generate: harness.Generate{Records: 1_000_000, PerChunk: 10, Tag: "app"}, Outputs: []harness.Output{toIntake(in)}})
	o := res.Outputs[0]
	t.Logf("%d chunks, %d OK, %d RETRY, %d unsettled; anonymous memory %v KiB", o.Chunks, o.OK, o.Retry, o.Unsettled, res.CycleRSSAnonKB)
	if res.Cycles != cycles || o.Error != 0 || o.OK == 0 || o.Unsettled == 0 {
		t.Errorf("%d cycles, %+v\n%s", res.Cycles, o, res.Stderr)
	}
	noneRefused(t, in, false)
	noPanic(t, res)
}

// Under valgrind, with the same: nothing is written where nothing is.
func TestValgrindFindsNoWriteOfParking(t *testing.T) {
	in := startIntake(t, intake.Config{CountOnly: true, Script: func(int, *http.Request) intake.Action { return intake.Action{Delay: 20 * time.Millisecond} }})
	res := replay(t, harness.Run{V5: true, Cycles: 3, Seconds: 3, NoGrace: true, Pace: 5 * time.Millisecond, Wrap: harness.Valgrind(), Timeout: 4 * time.Minute,
		Generate: harness.Generate{Records: 1_000_000, PerChunk: 10, Tag: "app"}, Outputs: []harness.Output{toIntake(in)}})
	if o := res.Outputs[0]; o.OK == 0 || o.Error != 0 {
		t.Errorf("%+v\n%s", o, res.Stderr)
	}
	if w := heapOverruns(res); len(w) > 0 {
		t.Errorf("%d, the first: %s", len(w), w[0])
	}
}

// flat demands that the last third of the cycles end with no more than the first, but for
// a few: some come and go, and the runtime starts a thread when it first needs one. What
// leaves one behind in every fourth cycle is seen.
func flat(t *testing.T, what string, cycles []int, few int) {
	t.Helper()
	third := len(cycles) / 3
	if before, after := slices.Max(cycles[:third]), slices.Min(cycles[len(cycles)-third:]); after > before+few {
		t.Errorf("%s rise: %v", what, cycles)
	}
}
