// Package web serves an http.Handler on one address: listener, connection limit,
// TLS and authentication (exporter-toolkit's web config file), request limits and
// compression. It knows nothing of metrics.
//
// A Server never gives up. A busy port, or a web config file that is missing, is
// logged once and retried in the background until Stop.
package web
