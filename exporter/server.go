package exporter

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/exporter-toolkit/web"
)

// Limits of the server. A scrape of 10,000 series is about 1 MB.
const (
	headerTimeout  = 5 * time.Second
	readTimeout    = 10 * time.Second
	writeTimeout   = 30 * time.Second
	idleTimeout    = 2 * time.Minute // a scraper comes each minute or so
	maxHeaderBytes = 16 << 10
	maxBodyBytes   = 4 << 10 // nothing here takes a body
	maxConnections = 64
)

// stopGrace is how long a request may take on once the page closes, within the
// 5 s that Fluent Bit gives its outputs.
const stopGrace = 2 * time.Second

// How long it waits before it tries a busy port again.
const (
	firstRetry = 200 * time.Millisecond
	lastRetry  = 15 * time.Second
)

// server serves one handler on one address for as long as it is not stopped: a
// fault that may heal (the port is busy, the web config file is missing) is
// logged once and tried again.
type server struct {
	listen  string
	webFile string
	handler http.Handler
	log     *slog.Logger

	ctx    context.Context // ends with unlisten
	cancel context.CancelFunc
	loop   sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener // nil while there is none
	http     *http.Server // nil before the first
	fault    string       // the last one that was logged, "" when it serves
}

func newServer(listen, webFile string, handler http.Handler, log *slog.Logger) *server {
	s := &server{listen: listen, webFile: webFile, handler: http.MaxBytesHandler(handler, maxBodyBytes), log: log}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// start listens at once if it can; the rest happens in the background.
func (s *server) start() {
	l := s.bind()
	s.loop.Go(func() { s.run(l) })
}

// run serves on l, and on what bind gives after that, until unlisten.
func (s *server) run(l net.Listener) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = firstRetry, lastRetry
	for {
		if l != nil {
			wait.Reset()
			s.serve(l)
		}
		if !s.pause(wait.NextBackOff()) {
			return
		}
		l = s.bind()
	}
}

// pause waits for d; false means that the server is to stop.
func (s *server) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-s.ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// bind checks the web config file and listens; nil, and logged, when it cannot
// be.
func (s *server) bind() net.Listener {
	if err := checkWebFile(s.webFile); err != nil {
		s.failed(err)
		return nil
	}
	var config net.ListenConfig
	l, err := config.Listen(s.ctx, "tcp", s.listen)
	if err != nil {
		s.failed(err)
		return nil
	}
	l = limitConnections(l, maxConnections)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		_ = l.Close()
		return nil
	}
	s.listener, s.fault = l, ""
	s.http = &http.Server{
		Handler: s.handler, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), ConnState: tellIdle,
	}
	s.log.Info("listening on " + l.Addr().String())
	return l
}

// serve returns when the listener is closed or the web config file turns out
// not to work.
func (s *server) serve(l net.Listener) {
	err := web.Serve(l, s.http, &web.FlagConfig{WebConfigFile: &s.webFile}, slog.New(newToolkitLog(s.log)))
	_ = l.Close()
	s.mu.Lock()
	s.listener = nil
	s.mu.Unlock()
	if s.ctx.Err() == nil {
		s.failed(errors.New(redact(err.Error())))
	}
}

// failed logs a fault, unless it was logged last. Its text must hold nothing of
// the web config file.
func (s *server) failed(err error) {
	if s.ctx.Err() != nil {
		return
	}
	text := err.Error()
	s.mu.Lock()
	known := s.fault == text
	s.fault = text
	s.mu.Unlock()
	if !known {
		s.log.Warn("nothing is served on " + s.listen + ", trying again in the background: " + text)
	}
}

// addr is nil while nothing is listened to.
func (s *server) addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// unlisten gives the address back; when it returns the port is free. Requests
// under way go on.
func (s *server) unlisten() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancel()
	if s.listener != nil {
		_ = s.listener.Close()
	}
}

// stop gives the requests under way until ctx ends, a moment at most, and then
// cuts them off.
func (s *server) stop(ctx context.Context) error {
	s.unlisten()
	s.mu.Lock()
	srv := s.http
	s.mu.Unlock()
	if srv != nil {
		grace, cancel := context.WithTimeout(ctx, stopGrace)
		defer cancel()
		if srv.Shutdown(grace) != nil {
			_ = srv.Close()
		}
	}
	s.loop.Wait()
	return ctx.Err()
}
