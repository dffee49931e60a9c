package ddsink_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"out_edge/ddsink"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
)

// send offers records 0 to n-1, with ids, as one chunk.
func (s *setup) send(t *testing.T, n int, done *delivery.Set) error {
	t.Helper()
	c := s.Begin(context.Background(), "tag", done)
	for i := range n {
		c.Add(rec(t, i, "log", "line", "id", i), s.clock.Now().Wall)
	}
	return c.End()
}

// status answers with code, and nothing else.
func status(code int) func(int, request, http.ResponseWriter) {
	return func(_ int, _ request, w http.ResponseWriter) { w.WriteHeader(code) }
}

// ids are the id fields of a request's entries.
func ids(r request) (out []string) {
	for _, item := range r.items {
		out = append(out, fmt.Sprint(item["id"]))
	}
	return out
}

// prove has the intake accept something.
func (s *setup) prove(t *testing.T) {
	t.Helper()
	if err := s.send(t, 1, new(delivery.Set)); err != nil {
		t.Fatal(err)
	}
}

func (s *setup) wantCounts(t *testing.T, want map[string]int) {
	t.Helper()
	for key, n := range want {
		if got := s.counts.Get(key); got != n {
			t.Errorf("%s = %d, want %d", key, got, n)
		}
	}
}

func TestSendLogs(t *testing.T) {
	for _, compress := range []string{"", "auto", "gzip", "zstd", "off", "false", "GZIP"} {
		t.Run(compress, func(t *testing.T) {
			s := newSink(t, func(c *ddsink.Config) {
				c.Compress = compress
				c.Headers = []delivery.Header{{Name: "X-One", Value: delivery.NewSecret("1")}}
			})
			var done delivery.Set
			if err := s.send(t, 3, &done); err != nil {
				t.Fatal(err)
			}
			got := s.intake.got()
			if len(got) != 1 || strings.Join(ids(got[0]), " ") != "0 1 2" {
				t.Fatalf("got %v", got)
			}
			h := got[0].header
			want := map[string]string{
				"Dd-Api-Key": testKey, "Content-Type": "application/json", "Dd-Evp-Origin": "out_edge",
				"Dd-Evp-Origin-Version": "1.2.3", "X-One": "1", "User-Agent": "out_edge/1.2.3",
				"Content-Encoding": map[string]string{"": "zstd", "auto": "zstd", "gzip": "gzip", "GZIP": "gzip", "zstd": "zstd"}[compress],
			}
			for name, value := range want {
				if h.Get(name) != value {
					t.Errorf("%s = %q, want %q", name, h.Get(name), value)
				}
			}
			if got[0].path != "/api/v2/logs" {
				t.Errorf("path = %s", got[0].path)
			}
			s.wantCounts(t, map[string]int{
				"datadog delivered": 3, "datadog retried": 0, "request logs 202": 1, "raw logs": len(got[0].body),
			})
			if !done.Has(0) || !done.Has(2) || done.Has(3) {
				t.Error("done is wrong")
			}
		})
	}
}

func TestPathPrefixIsKept(t *testing.T) {
	for _, suffix := range []string{"/a/b", "/a/b/", "/a/b/api/v2/logs"} {
		s := newSink(t, nil)
		s2 := newSink(t, func(c *ddsink.Config) { c.URL = s.intake.server.URL + suffix })
		if err := s2.send(t, 1, new(delivery.Set)); err != nil {
			t.Fatal(err)
		}
		if got := s.intake.got(); len(got) != 1 || got[0].path != "/a/b/api/v2/logs" {
			t.Errorf("%s: got %v", suffix, got)
		}
	}
}

func TestNothingToSendIsNoRequest(t *testing.T) {
	s := newSink(t, nil)
	var done delivery.Set
	done.Add(0)
	done.Add(1)
	if err := s.send(t, 2, &done); err != nil || len(s.intake.got()) != 0 {
		t.Errorf("err = %v, %d requests", err, len(s.intake.got()))
	}
}

// TestOutcomes offers ten entries twice: once to an intake that answers with the
// status, and once to one that accepts.
func TestOutcomes(t *testing.T) {
	tests := []struct {
		name   string
		answer func(int, request, http.ResponseWriter)
		code   string // as counted
		text   string // in the error and the log
	}{
		{"301", status(301), "301", "a redirect, which is not followed"},
		{"401", status(401), "401", "the key is missing or wrong"},
		{"403", status(403), "403", "the key is not valid here"},
		{"404", status(404), "404", "nothing answers at this address"},
		{"408", status(408), "408", "waited too long"},
		{"418", status(418), "418", "refused for a reason"},
		{"429", status(429), "429", "too many requests"},
		{"500", status(500), "500", "in trouble"},
		{"503", status(503), "503", "in trouble"},
		{"reset", func(int, request, http.ResponseWriter) { panic(http.ErrAbortHandler) }, "network", "EOF"},
		{"cut answer", func(_ int, _ request, w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(202)
			_, _ = io.WriteString(w, "{")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, "cut", "unexpected EOF"},
		{"no HTTP", func(_ int, _ request, w http.ResponseWriter) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, "line "+testKey+"\r\n\r\n")
				_ = conn.Close()
			}
		}, "network", "no valid HTTP answer"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSink(t, nil)
			s.intake.answer = test.answer
			var done delivery.Set
			err := s.send(t, 10, &done)
			var retry *delivery.RetryError
			if !errors.As(err, &retry) {
				t.Fatalf("err = %v, want a RetryError", err)
			}
			if !strings.Contains(err.Error(), test.text) || strings.Contains(err.Error(), testKey) {
				t.Errorf("err = %v", err)
			}
			if !strings.Contains(s.log.String(), test.text) {
				t.Errorf("log = %s", s.log)
			}
			s.wantCounts(t, map[string]int{"datadog retried": 10, "datadog delivered": 0, "request logs " + test.code: 1})
			_ = s.send(t, 10, &done) // the same fault again: no further line
			s.intake.mu.Lock()
			s.intake.answer = nil
			s.intake.mu.Unlock()
			if err := s.send(t, 10, &done); err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(s.log.String(), "\n"); n != 2 || !strings.Contains(s.log.String(), "datadog accepts logs again") {
				t.Errorf("%d lines, want the fault and its end: %s", n, s.log)
			}
			s.wantCounts(t, map[string]int{"datadog delivered": 10})
		})
	}
}

func TestTimeout(t *testing.T) {
	inBubble(t, func(c *ddsink.Config) { c.Timeout = 30 * time.Millisecond }, func(t *testing.T, s *setup) {
		release := make(chan struct{})
		s.intake.answer = func(int, request, http.ResponseWriter) { <-release }
		defer close(release)
		err := s.send(t, 1, new(delivery.Set))
		var retry *delivery.RetryError
		if !errors.As(err, &retry) || !strings.Contains(err.Error(), "timeout") {
			t.Errorf("err = %v", err)
		}
		s.wantCounts(t, map[string]int{"request logs timeout": 1})
	})
}

func TestContextEnds(t *testing.T) {
	s := newSink(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	c := s.Begin(ctx, "tag", new(delivery.Set))
	c.Add(rec(t, 0, "log", "x"), now().UnixNano())
	cancel()
	var retry *delivery.RetryError
	if err := c.End(); !errors.As(err, &retry) || !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	if s.log.Len() != 0 {
		t.Errorf("log = %s", s.log)
	}
}

func TestWaitIsPassedOn(t *testing.T) {
	tests := []struct {
		name, header, value string
		want                time.Duration
	}{
		{"seconds", "Retry-After", "7", 7 * time.Second},
		{"reset", "X-RateLimit-Reset", "9", 9 * time.Second},
		{"capped", "Retry-After", "86400", delivery.MaxWait},
		{"none", "X-Other", "1", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSink(t, nil)
			s.intake.answer = func(_ int, _ request, w http.ResponseWriter) {
				w.Header().Set(test.header, test.value)
				w.WriteHeader(429)
			}
			var retry *delivery.RetryError
			if err := s.send(t, 1, new(delivery.Set)); !errors.As(err, &retry) || retry.After != test.want {
				t.Errorf("after = %v, want %v", retry.After, test.want)
			}
		})
	}
}

// TestBadEntriesAreFound has an intake that refuses each request that holds one of
// some entries.
func TestBadEntriesAreFound(t *testing.T) {
	tests := []struct {
		name   string
		code   int
		bad    string
		reason string
	}{
		{"one of 400", 400, " 617 ", "rejected"},
		{"first and last of 400", 400, " 0 999 ", "rejected"},
		{"some of 413", 413, " 5 6 300 ", "too_large"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSink(t, nil)
			delivered := map[string]int{}
			s.intake.answer = func(_ int, r request, w http.ResponseWriter) {
				for _, id := range ids(r) {
					if strings.Contains(test.bad, " "+id+" ") {
						w.WriteHeader(test.code)
						return
					}
				}
				for _, id := range ids(r) {
					delivered[id]++
				}
				accept(w)
			}
			var done delivery.Set
			if err := s.send(t, 1000, &done); err != nil {
				t.Fatal(err)
			}
			bad := len(strings.Fields(test.bad))
			if len(delivered) != 1000-bad {
				t.Errorf("%d delivered, want %d", len(delivered), 1000-bad)
			}
			for id, n := range delivered {
				if n != 1 {
					t.Errorf("%s was delivered %d times", id, n)
				}
			}
			s.wantCounts(t, map[string]int{"datadog delivered": 1000 - bad, "datadog dropped " + test.reason: bad})
			if n := strings.Count(s.log.String(), "\n"); n != 1 || !strings.Contains(s.log.String(), "reason="+test.reason) {
				t.Errorf("log = %s", s.log)
			}
		})
	}
}

// TestSearchIsBounded: when all is refused, a flush makes a bounded number of
// requests, and each settles something.
func TestSearchIsBounded(t *testing.T) {
	s := newSink(t, nil)
	s.prove(t)
	s.intake.mu.Lock()
	s.intake.answer = status(400)
	s.intake.mu.Unlock()
	var (
		done  delivery.Set
		tries int
	)
	for ; tries < 100; tries++ {
		before := len(s.intake.got())
		err := s.send(t, 300, &done)
		if n := len(s.intake.got()) - before; n > 64 {
			t.Fatalf("%d requests in one flush", n)
		}
		if err == nil {
			break
		}
	}
	if got := s.counts.Get("datadog dropped rejected"); got != 300 || tries > 20 {
		t.Errorf("%d dropped after %d tries", got, tries)
	}
}

func TestSplitByEntries(t *testing.T) {
	s := newSink(t, nil)
	if err := s.send(t, 2500, new(delivery.Set)); err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for _, r := range s.intake.got() {
		sizes = append(sizes, len(r.items))
	}
	if fmt.Sprint(sizes) != "[1000 1000 500]" {
		t.Errorf("got %v", sizes)
	}
}

// TestProxyWithALimitOfItsOwn: what it refuses is learnt.
func TestProxyWithALimitOfItsOwn(t *testing.T) {
	s := newSink(t, nil)
	refused := 0
	s.intake.answer = func(_ int, r request, w http.ResponseWriter) {
		if len(r.body) > 1<<20 {
			refused++
			w.WriteHeader(413)
			return
		}
		accept(w)
	}
	flush := func(index int) {
		t.Helper()
		text := strings.Repeat("0123456789abcdef", 100_000/16)
		c := s.Begin(context.Background(), "tag", new(delivery.Set))
		for i := range 40 {
			c.Add(rec(t, index+i, "log", text), now().UnixNano())
		}
		if err := c.End(); err != nil {
			t.Fatal(err)
		}
	}
	flush(0)
	first := refused
	flush(0)
	if first == 0 || refused != first {
		t.Errorf("refused %d times in the first flush, %d in the second", first, refused-first)
	}
	s.wantCounts(t, map[string]int{"datadog delivered": 80, "datadog dropped too_large": 0})
}

// TestFaultRun sends many chunks from several workers to an intake that fails at
// random: each record arrives, and none twice but those whose answer was cut.
func TestFaultRun(t *testing.T) {
	const workers, chunks, records = 3, 40, 50
	s := newSink(t, nil)
	var (
		mu       sync.Mutex
		arrived  = map[string]int{}
		cutTwice int
		random   = rand.New(rand.NewPCG(7, 11))
	)
	s.intake.answer = func(_ int, r request, w http.ResponseWriter) {
		mu.Lock()
		fault := random.IntN(20)
		if fault >= 5 {
			for _, id := range ids(r) {
				arrived[id]++
			}
		}
		if fault == 5 {
			cutTwice += len(r.items)
		}
		mu.Unlock()
		switch fault {
		case 0, 1:
			w.WriteHeader(503)
		case 2:
			w.WriteHeader(429)
		case 3:
			w.WriteHeader(408)
		case 4:
			panic(http.ErrAbortHandler)
		case 5: // taken, but the answer does not come whole
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(202)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		default:
			accept(w)
		}
	}
	failed := make(chan error, workers*chunks)
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			for chunk := range chunks {
				failed <- s.untilDone(t, (worker*chunks+chunk)*records, records)
			}
		})
	}
	group.Wait()
	close(failed)
	for err := range failed {
		if err != nil {
			t.Error(err)
		}
	}
	total := 0
	for i := range workers * chunks * records {
		n := arrived[fmt.Sprint(i)]
		if n == 0 {
			t.Fatalf("%d is lost", i)
		}
		total += n
	}
	if extra := total - workers*chunks*records; extra != cutTwice || cutTwice == 0 {
		t.Errorf("%d arrived twice, %d answers were cut", extra, cutTwice)
	}
	s.wantCounts(t, map[string]int{"datadog delivered": workers * chunks * records})
}

// untilDone offers a chunk of records with ids from first until it is settled.
func (s *setup) untilDone(t *testing.T, first, records int) error {
	var (
		done delivery.Set
		err  error
	)
	for range 100 {
		c := s.Begin(context.Background(), "tag", &done)
		for i := range records {
			c.Add(rec(t, i, "log", "x", "id", first+i), now().UnixNano())
		}
		if err = c.End(); err == nil {
			return nil
		}
		if strings.Contains(err.Error(), testKey) {
			return errors.New("the key stands in an error")
		}
	}
	return err
}

func TestSplitByBytes(t *testing.T) {
	s := newSink(t, nil)
	text := strings.Repeat("0123456789abcdef", 50_000/16)
	c := s.Begin(context.Background(), "tag", new(delivery.Set))
	for i := range 250 {
		c.Add(rec(t, i, "log", text, "id", i), now().UnixNano())
	}
	if err := c.End(); err != nil {
		t.Fatal(err)
	}
	next := 0
	for _, r := range s.intake.got() {
		if len(r.body) > 5_000_000 {
			t.Errorf("a body of %d bytes", len(r.body))
		}
		for _, id := range ids(r) {
			if id != fmt.Sprint(next) {
				t.Fatalf("id %s, want %d", id, next)
			}
			next++
		}
	}
	if next != 250 || len(s.intake.got()) != 3 {
		t.Errorf("%d entries in %d requests", next, len(s.intake.got()))
	}
}

// TestFullestBatch: a body takes up the limit to the byte, and no more.
func TestFullestBatch(t *testing.T) {
	const entries, each = 6, 830_000
	probe := newSink(t, nil)
	probe.prove(t)
	around := len(probe.intake.got()[0].body) - len("[]") - len("line")
	for _, c := range []struct {
		body  int
		sizes string
	}{{5_000_000, "[6]"}, {5_000_001, "[5 1]"}} {
		t.Run(fmt.Sprint(c.body), func(t *testing.T) {
			s := newSink(t, nil)
			text := strings.Repeat("x", c.body)
			left := c.body - len("[,,,,,]") - entries*around
			chunk := s.Begin(context.Background(), "tag", new(delivery.Set))
			for i := range entries {
				n := each
				if i == entries-1 {
					n = left
				}
				left -= n
				chunk.Add(rec(t, i, "log", text[:n], "id", i), now().UnixNano())
			}
			if err := chunk.End(); err != nil {
				t.Fatal(err)
			}
			if s.sizes() != c.sizes {
				t.Errorf("entries by request: %s, want %s", s.sizes(), c.sizes)
			}
			total := 0
			for _, r := range s.intake.got() {
				total += len(r.body)
			}
			if want := c.body + len(s.intake.got()) - 1; total != want { // ][ for a comma
				t.Errorf("%d bytes in all, want %d", total, want)
			}
		})
	}
}

// TestRetrySendsTheRest: the second batch fails; the retry sends it and what
// followed, and nothing twice.
func TestRetrySendsTheRest(t *testing.T) {
	s := newSink(t, nil)
	s.intake.answer = func(n int, _ request, w http.ResponseWriter) {
		if n == 1 {
			w.WriteHeader(503)
			return
		}
		accept(w)
	}
	var done delivery.Set
	if err := s.send(t, 2500, &done); err == nil {
		t.Fatal("no error")
	}
	s.wantCounts(t, map[string]int{"datadog delivered": 1000, "datadog retried": 1500})
	if n := len(s.intake.got()); n != 2 {
		t.Errorf("%d requests: it went on after the failure", n)
	}
	if err := s.send(t, 2500, &done); err != nil {
		t.Fatal(err)
	}
	s.wantCounts(t, map[string]int{"datadog delivered": 2500})
	seen := map[string]int{}
	for i, r := range s.intake.got() {
		if i != 1 {
			for _, id := range ids(r) {
				seen[id]++
			}
		}
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s was accepted %d times", id, n)
		}
	}
	if len(seen) != 2500 {
		t.Errorf("%d ids", len(seen))
	}
}

func TestTooOld(t *testing.T) {
	old := now().Add(-18*time.Hour - time.Millisecond)
	tests := []struct {
		mode, want, count string
	}{
		{"", fmt.Sprint(old.UnixMilli()), "datadog adjusted too_old_sent"},
		{"send", fmt.Sprint(old.UnixMilli()), "datadog adjusted too_old_sent"},
		{"arrival", fmt.Sprint(now().UnixMilli()), "datadog adjusted too_old_arrival"},
		{"drop", "", "datadog dropped too_old"},
	}
	for _, test := range tests {
		t.Run(test.mode, func(t *testing.T) {
			s := newSink(t, func(c *ddsink.Config) { c.TooOld = test.mode })
			var done delivery.Set
			c := s.Begin(context.Background(), "tag", &done)
			c.Add(rec(t, 0, "log", "old"), old.UnixNano())
			c.Add(rec(t, 1, "log", "not quite"), now().Add(-18*time.Hour).UnixNano())
			if err := c.End(); err != nil {
				t.Fatal(err)
			}
			s.wantCounts(t, map[string]int{test.count: 1})
			items := s.intake.got()[0].items
			if last := items[len(items)-1]; last["message"] != "not quite" {
				t.Errorf("got %v", items)
			}
			if test.want == "" {
				if len(items) != 1 || !done.Has(0) {
					t.Errorf("got %v", items)
				}
				return
			}
			if got := fmt.Sprint(items[0]["timestamp"]); got != test.want {
				t.Errorf("timestamp = %s, want %s", got, test.want)
			}
			if kept := items[0]["edge.original_timestamp"]; (kept != nil) != (test.mode == "arrival") || kept != nil && fmt.Sprint(kept) != fmt.Sprint(old.UnixMilli()) {
				t.Errorf("edge.original_timestamp = %v", kept)
			}
		})
	}
}

func TestTooNew(t *testing.T) {
	s := newSink(t, nil)
	for range 2 {
		c := s.Begin(context.Background(), "tag", new(delivery.Set))
		c.Add(rec(t, 0, "log", "ahead"), now().Add(2*time.Hour+time.Millisecond).UnixNano())
		c.Add(rec(t, 1, "log", "not quite"), now().Add(2*time.Hour).UnixNano())
		if err := c.End(); err != nil {
			t.Fatal(err)
		}
		if err := s.metrics(t, nil, gauge(series("g", metric.Gauge), 601, 1)); err != nil {
			t.Fatal(err)
		}
	}
	s.wantCounts(t, map[string]int{"datadog adjusted too_new_sent": 2, "datadog_metrics dropped too_new": 2})
	for _, said := range []string{"logs are more than 2 hours ahead", "metric points are more than 10 minutes ahead"} {
		if n := strings.Count(s.log.String(), said); n != 1 {
			t.Errorf("%q was said %d times:\n%s", said, n, s.log)
		}
	}
}

func TestTimesBefore1970(t *testing.T) {
	s := newSink(t, nil)
	c := s.Begin(context.Background(), "tag", new(delivery.Set))
	c.Add(rec(t, 0, "log", "x"), -1)
	if err := c.End(); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.intake.got()[0].items[0]["timestamp"]); got != "-1" {
		t.Errorf("timestamp = %s, want -1", got)
	}
}

func TestAdjustedIsCountedOnDelivery(t *testing.T) {
	s := newSink(t, nil)
	s.intake.answer = func(n int, _ request, w http.ResponseWriter) {
		if n == 0 {
			w.WriteHeader(500)
			return
		}
		accept(w)
	}
	var done delivery.Set
	for range 2 {
		c := s.Begin(context.Background(), "tag", &done)
		c.Add(rec(t, 0, "log", strings.Repeat("x", 1_200_000)), now().UnixNano())
		c.Add(rec(t, 1, "big", strings.Repeat("x", 1_200_000)), now().UnixNano())
		_ = c.End()
	}
	s.wantCounts(t, map[string]int{
		"datadog adjusted truncated": 1, "datadog adjusted attributes_dropped": 1, "datadog delivered": 2, "datadog retried": 2,
	})
}

func TestKeyFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	s := newSink(t, func(c *ddsink.Config) { c.APIKey, c.APIKeyFile = delivery.Secret{}, file })
	err := s.send(t, 1, new(delivery.Set))
	if err == nil || !strings.Contains(err.Error(), "no API key yet") || len(s.intake.got()) != 0 {
		t.Fatalf("without a key: err = %v", err)
	}
	write := func(key string) {
		if err := os.WriteFile(file, []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first\n")
	s.clock.Advance(5 * time.Second)
	if err := s.send(t, 1, new(delivery.Set)); err != nil {
		t.Fatal(err)
	}
	// The key is changed at the intake and in the file: the same flush notices.
	s.intake.mu.Lock()
	s.intake.answer = func(_ int, r request, w http.ResponseWriter) {
		if r.header.Get("DD-API-KEY") != "second" {
			w.WriteHeader(403)
			return
		}
		accept(w)
	}
	s.intake.mu.Unlock()
	write("second")
	if err := s.send(t, 1, new(delivery.Set)); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, r := range s.intake.got() {
		keys = append(keys, r.header.Get("DD-API-KEY"))
	}
	if strings.Join(keys, " ") != "first first second" {
		t.Errorf("keys = %v", keys)
	}
	if strings.Contains(s.log.String(), "first") || strings.Contains(s.log.String(), "=second") {
		t.Errorf("a key stands in the log: %s", s.log)
	}
}

// TestCertificatesAreAwaited: files that are missing are no fault of the settings.
func TestCertificatesAreAwaited(t *testing.T) {
	for _, change := range []func(*ddsink.Config){
		func(c *ddsink.Config) { c.CAFile = "/nonexistent/ca.pem" },
		func(c *ddsink.Config) { c.CertFile, c.KeyFile = "/nonexistent/cert.pem", "/nonexistent/key.pem" },
	} {
		s := newSink(t, func(c *ddsink.Config) {
			change(c)
			c.URL = "https://127.0.0.1:1"
		})
		var retry *delivery.RetryError
		if err := s.send(t, 1, new(delivery.Set)); !errors.As(err, &retry) || !strings.Contains(err.Error(), "/nonexistent/c") {
			t.Errorf("err = %v", err)
		}
		_ = s.send(t, 1, new(delivery.Set))
		s.wantCounts(t, map[string]int{"request logs tls": 2, "datadog retried": 2})
		if n := strings.Count(s.log.String(), "\n"); n != 1 || !strings.Contains(s.log.String(), "/nonexistent/c") {
			t.Errorf("log = %s", s.log)
		}
	}
}

func TestDryRun(t *testing.T) {
	s := newSink(t, func(c *ddsink.Config) { c.DryRun = true })
	var done delivery.Set
	if err := s.send(t, 200, &done); err != nil {
		t.Fatal(err)
	}
	if len(s.intake.got()) != 0 || !done.Has(199) {
		t.Error("it sent, or did not settle")
	}
	s.wantCounts(t, map[string]int{"datadog adjusted dry_run": 200, "datadog delivered": 0, "request logs 202": 0})
	log := s.log.String()
	for _, part := range []string{"dry run: would send", "endpoint=logs", "entries=200", "line", "compressed="} {
		if !strings.Contains(log, part) {
			t.Errorf("log has no %q: %s", part, log)
		}
	}
	if len(log) > 8<<10 {
		t.Errorf("%d bytes of log", len(log))
	}
}

func TestDryRunShowsNoKeyOfTheAddress(t *testing.T) {
	s := newSink(t, func(c *ddsink.Config) {
		c.DryRun, c.URL = true, "http://127.0.0.1:1/v1/input/"+testKey
	})
	if err := s.send(t, 1, new(delivery.Set)); err != nil {
		t.Fatal(err)
	}
	log := s.log.String()
	if want := "url=http://127.0.0.1:1/v1/input/…/api/v2/logs "; !strings.Contains(log, want) || strings.Contains(log, testKey) {
		t.Errorf("log has no %q, or the key:\n%s", want, log)
	}
}

func TestSkew(t *testing.T) {
	s := newSink(t, nil)
	s.intake.answer = func(_ int, _ request, w http.ResponseWriter) {
		w.Header().Set("Date", now().Add(90*time.Second).Format(http.TimeFormat))
		accept(w)
	}
	if err := s.send(t, 1, new(delivery.Set)); err != nil {
		t.Fatal(err)
	}
	s.wantCounts(t, map[string]int{"skew": 90})
}

func TestCloseTwice(t *testing.T) {
	s := newSink(t, nil)
	for range 2 {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
}
