package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/intake"
	"out_edge/build/intake/strict"
)

// everyFault is one of each kind of trouble that passes. What concerns the
// connection stands twice, so that it makes up half.
func everyFault() []intake.Action {
	header := func(name, value string) http.Header { return http.Header{name: {value}} }
	broken := []intake.Action{
		{ResetBefore: true},
		{ResetAfter: true},
		{Cut: true}, // also the wrong content length: more than is sent
		{Raw: "HTTP/1.1 202 Acc"},
		{Raw: "HTTP/1.1 202 Accepted\r\nContent-Length: 13\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"err"},
		{Raw: "this is no HTTP\r\n\r\n"},
	}
	return append(append(broken, broken...), []intake.Action{
		{Status: http.StatusRequestTimeout},
		{Status: http.StatusTooManyRequests, Header: header("Retry-After", "0")},
		{Status: http.StatusTooManyRequests, Header: header("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT")},
		{Status: http.StatusTooManyRequests, Header: header("X-RateLimit-Reset", "0")},
		{Status: http.StatusInternalServerError, Body: strings.Repeat("long ", 50_000)},
		{Status: http.StatusBadGateway, Body: "<html>not JSON</html>"},
		{Status: http.StatusServiceUnavailable, Header: header("Retry-After", "0")},
		{Status: http.StatusGatewayTimeout, Delay: 5 * time.Millisecond},
		{SlowRead: time.Millisecond},
		{Delay: 20 * time.Millisecond},
		{SlowRead: time.Millisecond, ResetAfter: true},
		{Delay: 20 * time.Millisecond, Cut: true},
	}...)
}

// faulty notes which faults were used.
type faulty struct {
	script intake.Script

	mu   sync.Mutex
	used map[string]int
}

func (f *faulty) next(n int, r *http.Request) intake.Action {
	a := f.script(n, r)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.used[kind(a)]++
	return a
}

// kind names an action by what it does.
func kind(a intake.Action) string {
	return fmt.Sprintf("status %d, header %v, before %v, after %v, cut %v, slow %v, delay %v, raw %.20q",
		a.Status, a.Header, a.ResetBefore, a.ResetAfter, a.Cut, a.SlowRead, a.Delay, a.Raw)
}

// The promise: through any trouble that passes, every record arrives, and once,
// but for those whose answer was lost on its way back; nobody can know of these.
func TestEachRecordArrivesOnceThroughFaults(t *testing.T) {
	const records, perChunk = 100_000, 1250 // two requests a chunk: the intake takes 1000 entries
	faults := &faulty{used: map[string]int{}, script: intake.Faults{Seed: 20261121, Share: 0.3, Kinds: everyFault()}.Script()}
	in := startIntake(t, intake.Config{Keys: []string{theKey}, Script: faults.next, Check: new(strict.Checker).Check, CountOnly: true})
	r := harness.Run{V5: true, Without: noParking, Threads: 3, RetryLimit: "no_limits", RetryBase: 10 * time.Millisecond, RetryCap: 100 * time.Millisecond,
		Generate: harness.Generate{Records: records, PerChunk: perChunk, IDs: true, Tag: "app"}, Timeout: 2 * patience,
		Outputs: []harness.Output{serving(toIntake(in))}}
	page, res := runUntilSettled(t, r, records/perChunk)

	if o := res.Outputs[0]; o.OK != records/perChunk || o.Error+o.GaveUp+o.Unsettled != 0 || o.RecordsOK != records {
		t.Errorf("host: %+v\n%s", o, res.Stderr)
	}
	if len(faults.used) != len(everyFault())-len(everyFault()[:6])+1 {
		t.Errorf("%d kinds of requests, not all: %v", len(faults.used), faults.used)
	}
	again := onceButForLostAnswers(t, in, records)
	t.Logf("%d requests, %d of them faulty in %d ways; %d records arrived twice or more, each after a lost answer",
		len(in.Requests()), faultyOnes(faults.used), len(faults.used)-1, again)
	if again == 0 {
		t.Error("no answer was lost after the intake had accepted: nothing is proved")
	}
	wantSamples(t, page, map[string]float64{delivered("datadog"): records, `edge_records_total{result="dropped",sink="datadog"}`: 0})
	noneRefused(t, in, false)
	noSecret(t, res.Stderr)
}

func faultyOnes(used map[string]int) (n int) {
	for k, uses := range used {
		if k != kind(intake.Action{}) {
			n += uses
		}
	}
	return n
}

// onceButForLostAnswers demands that each of n ids was accepted as often as its
// answers were lost, and once more: neither lost nor sent without need. It gives
// the number of acceptances beyond n.
func onceButForLostAnswers(t *testing.T, in *intake.Server, n int) (again int) {
	t.Helper()
	ids := in.IDs()
	if len(ids) != n {
		t.Errorf("%d ids of %d arrived", len(ids), n)
	}
	wrong := 0
	for id, tally := range ids {
		again += tally.Accepted - 1
		if tally.Accepted != tally.Cut+1 {
			if wrong++; wrong <= 5 {
				t.Errorf("%s was accepted %d times, and %d answers were lost", id, tally.Accepted, tally.Cut)
			}
		}
	}
	if wrong > 5 {
		t.Errorf("… and %d more", wrong-5)
	}
	lost := 0
	for _, r := range in.Requests() {
		if a := r.Action; r.Endpoint == intake.Logs && (a.ResetAfter || a.Cut || a.Raw != "") {
			lost += r.Entries
		}
	}
	if again != lost {
		t.Errorf("%d records arrived again, and the answers to %d were lost", again, lost)
	}
	return again
}

// noneRefused demands that the intake found nothing wrong with any request; all
// tells whether each was accepted, too.
func noneRefused(t *testing.T, in *intake.Server, all bool) {
	t.Helper()
	for _, r := range in.Requests() {
		if r.Reason != "" && r.Reason != "as scripted" || all && r.Status != http.StatusAccepted {
			t.Errorf("request %d to %s was answered %d: %s", r.N, r.Endpoint, r.Status, r.Reason)
			return
		}
	}
}

// Whatever goes to Datadog in an ordinary life, the official models can read it
// and its limits are kept.
func TestAStrictIntakeTakesAllOfALiveRun(t *testing.T) {
	for name, encoding := range map[string]string{"gzip": "gzip", "zstd": "zstd", "off": ""} {
		t.Run(name, func(t *testing.T) {
			in := startIntake(t, intake.Config{Check: new(strict.Checker).Check})
			r := harness.Run{V5: true, Threads: 2, Live: []string{"cpu", "mem", "thermal"}, Interval: 50 * time.Millisecond,
				Sysfs: thermalSysfs(t), Generate: generated(5000), Outputs: []harness.Output{toIntake(in, "compress", name,
					"host_metrics", "both", "dd_service", "pump", "dd_source", "edge", "dd_tags", "env:field,line:2", "add_label", "site=Plant 7", "include_tag_key", "on")}}
			l := start(t, r)
			l.arrives(in, in.WaitIDs(soon(t), 5000))
			l.arrives(in, in.WaitSeries(soon(t), 200))
			res := l.stop()
			if o := res.Outputs[0]; o.Retry+o.Error != 0 {
				t.Errorf("%+v\n%s", o, res.Stderr)
			}
			noneRefused(t, in, true)
			for _, r := range in.Requests() {
				if got := r.Header.Get("Content-Encoding"); strings.TrimSuffix(got, "1") != encoding {
					t.Errorf("Content-Encoding %q", got)
				}
			}
		})
	}
}

// The captured payloads, under the clock of their moment.
func TestAStrictIntakeTakesEveryChunk(t *testing.T) {
	for _, host := range hosts {
		for _, m := range moments {
			t.Run(host+"/"+m.Name, func(t *testing.T) {
				moment, err := time.Parse(time.RFC3339, m.Clock)
				if err != nil {
					t.Fatal(err)
				}
				in := startIntake(t, intake.Config{Check: (&strict.Checker{Now: func() time.Time { return moment }}).Check})
				all := append(chunks(t, host, m), metricsEvents(host, m.Name)...)
				res := replay(t, harness.Run{V5: true, Threads: 1, Chunks: all,
					Outputs: []harness.Output{toIntake(in, "host_metrics", "both", "clock_start", m.Clock, "include_tag_key", "on", "compress", "zstd")}})
				if o := res.Outputs[0]; o.OK != len(all) {
					t.Errorf("%+v\n%s", o, res.Stderr)
				}
				noneRefused(t, in, true)
			})
		}
	}
}

// metricsEvents are the captured ones of a host and moment.
func metricsEvents(host, moment string) (events []harness.Chunk) {
	if host == hosts[0] && moment == "inputs" {
		for _, name := range []string{"node_metrics.1", "node_metrics.2", "flb_metrics.1", "flb_metrics.2", "otel.3"} {
			events = append(events, harness.Chunk{Type: harness.Metrics, Tag: "metrics", File: chunkFile(host, name)})
		}
	}
	return events
}

// Half of the requests fail for good until a change, at random: whatever the
// order of failures, a counter of the host's metrics adds up.
func TestCountsAddUpThroughFaults(t *testing.T) {
	const chunks = 40
	draw := rand.New(rand.NewPCG(7, 7))
	plan := make([]intake.Action, 200)
	for i := range plan {
		if draw.IntN(2) == 0 {
			plan[i] = []intake.Action{{Status: 503}, {ResetBefore: true}, {Status: 429}}[draw.IntN(3)]
		}
	}
	in := startIntake(t, intake.Config{Check: new(strict.Checker).Check, Script: intake.Sequence(plan...)})
	res := replay(t, harness.Run{V5: true, Without: noParking, Threads: 3, RetryLimit: "no_limits", RetryBase: 5 * time.Millisecond, RetryCap: 20 * time.Millisecond,
		Chunks: []harness.Chunk{{Tag: "disk", File: diskChunk(t, 100, 50)}}, Repeat: chunks, Outputs: []harness.Output{toIntake(in)}})
	if o := res.Outputs[0]; o.OK != chunks {
		t.Fatalf("%+v\n%s", o, res.Stderr)
	}
	sums := sumPoints(t, in.Series())
	want := map[string]float64{"edge.disk.read_bytes_total": chunks * 100, "edge.disk.written_bytes_total": chunks * 50}
	for name, v := range want {
		if sums[name] != v {
			t.Errorf("%s adds up to %v, want %v", name, sums[name], v)
		}
	}
}
