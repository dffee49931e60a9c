package web

import (
	"net/http"
	"strconv"
	"strings"
)

// preferIdentity asks h for no encoding where the client prefers none: gzhttp
// ignores the weight of identity.
func preferIdentity(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if prefersIdentity(r.Header.Values("Accept-Encoding")) {
			r = r.Clone(r.Context())
			r.Header.Del("Accept-Encoding")
		}
		h.ServeHTTP(w, r)
	})
}

// prefersIdentity reports whether identity is named with a higher weight than
// gzip and zstd.
func prefersIdentity(accepted []string) bool {
	var identity, compressed float64
	for coding := range strings.SplitSeq(strings.Join(accepted, ","), ",") {
		switch name, q := weight(coding); name {
		case "identity":
			identity = q
		case "gzip", "zstd":
			compressed = max(compressed, q)
		}
	}
	return identity > compressed
}

// weight parses one element of Accept-Encoding; an invalid weight is 0.
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
