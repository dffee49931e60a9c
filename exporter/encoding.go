package exporter

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzhttp"
)

// gzipLevel makes a page of many series a fifth smaller than the library's default
// does, for 0.4 ms more with 10,000 series.
const gzipLevel = 6

// pack compresses answers of a kilobyte and more. promhttp could, but with more
// CPU for gzip, and 9 MB for zstd (BenchmarkScrape).
func pack(h http.Handler) http.HandlerFunc {
	wrap, err := gzhttp.NewWrapper(gzhttp.CompressionLevel(gzipLevel), gzhttp.EnableZstd(true))
	if err != nil {
		panic(err) // options that the library does not know
	}
	return wrap(h)
}

// weighPlain asks h for no encoding where the client would rather have none:
// gzhttp does not look at the weight of identity.
func weighPlain(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if prefersPlain(r.Header.Values("Accept-Encoding")) {
			r = r.Clone(r.Context())
			r.Header.Del("Accept-Encoding")
		}
		h.ServeHTTP(w, r)
	})
}

// prefersPlain tells whether identity is named with a higher weight than every
// encoding of pack.
func prefersPlain(accepted []string) bool {
	var plain, packed float64
	for coding := range strings.SplitSeq(strings.Join(accepted, ","), ",") {
		switch name, q := weight(coding); name {
		case "identity":
			plain = q
		case "gzip", "zstd":
			packed = max(packed, q)
		}
	}
	return plain > packed
}

// weight reads one element of Accept-Encoding; one that cannot be read has no
// weight.
func weight(coding string) (name string, q float64) {
	name, params, _ := strings.Cut(coding, ";")
	q = 1
	for param := range strings.SplitSeq(params, ";") {
		if key, v, _ := strings.Cut(param, "="); strings.EqualFold(strings.TrimSpace(key), "q") {
			q, _ = strconv.ParseFloat(strings.TrimSpace(v), 64)
		}
	}
	return strings.ToLower(strings.TrimSpace(name)), q
}
