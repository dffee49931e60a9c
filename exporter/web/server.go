package web

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

// Limits of the server.
const (
	headerTimeout  = 5 * time.Second
	readTimeout    = 10 * time.Second
	writeTimeout   = 30 * time.Second // a page of 10,000 series is about 1 MB
	idleTimeout    = 2 * time.Minute  // scrapers come about once a minute
	maxHeaderBytes = 16 << 10
	maxBodyBytes   = 4 << 10 // no handler reads a request body
	maxConnections = 64
)

// stopGrace limits how long requests in progress may continue after Stop; Fluent Bit
// allows its outputs 5 s.
const stopGrace = 2 * time.Second

// Waits between attempts to serve.
const (
	firstRetry = 200 * time.Millisecond
	lastRetry  = 15 * time.Second
)

// Config is what a Server serves, and where.
type Config struct {
	Listen string // host:port
	// ConfigFile is exporter-toolkit's web config file; empty is none.
	ConfigFile string
	Handler    http.Handler
	Log        *slog.Logger
}

// Server serves one handler on one address until Stop. Its methods are safe for
// concurrent use.
type Server struct {
	cfg Config

	ctx    context.Context // ends with Unlisten
	cancel context.CancelFunc
	loop   sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener // nil while there is none
	http     *http.Server // nil before the first listener
	fault    string       // the last one logged; "" while it serves
}

// Start listens before it returns, if that is possible now.
func Start(cfg Config) *Server {
	cfg.Handler = http.MaxBytesHandler(guard(cfg.Log, noSniff(cfg.Handler)), maxBodyBytes)
	s := &Server{cfg: cfg}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	l := s.bind()
	s.loop.Go(func() { s.run(l) })
	return s
}

// run serves on l, and then on further listeners, until Unlisten.
func (s *Server) run(l net.Listener) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = firstRetry, lastRetry
	for {
		if l != nil {
			wait.Reset()
			s.serve(l)
		}
		select {
		case <-s.ctx.Done():
			return
		case <-time.After(wait.NextBackOff()):
		}
		l = s.bind()
	}
}

// bind checks the web config file and listens. It returns nil, and logs why,
// where that fails.
func (s *Server) bind() net.Listener {
	err := checkFile(s.cfg.ConfigFile)
	var l net.Listener
	if err == nil {
		l, err = new(net.ListenConfig).Listen(s.ctx, "tcp", s.cfg.Listen)
	}
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
		Handler: s.cfg.Handler, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug), ConnState: noteState,
	}
	s.cfg.Log.Info("listening on " + l.Addr().String())
	return l
}

// serve returns when the listener is closed, or when the web config file turns
// out to be unusable.
func (s *Server) serve(l net.Listener) {
	err := web.Serve(l, s.http, &web.FlagConfig{WebConfigFile: &s.cfg.ConfigFile}, newToolkitLog(s.cfg.Log))
	_ = l.Close()
	s.mu.Lock()
	s.listener = nil
	s.mu.Unlock()
	s.failed(errors.New(redact(err.Error())))
}

// failed logs a fault, unless it was the last one logged. Its text must not quote
// the web config file.
func (s *Server) failed(err error) {
	if s.ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	logged := s.fault == err.Error()
	s.fault = err.Error()
	s.mu.Unlock()
	if !logged {
		s.cfg.Log.Warn("nothing is served on " + s.cfg.Listen + ", trying again in the background: " + err.Error())
	}
}

// Addr is the address that is served, or nil while none is.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// Unlisten frees the address before it returns. Requests under way continue.
func (s *Server) Unlisten() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancel()
	if s.listener != nil {
		_ = s.listener.Close()
	}
}

// Stop unlistens, lets the requests under way finish until ctx ends, for
// stopGrace at most, and then aborts them. It returns ctx's error.
func (s *Server) Stop(ctx context.Context) error {
	s.Unlisten()
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
