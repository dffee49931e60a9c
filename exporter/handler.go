package exporter

import (
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
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
	mux.Handle("/", limit(maxAnswers, weighPlain(pack(pages))))
	return p.guard(noSniff(mux))
}

// guard logs a panic where everybody sees it, and cuts the answer off as net/http
// would, which tells of it at a level that nobody looks at.
func (p *page) guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				logPanic(p.log, "panic while "+r.Pattern+" is answered: please report this", v)
			}
			panic(http.ErrAbortHandler)
		}()
		h.ServeHTTP(w, r)
	})
}

// maxAnswers is how many pages may be sent at once, /healthz and /readyz apart:
// encoders of 0.7 MB each must not add up while readers are slow.
const maxAnswers = 8

// limit refuses what comes while n requests are being answered.
func limit(n int, h http.Handler) http.Handler {
	free := make(chan struct{}, n)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case free <- struct{}{}:
		default:
			http.Error(w, "too many requests at once, try again later", http.StatusServiceUnavailable)
			return
		}
		defer func() { <-free }()
		h.ServeHTTP(w, r)
	})
}

// noSniff keeps browsers from taking one kind of content for another.
func noSniff(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		h.ServeHTTP(w, r)
	})
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
