// Package exporter turns samples into series and shows them at /metrics. It connects
// the packages below it.
//
// An Exporter is process-wide. It has an endpoint for each listen address: a page of
// series, a prometheus.Registry, an HTTP server. Each plugin instance opens an Instance
// on the endpoint of its address; instances with the same address share it, and the
// last one to close closes it.
//
//	host record ─ Observe (hostmetrics) ─┐
//	log record ─ rules ──────────────────┼─ Apply: labels → relabelling → registry ─┬─ /metrics, status page
//	metrics event ─ cmetrics ────────────┘                                          └─ samples for the other sinks
//
// Apply adds the instance's labels to each series and relabels it (labels.go, with a
// cache by pointer), and passes the samples to package registry, which keeps the newest
// of each series, decides which source owns it, and completes totals.
//
// telemetry, the plugin's own series, is created before anything else: sinks and rules
// count with it. statuspage makes a page for people from a snapshot of all that; web is
// the HTTP server, which knows nothing of metrics.
//
// A series belongs to the instance that showed it first. Another instance of the page
// with the same series keeps its own value for Datadog and remote write, and shows the
// series once the first has removed it: so two instances that see the same records
// never add up to twice the truth. To see both, give them different `add_label`s.
//
// Locks: an Engine of hostmetrics has one; a Registry has one, which is held for less
// than a microsecond a record; the page of an endpoint has one, for what is shown.
// docs/architecture.md describes their order.
package exporter
