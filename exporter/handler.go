package exporter

import (
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"out_edge/exporter/web"
)

// maxScrapes is how many scrapes may be answered at once; of 10,000 series each
// takes some 4 MB. Gatherings are not shared (promhttp's CoalesceGather): a slow
// reader would hold the old values fast for everybody who comes meanwhile.
const maxScrapes = 4

// handler routes what the page serves. Everything is behind the web config
// file's authentication, /healthz included.
func (p *page) handler() http.Handler {
	pages := http.NewServeMux()
	pages.Handle("GET /metrics", p.noteScrape(p.metricsHandler()))
	pages.HandleFunc("GET /debug/time", p.debugTime)
	pages.HandleFunc("GET /{$}", p.status.serve)
	states := http.NewServeMux()
	states.HandleFunc("GET /healthz", p.healthz)
	states.HandleFunc("GET /readyz", p.readyz)
	mux := http.NewServeMux()
	mux.Handle("/healthz", states)
	mux.Handle("/readyz", states)
	mux.Handle("/", web.Pages(pages))
	return mux
}

// noteScrape keeps the time of the last scrape, for the status page.
func (p *page) noteScrape(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.scraped.Store(arrival(p.clock.Now()))
		h.ServeHTTP(w, r)
	})
}

func (p *page) metricsHandler() http.Handler {
	return promhttp.HandlerForTransactional(prometheus.ToTransactionalGatherer(p.registry), promhttp.HandlerOpts{
		ErrorLog: &gatherLog{log: p.log}, ErrorHandling: promhttp.ContinueOnError,
		MaxRequestsInFlight: maxScrapes, EnableOpenMetrics: true, DisableCompression: true,
	})
}

// gatherLog takes promhttp's errors. Their text holds series, hence payload, so
// it is not passed on.
type gatherLog struct {
	log  *slog.Logger
	said atomic.Bool
}

// Println is part of promhttp.Logger.
func (l *gatherLog) Println(...any) {
	if !l.said.Swap(true) {
		l.log.Warn("a series could not be shown on /metrics and was left out; this is said once")
	}
}
