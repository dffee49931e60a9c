package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/klauspost/compress/gzhttp"
)

// maxAnswers bounds the pages that are sent at once: encoders of 0.7 MB each must
// not add up while readers are slow.
const maxAnswers = 8

// gzipLevel makes a page of many series a fifth smaller than gzhttp's default
// does, for 0.4 ms more with 10,000 series.
const gzipLevel = 6

// Pages wraps a handler of large answers: it compresses those of a kilobyte and
// more, and answers 503 to further requests while maxAnswers are being sent.
// (promhttp could compress too, but takes more CPU for gzip, and 9 MB for zstd:
// BenchmarkScrape.)
func Pages(h http.Handler) http.Handler {
	compress, err := gzhttp.NewWrapper(gzhttp.CompressionLevel(gzipLevel), gzhttp.EnableZstd(true))
	if err != nil {
		panic(err) // the options are constants
	}
	return Limit(maxAnswers, preferIdentity(compress(h)))
}

// Limit answers 503 while n requests are being answered.
func Limit(n int, h http.Handler) http.Handler {
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

// guard logs a panic as an error and aborts the answer, as net/http would; but
// net/http's own log line is at debug level here.
func guard(log *slog.Logger, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				log.Error("panic while "+r.Pattern+" is answered: please report this", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			}
			panic(http.ErrAbortHandler)
		}()
		h.ServeHTTP(w, r)
	})
}

// noSniff keeps browsers from guessing another content type.
func noSniff(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		h.ServeHTTP(w, r)
	})
}

// WriteJSON answers with an indented body that must not be kept.
func WriteJSON(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(body) // the reader has gone
}
