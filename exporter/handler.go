package exporter

import (
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"

	"out_edge/exporter/statuspage"
	"out_edge/exporter/web"
)

// handler routes the endpoint's requests. The web config file's authentication applies
// to all, /healthz included. Only the large answers are limited in number: /healthz and
// /readyz answer even while readers of the others are slow.
func (p *endpoint) handler() http.Handler {
	status := &statuspage.Page{Snapshot: p.snapshot, Trusts: func(r *http.Request) bool { return web.Trusts(r, p.webConfigFile) }}
	pages := http.NewServeMux()
	pages.Handle("GET /metrics", p.noteScrape(web.Limit(maxScrapes, newScraper(p))))
	pages.HandleFunc("GET /debug/time", status.ServeRepairs)
	pages.Handle("GET /{$}", status)
	states := http.NewServeMux()
	states.HandleFunc("GET /healthz", healthz)
	states.HandleFunc("GET /readyz", p.readyz)
	mux := http.NewServeMux()
	mux.Handle("/healthz", states)
	mux.Handle("/readyz", states)
	mux.Handle("/", web.Pages(pages))
	return mux
}

// healthz reports that the process serves.
func healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n")
}

// readiness is the body of /readyz.
type readiness struct {
	Ready   bool     `json:"ready"`
	Reasons []string `json:"reasons"`
}

// readyz answers 200 when every instance is ready, else 503 with their reasons.
func (p *endpoint) readyz(w http.ResponseWriter, _ *http.Request) {
	body := readiness{Reasons: []string{}}
	for _, m := range p.attached() {
		body.Reasons = append(body.Reasons, m.cfg.status().NotReady...)
	}
	body.Ready = len(body.Reasons) == 0
	code := http.StatusOK
	if !body.Ready {
		code = http.StatusServiceUnavailable
	}
	web.WriteJSON(w, code, body)
}

// noteScrape records the time of the last scrape for the status page.
func (p *endpoint) noteScrape(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.scraped.Store(int64(p.clock.Now().Elapsed()))
		h.ServeHTTP(w, r)
	})
}

// gatherLog is promhttp's logger. The text of an error contains series, which come from
// payload, so it is not logged.
type gatherLog struct {
	log    *slog.Logger
	logged atomic.Bool
}

// Println is part of promhttp.Logger.
func (l *gatherLog) Println(...any) {
	if !l.logged.Swap(true) {
		l.log.Warn("a series could not be shown on /metrics and was left out; this is said once")
	}
}

// IsLoopback reports whether who listens on host:port is reached from this machine alone.
func IsLoopback(address string) bool { return web.IsLoopback(address) }
