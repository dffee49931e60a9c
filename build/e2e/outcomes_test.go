package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"out_edge/build/harness"
	"out_edge/build/intake"
	"out_edge/build/intake/strict"
)

// refuse is a check that answers with a status whatever a predicate finds.
func refuse(status int, bad func(endpoint string, body []byte) bool) func(string, []byte) error {
	return func(endpoint string, body []byte) error {
		if bad(endpoint, body) {
			return &intake.Refusal{Status: status, Reason: "refused by the test"}
		}
		return new(strict.Checker).Check(endpoint, body)
	}
}

// holds finds a text in bodies of one endpoint.
func holds(where, text string) func(string, []byte) bool {
	return func(endpoint string, body []byte) bool {
		return endpoint == where && strings.Contains(string(body), text)
	}
}

func TestOnePoisonedEntryCostsItselfAlone(t *testing.T) {
	const poisoned = "id-00000437"
	tests := map[string]struct {
		status int
		reason string
	}{
		"malformed": {http.StatusBadRequest, "rejected"},
		"422":       {http.StatusUnprocessableEntity, "rejected"},
		"too large": {http.StatusRequestEntityTooLarge, "too_large"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			in := startIntake(t, intake.Config{Check: refuse(tc.status, holds(intake.Logs, poisoned))})
			r := harness.Run{V5: true, Threads: 1, Outputs: []harness.Output{serving(toIntake(in))},
				Generate: harness.Generate{Records: 1000, PerChunk: 1000, IDs: true, Tag: "app"}}
			page, res := runUntilSettled(t, r, 1)
			if o := res.Outputs[0]; o.OK != 1 || o.Retry != 0 {
				t.Errorf("%+v\n%s", o, res.Stderr)
			}
			if _, there := in.IDs()[poisoned]; there {
				t.Error("the poisoned entry was accepted")
			}
			once(t, in, 999)
			wantSamples(t, page, map[string]float64{delivered("datadog"): 999, dropped("datadog", tc.reason): 1})
			if n := len(in.Requests()); n > 22 { // two for each of the halvings of 1000, one for the first zstd body
				t.Errorf("%d requests to find one entry", n)
			}
			if n := strings.Count(res.Stderr, "refuses an entry"); n != 1 {
				t.Errorf("the drop was logged %d times:\n%s", n, res.Stderr)
			}
		})
	}
}

func TestOnePoisonedSeriesCostsItselfAlone(t *testing.T) {
	in := startIntake(t, intake.Config{Check: refuse(http.StatusBadRequest, holds(intake.Series, "edge.disk.read_bytes_total"))})
	file := payloadFile(t, append(
		event(t, time.Now(), map[string]any{"read_size": 100, "write_size": 50}),
		event(t, time.Now(), map[string]any{"Mem.total": 1000, "Mem.used": 400, "Mem.free": 600})...))
	r := harness.Run{V5: true, Threads: 1, Chunks: []harness.Chunk{{Tag: "host", File: file}}, Outputs: []harness.Output{serving(toIntake(in))}}
	page, res := runUntilSettled(t, r, 1)
	if o := res.Outputs[0]; o.OK != 1 || o.Retry != 0 {
		t.Errorf("%+v\n%s", o, res.Stderr)
	}
	if n := len(in.Series()); n != 4 {
		t.Errorf("%d series arrived, want the 4 that are good", n)
	}
	wantSamples(t, page, map[string]float64{delivered("datadog_metrics"): 4, dropped("datadog_metrics", "rejected"): 1})
}

// A proxy in between may allow less than Datadog: what it refuses is sent in
// smaller pieces, and only what is too large by itself is dropped.
func TestALowerSizeLimitOnTheWay(t *testing.T) {
	const limit = 100_000
	in := startIntake(t, intake.Config{Check: refuse(http.StatusRequestEntityTooLarge,
		func(_ string, body []byte) bool { return len(body) > limit })})
	bodies := []map[string]any{{"log": strings.Repeat("x", limit+1), "id": "large"}}
	for i := range 200 {
		bodies = append(bodies, map[string]any{"log": strings.Repeat("y", 2000), "id": fmt.Sprint(i)})
	}
	r := harness.Run{V5: true, Threads: 1, RetryLimit: "no_limits", RetryBase: 10 * time.Millisecond, RetryCap: 10 * time.Millisecond,
		Chunks: []harness.Chunk{{Tag: "app", File: payload(t, bodies...)}}, Repeat: 1, Outputs: []harness.Output{serving(toIntake(in))}}
	page, res := runUntilSettled(t, r, 1)
	if o := res.Outputs[0]; o.OK != 1 {
		t.Errorf("%+v\n%s", o, res.Stderr)
	}
	once(t, in, 200)
	wantSamples(t, page, map[string]float64{delivered("datadog"): 200, dropped("datadog", "too_large"): 1})
}

func TestAnEntryOver1MBIsCut(t *testing.T) {
	in := startIntake(t, intake.Config{Check: new(strict.Checker).Check})
	message := strings.Repeat("größer ", 200_000) // 1.8 MB
	r := harness.Run{V5: true, Threads: 1, Outputs: []harness.Output{serving(toIntake(in))},
		Chunks: []harness.Chunk{{Tag: "app", File: payload(t, map[string]any{"log": "before"}, map[string]any{"log": message, "id": "large"}, map[string]any{"log": "after"})}}}
	page, res := runUntilSettled(t, r, 1)
	logs := in.Logs()
	if res.Outputs[0].OK != 1 || len(logs) != 3 {
		t.Fatalf("%d logs arrived, %+v\n%s", len(logs), res.Outputs[0], res.Stderr)
	}
	var entry struct {
		Message string
		Cut     int `json:"edge.truncated_bytes"`
	}
	if err := json.Unmarshal(logs[1].JSON, &entry); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(message, entry.Message) || !utf8.ValidString(entry.Message) || len(entry.Message)+entry.Cut != len(message) {
		t.Errorf("%d bytes of message and %d cut, of %d", len(entry.Message), entry.Cut, len(message))
	}
	if len(logs[1].JSON) < 999_000 {
		t.Errorf("an entry of %d bytes: more was cut than had to be", len(logs[1].JSON))
	}
	wantSamples(t, page, map[string]float64{delivered("datadog"): 3, `edge_adjusted_records_total{reason="truncated",sink="datadog"}`: 1})
}

// keyGate answers a status to whoever does not have the key of the hour.
type keyGate struct {
	status int
	key    atomic.Pointer[string]
}

func (g *keyGate) open(key string) { g.key.Store(&key) }

func (g *keyGate) script(_ int, r *http.Request) intake.Action {
	if r.Header.Get("DD-API-KEY") == *g.key.Load() {
		return intake.Action{}
	}
	return intake.Action{Status: g.status, Body: `{"errors":["` + r.Header.Get("DD-API-KEY") + ` is no key"]}`}
}

func TestAChangedKeyFileHealsARefusal(t *testing.T) {
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			gate := &keyGate{status: status}
			gate.open(theKey + "-old")
			in := startIntake(t, intake.Config{Script: gate.script})
			file := keyFile(t, theKey+"-old")
			l := start(t, harness.Run{V5: true, Without: noParking, Threads: 1, RetryLimit: "no_limits", RetryBase: 20 * time.Millisecond, RetryCap: 50 * time.Millisecond,
				Generate: harness.Generate{Records: 2000, PerChunk: 10, IDs: true, Tag: "app"}, Pace: 20 * time.Millisecond,
				Outputs: []harness.Output{edge("apikey_file", file, "dd_url", in.URL(), "dd_metrics_url", in.URL())}})
			l.arrives(in, in.WaitIDs(soon(t), 100))
			gate.open(theKey + "-new")
			l.log.find(t, regexp.MustCompile(fmt.Sprintf(`\[error\].*datadog does not accept logs.*code=%d`, status)))
			n := len(in.Requests())
			l.arrives(in, in.WaitRequests(soon(t), n+3)) // it goes on trying, with longer pauses, and says no more
			writeKey(t, file, theKey+"-new")
			l.arrives(in, in.WaitIDs(soon(t), 2000))
			res := l.stop()
			once(t, in, 2000)
			if n := strings.Count(res.Stderr, "datadog does not accept logs"); n != 1 {
				t.Errorf("the refusal was logged %d times:\n%s", n, res.Stderr)
			}
			if n := strings.Count(res.Stderr, "datadog accepts logs again"); n != 1 {
				t.Errorf("the recovery was logged %d times:\n%s", n, res.Stderr)
			}
			noSecret(t, res.Stderr)
		})
	}
}

// A changed file is noticed within 5 s although the old key still works.
func TestAChangedKeyIsUsedWithin5s(t *testing.T) {
	t.Parallel()
	const bound = 5 * time.Second
	in := startIntake(t, intake.Config{})
	file := keyFile(t, theKey+"-old")
	l := start(t, harness.Run{V5: true, Threads: 1, Live: []string{"mem"}, Interval: 100 * time.Millisecond,
		Outputs: []harness.Output{edge("apikey_file", file, "dd_url", in.URL(), "dd_metrics_url", in.URL())}})
	l.arrives(in, in.WaitSeries(soon(t), 1))
	writeKey(t, file, theKey+"-new")
	changed := time.Now()
	for late := 0; ; {
		n := len(in.Requests())
		l.arrives(in, in.WaitRequests(soon(t), n+1))
		last := in.Requests()[n]
		if last.Header.Get("DD-API-KEY") == theKey+"-new" {
			break
		}
		if last.At.Sub(changed) > bound {
			late++
		}
		if late > 1 { // the second was begun after the first had come
			t.Fatalf("%v after the change the old key is still in use", last.At.Sub(changed))
		}
	}
	noSecret(t, l.stop().Stderr)
}

func keyFile(t *testing.T, key string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	writeKey(t, file, key)
	return file
}

func writeKey(t *testing.T, file, key string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAnOutageIsSaidOnceAndItsEndOnce(t *testing.T) {
	var down atomic.Bool
	down.Store(true)
	in := startIntake(t, intake.Config{Script: func(int, *http.Request) intake.Action {
		if down.Load() {
			return intake.Action{Status: http.StatusServiceUnavailable}
		}
		return intake.Action{}
	}})
	r := harness.Run{V5: true, Without: noParking, Threads: 2, RetryLimit: "no_limits", RetryBase: 20 * time.Millisecond, RetryCap: 100 * time.Millisecond,
		Generate: generated(2000), Outputs: []harness.Output{serving(toIntake(in))}}
	done := settled(&r, 20)
	l := start(t, r)
	addr := l.address()
	l.arrives(in, in.WaitRequests(soon(t), 4)) // small ones, at growing pauses
	down.Store(false)
	l.await(done)
	page := get(t, "http://"+addr+"/metrics")
	res := l.stop()
	once(t, in, 2000)
	for _, line := range []string{`\[ warn\] \[output:edge\] datadog does not accept logs.* code=503`, `\[ info\] \[output:edge\] datadog accepts logs again`} {
		if n := len(regexp.MustCompile(line).FindAllString(res.Stderr, -1)); n != 1 {
			t.Errorf("%d lines like %s:\n%s", n, line, res.Stderr)
		}
	}
	wantSamples(t, page, map[string]float64{delivered("datadog"): 2000})
	if n := sample(t, page, `edge_datadog_requests_total{code="503",endpoint="logs"}`); n < 4 {
		t.Errorf("%v answers of 503 are counted, of 4 or more", n)
	}
}
