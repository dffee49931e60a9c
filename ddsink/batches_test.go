package ddsink_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"out_edge/ddsink"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
)

// TestUnprovenIntake: whatever refuses everything before it has accepted anything
// may be no intake. Nothing is dropped, each try costs few requests, and one line
// tells it.
func TestUnprovenIntake(t *testing.T) {
	gauges := make([]metric.Sample, 40)
	for i := range gauges {
		gauges[i] = gauge(series(fmt.Sprintf("m%d", i), metric.Gauge), 0, 1)
	}
	sinks := []struct {
		name string
		n    int
		send func(s *setup, t *testing.T, done *delivery.Set) error
	}{
		{"datadog", 1, func(s *setup, t *testing.T, done *delivery.Set) error { return s.send(t, 1, done) }},
		{"datadog", 300, func(s *setup, t *testing.T, done *delivery.Set) error { return s.send(t, 300, done) }},
		{"datadog_metrics", 40, func(s *setup, t *testing.T, done *delivery.Set) error { return s.metrics(t, done, gauges...) }},
	}
	for _, sink := range sinks {
		for _, code := range []int{400, 413, 422} {
			t.Run(fmt.Sprintf("%d to %d of %s", code, sink.n, sink.name), func(t *testing.T) {
				s := newSink(t, nil)
				s.intake.answer = status(code)
				var done delivery.Set
				for range 3 {
					err := sink.send(s, t, &done)
					if want := fmt.Sprintf("HTTP status %d: even a single entry is refused", code); err == nil || !strings.Contains(err.Error(), want) {
						t.Fatalf("err = %v, want %s", err, want)
					}
				}
				if n := len(s.intake.got()); n > 3*16 {
					t.Errorf("%d requests", n)
				}
				s.intake.mu.Lock()
				s.intake.answer = nil
				s.intake.mu.Unlock()
				if err := sink.send(s, t, &done); err != nil {
					t.Fatal(err)
				}
				s.wantCounts(t, map[string]int{
					sink.name + " retried": 3 * sink.n, sink.name + " delivered": sink.n,
					sink.name + " dropped rejected": 0, sink.name + " dropped too_large": 0,
				})
				if n := strings.Count(s.log.String(), "\n"); n != 2 || strings.Count(s.log.String(), "level=ERROR") != 1 {
					t.Errorf("log = %s", s.log)
				}
			})
		}
	}
}

// TestRefusedBeforeTheFirstIsAccepted: an entry that was refused first is dropped
// once another of its batch is accepted, and one that comes later at once.
func TestRefusedBeforeTheFirstIsAccepted(t *testing.T) {
	s := newSink(t, nil)
	s.intake.answer = func(_ int, r request, w http.ResponseWriter) {
		for _, id := range ids(r) {
			if id == "0" {
				w.WriteHeader(400)
				return
			}
		}
		accept(w)
	}
	if err := s.send(t, 4, new(delivery.Set)); err != nil {
		t.Fatal(err)
	}
	s.wantCounts(t, map[string]int{"datadog delivered": 3, "datadog dropped rejected": 1, "datadog retried": 0})
	if err := s.send(t, 1, new(delivery.Set)); err != nil {
		t.Fatal(err)
	}
	s.wantCounts(t, map[string]int{"datadog dropped rejected": 2, "datadog retried": 0})
}

// TestTooLargeByItself: what is over a limit that is known is dropped wherever it
// would go, as no endpoint has to be asked.
func TestTooLargeByItself(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) // so that it does not compress well
	wide := series("wide", metric.Gauge)
	for i := range 8000 {
		value := fmt.Sprintf("%016x", random.Uint64())
		for range 10 {
			value += fmt.Sprintf("%016x", random.Uint64())
		}
		wide.Labels = append(wide.Labels, metric.Label{Name: fmt.Sprintf("label%d", i), Value: value})
	}
	for _, compress := range []string{"gzip", "zstd", "off"} {
		t.Run(compress, func(t *testing.T) {
			s := newSink(t, func(c *ddsink.Config) { c.Compress = compress })
			if err := s.metrics(t, nil, gauge(wide, 0, 1)); err != nil {
				t.Fatal(err)
			}
			if n := len(s.intake.got()); n != 0 {
				t.Errorf("%d requests", n)
			}
			s.wantCounts(t, map[string]int{"datadog_metrics dropped too_large": 1, "datadog_metrics retried": 0})
		})
	}
}

// sizes are the numbers of entries of the requests.
func (s *setup) sizes() string {
	var sizes []int
	for _, r := range s.intake.got() {
		sizes = append(sizes, len(r.items))
	}
	return fmt.Sprint(sizes)
}

// sendWide offers entries of 10 kB.
func (s *setup) sendWide(t *testing.T, n int, done *delivery.Set) error {
	t.Helper()
	return s.sendText(t, n, strings.Repeat("0123456789", 1000), done)
}

// sendText offers n entries with a text.
func (s *setup) sendText(t *testing.T, n int, text string, done *delivery.Set) error {
	t.Helper()
	c := s.Begin(context.Background(), "tag", done)
	for i := range n {
		c.Add(rec(t, i, "log", text, "id", i), s.clock.Now().Wall)
	}
	return c.End()
}

// lateTimeout passes in a bubble, so that only what is to be late is.
const lateTimeout = 500 * time.Millisecond

func lateConfig(c *ddsink.Config) { c.Timeout = lateTimeout }

// TestSlowLink: what does not get through in time is sent in pieces.
func TestSlowLink(t *testing.T) {
	inBubble(t, lateConfig, func(t *testing.T, s *setup) {
		release := make(chan struct{})
		defer close(release)
		s.intake.answer = func(_ int, r request, w http.ResponseWriter) {
			if len(r.body) > 110_000 {
				<-release
				return
			}
			accept(w)
		}
		var done delivery.Set
		tries := 0
		for s.sendWide(t, 40, &done) != nil {
			if tries++; tries > 5 {
				t.Fatal("no progress")
			}
		}
		if got, want := s.sizes(), "[40 20 10 10 10 10]"; got != want {
			t.Errorf("entries by request: %s, want %s", got, want)
		}
		s.wantCounts(t, map[string]int{"datadog delivered": 40, "request logs timeout": 2})
	})
}

// TestReceiverThatWaitedTooLong: a 408 is as telling as no answer.
func TestReceiverThatWaitedTooLong(t *testing.T) {
	s := newSink(t, nil)
	s.intake.answer = func(n int, _ request, w http.ResponseWriter) {
		if n == 0 {
			w.WriteHeader(408)
			return
		}
		accept(w)
	}
	var done delivery.Set
	if err := s.sendWide(t, 40, &done); err == nil {
		t.Fatal("settled")
	}
	if err := s.sendWide(t, 40, &done); err != nil || s.sizes() != "[40 20 20]" {
		t.Errorf("err = %v, entries by request: %s", err, s.sizes())
	}
}

// TestTimeoutThatTellsNothing: a flush whose time was up after some progress, a
// small request and one that found no connection leave the batches as large as
// they are.
func TestTimeoutThatTellsNothing(t *testing.T) {
	// holdsUp has request n wait until the end of the test.
	holdsUp := func(t *testing.T, s *setup, n int) {
		release := make(chan struct{})
		t.Cleanup(func() { close(release) })
		s.intake.answer = func(i int, _ request, w http.ResponseWriter) {
			if i == n {
				<-release
				return
			}
			accept(w)
		}
	}
	t.Run("progress", func(t *testing.T) {
		inBubble(t, lateConfig, func(t *testing.T, s *setup) {
			holdsUp(t, s, 1)
			var done delivery.Set
			text := strings.Repeat("x", 200) // two batches, far over the least size
			if err := s.sendText(t, 2000, text, &done); err == nil {
				t.Fatal("settled")
			}
			if err := s.sendText(t, 2000, text, &done); err != nil || s.sizes() != "[1000 1000 1000]" {
				t.Errorf("err = %v, entries by request: %s", err, s.sizes())
			}
		})
	})
	t.Run("small", func(t *testing.T) {
		inBubble(t, lateConfig, func(t *testing.T, s *setup) {
			holdsUp(t, s, 0)
			var retry *delivery.RetryError
			if err := s.send(t, 1, new(delivery.Set)); !errors.As(err, &retry) {
				t.Fatalf("err = %v", err)
			}
			if err := s.sendWide(t, 40, new(delivery.Set)); err != nil || s.sizes() != "[1 40]" {
				t.Errorf("err = %v, entries by request: %s", err, s.sizes())
			}
		})
	})
	t.Run("no connection", func(t *testing.T) {
		var open atomic.Bool
		inBubble(t, func(c *ddsink.Config) {
			lateConfig(c)
			connect := c.DialContext
			c.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				if !open.Load() {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return connect(ctx, network, addr)
			}
		}, func(t *testing.T, s *setup) {
			var done delivery.Set
			if err := s.sendWide(t, 40, &done); err == nil {
				t.Fatal("settled")
			}
			s.wantCounts(t, map[string]int{"request logs timeout": 1})
			open.Store(true)
			if err := s.sendWide(t, 40, &done); err != nil || s.sizes() != "[40]" {
				t.Errorf("err = %v, entries by request: %s", err, s.sizes())
			}
		})
	})
}
