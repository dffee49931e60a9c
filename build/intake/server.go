package intake

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Config of a Server. The zero value listens on a free loopback port and
// accepts any key and any JSON of the right shape.
type Config struct {
	// Addr is host:port; "" is 127.0.0.1:0.
	Addr string
	// Keys are the API keys that are accepted; none: any that is not empty.
	Keys []string
	// Check judges an unpacked body of endpoint Logs or Series; a Refusal names
	// its status, a Discard throws entries away behind a 202, any other error
	// is a 400.
	Check func(endpoint string, body []byte) error
	// Script says what happens to each request; nil: all goes well.
	Script Script
	// IDKey is the log entry's key that IDs counts by; "" is id.
	IDKey string
	// CountOnly keeps no entries, for long runs.
	CountOnly bool
	// OnAccept is called for each accepted body, by several goroutines at once.
	OnAccept func(endpoint string, entries []Entry)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Server is an intake that listens. Its methods are safe for concurrent use.
type Server struct {
	cfg   Config
	http  *http.Server
	ln    net.Listener
	store store
	n     atomic.Int64
	done  chan struct{}
	close sync.Once
	serve sync.WaitGroup

	mu     sync.Mutex
	keys   []string
	script Script
}

// Start listens and serves until Close.
func Start(cfg Config) (*Server, error) {
	s := New(cfg)
	addr := cfg.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("start the intake: %w", err)
	}
	s.ln = ln
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.serve.Go(func() { _ = s.http.Serve(ln) })
	return s, nil
}

// New makes a Server that does not listen: an http.Handler, for a test that
// brings its own TLS or listener. Close releases what hangs in it.
func New(cfg Config) *Server {
	if cfg.IDKey == "" {
		cfg.IDKey = "id"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Server{cfg: cfg, keys: cfg.Keys, script: cfg.Script, done: make(chan struct{})}
}

// URL is the base address, for dd_url and dd_metrics_url.
func (s *Server) URL() string { return "http://" + s.ln.Addr().String() }

// Close releases hanging requests and ends the server. It is idempotent.
func (s *Server) Close() {
	s.close.Do(func() {
		close(s.done)
		if s.http != nil {
			_ = s.http.Close()
		}
		s.serve.Wait()
	})
}

// SetKeys replaces the accepted keys.
func (s *Server) SetKeys(keys ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = keys
}

// SetScript replaces the script; the numbering of requests goes on.
func (s *Server) SetScript(script Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = script
}

// ServeHTTP serves the two endpoints.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/api/v2/logs":
		s.handle(w, r, Logs, limits{MaxLogsBytes, MaxLogsBytes})
	case "/api/v2/series":
		s.handle(w, r, Series, limits{MaxSeriesWire, MaxSeriesBytes})
	default:
		http.Error(w, `{"errors":["Not found"]}`, http.StatusNotFound)
	}
}

func (s *Server) action(r *http.Request) (int, Action) {
	n := int(s.n.Add(1))
	s.mu.Lock()
	script := s.script
	s.mu.Unlock()
	if script == nil {
		return n, Action{}
	}
	return n, script(n, r)
}

func (s *Server) handle(w http.ResponseWriter, r *http.Request, endpoint string, l limits) {
	n, action := s.action(r)
	req := Request{N: n, Endpoint: endpoint, Header: r.Header.Clone(), Action: action}
	if action.ResetBefore {
		s.abandon(req)
	}
	b, err := readBody(r, l, action.SlowRead)
	req.Wire, req.Raw = b.wire, int64(len(b.raw))
	if !s.released(r, action) {
		s.abandon(req)
	}
	var entries []Entry
	var ids []string
	if err == nil {
		entries, ids, err = s.judge(r, endpoint, b.raw)
	}
	req.Status, req.Reason = status(action, err)
	if err != nil || !action.accepts() {
		s.finish(req, nil, nil)
		answer(w, req)
		return
	}
	s.accept(req, entries, ids)
	switch {
	case action.ResetAfter:
		panic(http.ErrAbortHandler)
	case action.Cut:
		cut(w)
	case action.Raw != "":
		raw(w, action.Raw)
	default:
		answer(w, req)
	}
}

// released waits as the action says; false: the client has gone, or the server
// closes.
func (s *Server) released(r *http.Request, a Action) bool {
	hold := a.Hold
	if a.Hang {
		hold = make(chan struct{})
	}
	var delay <-chan time.Time
	if a.Delay > 0 {
		timer := time.NewTimer(a.Delay)
		defer timer.Stop()
		delay = timer.C
	}
	if hold == nil && delay == nil {
		return true
	}
	select {
	case <-hold:
		return true
	case <-delay:
		return true
	case <-r.Context().Done():
	case <-s.done:
	}
	return false
}

// judge splits a body into its entries, or refuses it; a Discard is no error,
// it marks entries.
func (s *Server) judge(r *http.Request, endpoint string, raw []byte) ([]Entry, []string, error) {
	if err := s.checkRequest(r); err != nil {
		return nil, nil, err
	}
	entries, err := split(endpoint, raw)
	if err != nil {
		return nil, nil, &Refusal{http.StatusBadRequest, err.Error()}
	}
	if endpoint == Logs && len(entries) > MaxLogEntries {
		return nil, nil, &Refusal{http.StatusRequestEntityTooLarge, "more than 1000 entries"}
	}
	if s.cfg.Check != nil {
		err = s.cfg.Check(endpoint, raw)
	}
	var discard *Discard
	if errors.As(err, &discard) {
		for _, i := range discard.Index {
			entries[i].Discarded = true
		}
		err = nil
	}
	if endpoint != Logs || err != nil {
		return entries, nil, err
	}
	return entries, ids(entries, s.cfg.IDKey), nil
}

func (s *Server) checkRequest(r *http.Request) error {
	s.mu.Lock()
	keys := s.keys
	s.mu.Unlock()
	key := r.Header.Get("DD-API-KEY")
	switch {
	case r.Method != http.MethodPost:
		return &Refusal{http.StatusMethodNotAllowed, "not a POST"}
	case key == "":
		return &Refusal{http.StatusUnauthorized, "no DD-API-KEY"}
	case len(keys) > 0 && !slices.Contains(keys, key):
		return &Refusal{http.StatusForbidden, "the DD-API-KEY is not known"}
	case r.Header.Get("Content-Type") != "application/json":
		return &Refusal{http.StatusUnsupportedMediaType, "the content type is not application/json"}
	}
	return nil
}

// split takes a body apart: a list of logs (or one), or {"series": list}.
func split(endpoint string, raw []byte) ([]Entry, error) {
	var list []json.RawMessage
	var err error
	if endpoint == Series {
		var payload struct{ Series []json.RawMessage }
		err = json.Unmarshal(raw, &payload)
		list = payload.Series
	} else if err = json.Unmarshal(raw, &list); err != nil && json.Valid(raw) && raw[0] == '{' {
		list, err = []json.RawMessage{raw}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", endpoint, err)
	}
	entries := make([]Entry, len(list))
	for i, item := range list {
		entries[i].JSON = item
	}
	return entries, nil
}

func ids(entries []Entry, key string) []string {
	var all []string
	for _, e := range entries {
		var fields map[string]json.RawMessage
		var id string
		if json.Unmarshal(e.JSON, &fields) == nil && json.Unmarshal(fields[key], &id) == nil {
			all = append(all, id)
		}
	}
	return all
}

func status(a Action, err error) (int, string) {
	var refusal *Refusal
	switch {
	case err != nil && errors.As(err, &refusal):
		return refusal.Status, refusal.Reason
	case err != nil:
		return http.StatusBadRequest, err.Error()
	case a.Status != 0:
		return a.Status, "as scripted"
	}
	return http.StatusAccepted, ""
}

func (s *Server) accept(req Request, entries []Entry, ids []string) {
	for i := range entries {
		entries[i].Request = req.N
		entries[i].Cut = req.Action.answerLost()
	}
	req.Entries, req.Reason = len(entries), ""
	if req.Action.ResetAfter {
		req.Status = 0
	}
	if s.cfg.OnAccept != nil {
		s.cfg.OnAccept(req.Endpoint, entries)
	}
	s.finish(req, entries, ids)
}

// abandon closes the connection without an answer, nothing accepted.
func (s *Server) abandon(req Request) {
	s.finish(req, nil, nil)
	panic(http.ErrAbortHandler)
}

func (s *Server) finish(req Request, entries []Entry, ids []string) {
	req.At = s.cfg.Now()
	s.store.add(req, entries, ids, !s.cfg.CountOnly)
}

func answer(w http.ResponseWriter, req Request) {
	for key, values := range req.Action.Header {
		w.Header()[http.CanonicalHeaderKey(key)] = values
	}
	body := req.Action.Body
	if body == "" {
		body = `{"errors":[]}`
		if req.Status >= 300 {
			data, _ := json.Marshal(map[string][]string{"errors": {req.Reason}})
			body = string(data)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(req.Status)
	_, _ = io.WriteString(w, body)
}

// raw sends bytes that need not be HTTP, then closes the connection.
func raw(w http.ResponseWriter, text string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_, _ = io.WriteString(conn, text)
	_ = conn.Close()
}

// cut sends half of what it announces, then closes the connection.
func cut(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "100")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"errors":`)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}
