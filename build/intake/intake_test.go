package intake_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"out_edge/build/intake"
	"out_edge/build/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func start(t *testing.T, cfg intake.Config) *intake.Server {
	t.Helper()
	s, err := intake.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// sent is what a client saw of one request.
type sent struct {
	status int
	header http.Header
	body   string
	err    error
}

func post(ctx context.Context, url string, body []byte, header ...string) sent {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return sent{err: err}
	}
	req.Header.Set("DD-API-KEY", "k")
	req.Header.Set("Content-Type", "application/json")
	for pair := range slices.Chunk(header, 2) {
		req.Header.Set(pair[0], pair[1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return sent{err: err}
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return sent{resp.StatusCode, resp.Header, string(answer), err}
}

const logsPath, seriesPath = "/api/v2/logs", "/api/v2/series"

func packed(t *testing.T, body string, w io.WriteCloser, to *bytes.Buffer) []byte {
	t.Helper()
	if _, err := io.WriteString(w, body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return to.Bytes()
}

func gzipped(t *testing.T, body string) []byte {
	var b bytes.Buffer
	return packed(t, body, gzip.NewWriter(&b), &b)
}

func TestEncodings(t *testing.T) {
	const body = `[{"message":"a","id":"1"},{"message":"b","id":"2"}]`
	var z, d bytes.Buffer
	zw, err := zstd.NewWriter(&z)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		body   []byte
		header []string
	}{
		"none":     {[]byte(body), nil},
		"identity": {[]byte(body), []string{"Content-Encoding", "identity"}},
		"gzip":     {gzipped(t, body), []string{"Content-Encoding", "gzip"}},
		"zstd":     {packed(t, body, zw, &z), []string{"Content-Encoding", "zstd"}},
		"zstd1":    {z.Bytes(), []string{"Content-Encoding", "zstd1"}},
		"deflate":  {packed(t, body, zlib.NewWriter(&d), &d), []string{"Content-Encoding", "deflate"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t, intake.Config{})
			got := post(t.Context(), s.URL()+logsPath, tc.body, tc.header...)
			if got.err != nil || got.status != 202 || got.body != `{"errors":[]}` {
				t.Fatalf("got %+v", got)
			}
			logs, req := s.Logs(), s.Requests()[0]
			if len(logs) != 2 || string(logs[1].JSON) != `{"message":"b","id":"2"}` || logs[1].Request != 1 || logs[1].Cut {
				t.Errorf("logs are %+v", logs)
			}
			if req.Wire != int64(len(tc.body)) || req.Raw != int64(len(body)) || req.Entries != 2 || req.Status != 202 {
				t.Errorf("the request is %+v", req)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	many := "[" + strings.Repeat(`{"message":""},`, intake.MaxLogEntries) + `{"message":""}]`
	long := `[{"message":"` + strings.Repeat("x", intake.MaxLogsBytes) + `"}]`
	tests := map[string]struct {
		path   string
		body   []byte
		header []string
		status int
		says   string
	}{
		"no key":              {logsPath, []byte("[]"), []string{"DD-API-KEY", ""}, 401, "no DD-API-KEY"},
		"a wrong key":         {logsPath, []byte("[]"), []string{"DD-API-KEY", "other"}, 403, "not known"},
		"a wrong type":        {logsPath, []byte("[]"), []string{"Content-Type", "text/plain"}, 415, "not application/json"},
		"no JSON":             {logsPath, []byte("[}"), nil, 400, "parse logs"},
		"an empty body":       {logsPath, nil, nil, 400, "parse logs"},
		"no list of series":   {seriesPath, []byte(`{"series":{}}`), nil, 400, "parse series"},
		"no gzip":             {logsPath, []byte("[]"), []string{"Content-Encoding", "gzip"}, 400, ""},
		"a cut gzip":          {logsPath, gzipped(t, "[]")[:20], []string{"Content-Encoding", "gzip"}, 400, "cannot be unpacked"},
		"an unknown encoding": {logsPath, []byte("[]"), []string{"Content-Encoding", "br"}, 400, "br"},
		"1001 entries":        {logsPath, []byte(many), nil, 413, "1000 entries"},
		"logs over 5 MB":      {logsPath, []byte(long), nil, 413, "too large"},
		"the same packed":     {logsPath, gzipped(t, long), []string{"Content-Encoding", "gzip"}, 413, "too large"},
		"series over 512,000": {seriesPath, []byte(long[:intake.MaxSeriesWire+1]), nil, 413, "too large"},
		"another path":        {"/api/v1/series", []byte("{}"), nil, 404, "Not found"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t, intake.Config{Keys: []string{"k"}})
			got := post(t.Context(), s.URL()+tc.path, tc.body, tc.header...)
			if got.status != tc.status || !strings.Contains(got.body, tc.says) || s.Count(intake.Logs)+s.Count(intake.Series) != 0 {
				t.Errorf("got %+v, want %d and %q", got, tc.status, tc.says)
			}
		})
	}
}

func TestKeysCanChange(t *testing.T) {
	s := start(t, intake.Config{Keys: []string{"k"}})
	s.SetKeys("new")
	if got := post(t.Context(), s.URL()+logsPath, []byte("[]")); got.status != 403 {
		t.Errorf("the old key gives %d", got.status)
	}
	if got := post(t.Context(), s.URL()+logsPath, []byte("[]"), "DD-API-KEY", "new"); got.status != 202 {
		t.Errorf("the new key gives %d", got.status)
	}
}

func TestChecks(t *testing.T) {
	tests := map[string]struct {
		err             error
		status          int
		kept, discarded int
	}{
		"good":      {nil, 202, 2, 0},
		"a refusal": {&intake.Refusal{Status: 413, Reason: "r"}, 413, 0, 0},
		"an error":  {errors.New("e"), 400, 0, 0},
		"a discard": {&intake.Discard{Index: []int{1}, Reason: "old"}, 202, 2, 1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t, intake.Config{Check: func(endpoint string, body []byte) error {
				if endpoint != intake.Series || string(body) != `{"series":[{},{}]}` {
					t.Errorf("checked %s %s", endpoint, body)
				}
				return tc.err
			}})
			got := post(t.Context(), s.URL()+seriesPath, gzipped(t, `{"series":[{},{}]}`), "Content-Encoding", "gzip")
			discarded := 0
			for _, e := range s.Series() {
				if e.Discarded {
					discarded++
				}
			}
			if got.status != tc.status || len(s.Series()) != tc.kept || discarded != tc.discarded {
				t.Errorf("got %+v, %d kept, %d discarded, want %+v", got, len(s.Series()), discarded, tc)
			}
		})
	}
}

func TestActions(t *testing.T) {
	body := []byte(`[{"message":"m","id":"i"}]`)
	tests := map[string]struct {
		action   intake.Action
		status   int  // that the client sees
		broken   bool // the client sees a broken connection
		accepted int
		cut      int
	}{
		"none":                  {intake.Action{}, 202, false, 1, 0},
		"a refusal":             {intake.Action{Status: 429, Header: http.Header{"Retry-After": {"7"}}, Body: "slower"}, 429, false, 0, 0},
		"another success":       {intake.Action{Status: 200}, 200, false, 1, 0},
		"a reset before":        {intake.Action{ResetBefore: true}, 0, true, 0, 0},
		"a reset after":         {intake.Action{ResetAfter: true}, 0, true, 1, 1},
		"a cut answer":          {intake.Action{Cut: true}, 202, true, 1, 1},
		"slow reading":          {intake.Action{SlowRead: time.Microsecond}, 202, false, 1, 0},
		"no HTTP":               {intake.Action{Raw: "202 fine\r\n\r\n"}, 0, true, 1, 1},
		"half a header":         {intake.Action{Raw: "HTTP/1.1 202 Acc"}, 0, true, 1, 1},
		"a delay":               {intake.Action{Delay: time.Millisecond}, 202, false, 1, 0},
		"a reset with a status": {intake.Action{ResetBefore: true, Status: 500}, 0, true, 0, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t, intake.Config{Script: intake.Sequence(tc.action)})
			got := post(t.Context(), s.URL()+logsPath, body)
			if got.status != tc.status || (got.err != nil) != tc.broken {
				t.Errorf("got %+v, want %d", got, tc.status)
			}
			want := map[string]intake.Tally{}
			if tc.accepted > 0 {
				want["i"] = intake.Tally{Accepted: tc.accepted, Cut: tc.cut}
			}
			if !maps.Equal(s.IDs(), want) || s.Count(intake.Logs) != tc.accepted {
				t.Errorf("ids %v, %d accepted, want %v", s.IDs(), s.Count(intake.Logs), want)
			}
			if again := post(t.Context(), s.URL()+logsPath, body); again.status != 202 {
				t.Errorf("after the script: %+v", again)
			}
			if tc.action.Header != nil && (got.header.Get("Retry-After") != "7" || got.body != "slower") {
				t.Errorf("got %+v, want the scripted header and body", got)
			}
		})
	}
}

func TestHoldAndHang(t *testing.T) {
	release, arrived := make(chan struct{}), make(chan int, 3)
	actions := intake.Sequence(intake.Action{Hold: release}, intake.Action{Hang: true}, intake.Action{Hang: true})
	s := start(t, intake.Config{Script: func(n int, r *http.Request) intake.Action {
		arrived <- n
		return actions(n, r)
	}})
	answers := make(chan sent)
	send := func(ctx context.Context) {
		go func() { answers <- post(ctx, s.URL()+logsPath, []byte(`[{"message":"m"}]`)) }()
		<-arrived
	}

	send(t.Context())
	if n := s.Count(intake.Logs); n != 0 {
		t.Errorf("%d accepted while held", n)
	}
	close(release)
	if got := <-answers; got.status != 202 {
		t.Errorf("a released request gave %+v", got)
	}

	ctx, cancel := context.WithCancel(t.Context())
	send(ctx)
	cancel()
	if got := <-answers; !errors.Is(got.err, context.Canceled) {
		t.Errorf("a hanging request gave %+v", got)
	}
	if err := s.WaitRequests(t.Context(), 2); err != nil {
		t.Errorf("the intake did not notice that its client had gone: %v", err)
	}

	send(t.Context())
	s.Close()
	if got := <-answers; got.err == nil {
		t.Errorf("Close let a hanging request end with %+v", got)
	}
	s.Close() // once more does nothing
}

func TestWaits(t *testing.T) {
	s := start(t, intake.Config{CountOnly: true})
	done := make(chan error, 4)
	go func() { done <- s.WaitLogs(t.Context(), 2) }()
	go func() { done <- s.WaitSeries(t.Context(), 1) }()
	go func() { done <- s.WaitIDs(t.Context(), 1) }()
	go func() { done <- s.WaitRequests(t.Context(), 3) }()
	for range 2 {
		post(t.Context(), s.URL()+logsPath, []byte(`[{"message":"m","id":"same"}]`))
	}
	post(t.Context(), s.URL()+seriesPath, []byte(`{"series":[{}]}`))
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if len(s.Logs())+len(s.Series()) != 0 || s.Count(intake.Logs) != 2 {
		t.Errorf("CountOnly kept %d entries and counted %d logs", len(s.Logs())+len(s.Series()), s.Count(intake.Logs))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.WaitLogs(ctx, 3); !errors.Is(err, context.Canceled) {
		t.Errorf("a wait that cannot end gave %v", err)
	}
}

func TestOnAcceptAndOneLog(t *testing.T) {
	accepted := make(chan string, 1)
	s := start(t, intake.Config{OnAccept: func(endpoint string, e []intake.Entry) { accepted <- endpoint + string(e[0].JSON) }})
	post(t.Context(), s.URL()+logsPath, []byte(`{"message":"alone"}`))
	if got := <-accepted; got != `logs{"message":"alone"}` {
		t.Errorf("accepted %s", got)
	}
}

func TestFaultsDependOnSeedAndNumberAlone(t *testing.T) {
	first, again := intake.Faults{Seed: 7, Share: 0.3}.Script(), intake.Faults{Seed: 7, Share: 0.3}.Script()
	kinds, faults := map[string]bool{}, 0
	const n = 10000
	for i := 1; i <= n; i++ {
		a, b := fmt.Sprintf("%+v", first(i, nil)), fmt.Sprintf("%+v", again(n+1-i, nil))
		if b != fmt.Sprintf("%+v", first(n+1-i, nil)) {
			t.Fatalf("request %d differs", n+1-i)
		}
		if a != fmt.Sprintf("%+v", intake.Action{}) {
			kinds[a] = true
			faults++
		}
	}
	if len(kinds) != len(intake.DefaultKinds()) || faults < 2800 || faults > 3200 {
		t.Errorf("%d faults in %d, %d kinds", faults, n, len(kinds))
	}
}
