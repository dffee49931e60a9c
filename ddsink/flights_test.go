package ddsink_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"out_edge/plugin/delivery"
)

// mobile is how long an answer takes over a good mobile network at least.
const mobile = 30 * time.Millisecond

// TestSlowAnswers: where an answer takes its time, a few requests are under way at
// once; each record arrives once, and a failure of one keeps what it had alone.
func TestSlowAnswers(t *testing.T) {
	s := newSink(t, nil)
	var together sync.WaitGroup
	together.Add(3)
	s.intake.answer = func(n int, r request, w http.ResponseWriter) {
		switch n {
		case 0:
			s.clock.Advance(mobile)
		case 1, 2, 3:
			s.clock.Advance(mobile)
			together.Done()
			together.Wait() // hangs if they come one after the other
			if ids(r)[0] == "2000" {
				w.WriteHeader(503)
				return
			}
		}
		accept(w)
	}
	var done delivery.Set
	if err := s.send(t, 4000, &done); err == nil {
		t.Fatal("settled")
	}
	s.wantCounts(t, map[string]int{"datadog delivered": 3000, "datadog retried": 1000})
	if err := s.send(t, 4000, &done); err != nil {
		t.Fatal(err)
	}
	s.wantCounts(t, map[string]int{"datadog delivered": 4000})
	if got := s.intake.got(); len(got) != 5 || len(got[4].items) != 1000 {
		t.Errorf("%d requests, entries %s", len(got), s.sizes())
	}
}
