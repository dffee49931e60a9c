// Package exporter turns samples into series and shows them at /metrics: it ties the
// rooms below it together.
//
// An Exporter is process-wide. It holds an endpoint for each listen address: a page of
// series, a prometheus.Registry, an HTTP server. Each plugin instance opens an Instance
// on the endpoint of its address; instances with the same address share it, and it goes
// when the last of them closes.
//
//	host record ─ Observe (hostmetrics) ─┐
//	log record ─ rules ──────────────────┼─ Apply: labels → relabelling → registry ─┬─ /metrics, status page
//	metrics event ─ cmetrics ────────────┘                                          └─ samples for the other sinks
//
// Apply puts the instance's labels on each series and relabels it (labels.go; what comes
// of it is remembered by pointer), and hands the samples to package registry, which
// keeps the newest of each series, decides whose samples it takes, and completes totals.
//
// telemetry, the plugin's own series, is made before anything else: sinks and rules count
// with it. statuspage makes a page for people of a snapshot of all that; web is the HTTP
// server, which knows nothing of metrics.
//
// A series belongs to the instance that showed it first. Another instance of the page
// that makes the same series keeps its own value for Datadog and remote write, stands
// back on the page, and takes the place over when the first one lets go: two instances
// that see the same records never add up to twice the truth. Give them different
// `add_label`s to see both.
//
// Locks: an Engine of hostmetrics has one, a Registry has one, which is held for less
// than a microsecond a record, and the page of an endpoint has one, for what is shown.
// docs/architecture.md says which are taken within which.
package exporter
