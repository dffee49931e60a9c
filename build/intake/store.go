package intake

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// The endpoints, as Check and Request name them.
const (
	Logs   = "logs"
	Series = "series"
)

// Entry is one accepted log entry or series.
type Entry struct {
	JSON json.RawMessage
	// Request is the number of the request that brought it.
	Request int
	// Cut: its sender was not told that it was accepted.
	Cut bool
	// Discarded: accepted, then thrown away as too old.
	Discarded bool
}

// Request is one request that came to its end.
type Request struct {
	N        int
	Endpoint string
	// At is when its answer was decided.
	At     time.Time
	Header http.Header
	// Status is what was answered; 0: nothing, the connection broke.
	Status int
	// Reason says why it was refused.
	Reason string
	// Wire and Raw are the body's bytes as sent and unpacked, Entries those
	// that it held when it was accepted.
	Wire, Raw int64
	Entries   int
	Action    Action
}

// Tally says how often the intake accepted an entry with one id.
type Tally struct {
	Accepted int
	// Cut are those of them whose sender was not told.
	Cut int
}

// store holds what came in. The zero value is ready.
type store struct {
	mu       sync.Mutex
	logs     []Entry
	series   []Entry
	requests []Request
	ids      map[string]Tally
	counts   map[string]int // accepted entries by endpoint, kept or not
	changed  chan struct{}  // closed, and made anew, at each change
}

func (s *store) add(req Request, entries []Entry, ids []string, keep bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts, s.ids = make(map[string]int), make(map[string]Tally)
	}
	s.requests = append(s.requests, req)
	s.counts[req.Endpoint] += len(entries)
	if keep && req.Endpoint == Logs {
		s.logs = append(s.logs, entries...)
	}
	if keep && req.Endpoint == Series {
		s.series = append(s.series, entries...)
	}
	for _, id := range ids {
		t := s.ids[id]
		t.Accepted++
		if req.Action.answerLost() {
			t.Cut++
		}
		s.ids[id] = t
	}
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// wait returns when the condition holds, which is asked under the lock after
// each change, or when ctx ends.
func (s *store) wait(ctx context.Context, holds func() bool) error {
	for {
		s.mu.Lock()
		if holds() {
			s.mu.Unlock()
			return nil
		}
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Logs are the accepted log entries so far, in the order of acceptance.
func (s *Server) Logs() []Entry { return s.copy(&s.store.logs) }

// Series are the accepted series so far.
func (s *Server) Series() []Entry { return s.copy(&s.store.series) }

func (s *Server) copy(from *[]Entry) []Entry {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	return slices.Clone(*from)
}

// Requests are the requests that came to their end so far.
func (s *Server) Requests() []Request {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	return slices.Clone(s.store.requests)
}

// IDs counts the accepted entries by their id (Config.IDKey).
func (s *Server) IDs() map[string]Tally {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	return maps.Clone(s.store.ids)
}

// Count is the number of accepted entries of an endpoint so far.
func (s *Server) Count(endpoint string) int {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	return s.store.counts[endpoint]
}

// WaitLogs returns when n log entries have been accepted, or with ctx's error.
func (s *Server) WaitLogs(ctx context.Context, n int) error {
	return s.store.wait(ctx, func() bool { return s.store.counts[Logs] >= n })
}

// WaitSeries returns when n series have been accepted, or with ctx's error.
func (s *Server) WaitSeries(ctx context.Context, n int) error {
	return s.store.wait(ctx, func() bool { return s.store.counts[Series] >= n })
}

// WaitRequests returns when n requests have come to their end, or with ctx's
// error.
func (s *Server) WaitRequests(ctx context.Context, n int) error {
	return s.store.wait(ctx, func() bool { return len(s.store.requests) >= n })
}

// WaitIDs returns when n different ids have been accepted, or with ctx's error.
func (s *Server) WaitIDs(ctx context.Context, n int) error {
	return s.store.wait(ctx, func() bool { return len(s.store.ids) >= n })
}
