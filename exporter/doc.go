// Package exporter turns records into series and shows them at /metrics.
//
// A Exporter is process-wide. It holds one page for each listen address: a store of
// series, a registry, an HTTP server. Each plugin instance opens a Instance on
// the page of its address; instances with the same address share the page, and
// the page goes when the last of them closes.
//
//	host record ─ Observe ─┐
//	                       ├─ series of the instance ─ store of the page ─ /metrics
//	metrics event ─ Apply ─┘
//	sinks, pipeline ─ Self ──────────────────────────────────────┘
//
// A series belongs to the instance that showed it first. Another instance of
// the page that makes the same series (same name, same labels) keeps its own
// value for Datadog and remote write, stands back on the page, and takes the
// place over when the first one lets go: two instances that see the same
// records never add up to twice the truth. Give them different `add_label`s to
// see both.
//
// The status page at "/" tells people whether the device is well (condition.go):
// a template shows what statusview.go gathers from the same series and counters,
// from a short history of up to 100 series of each instance (chart.go), and from
// when a sink last succeeded and failed (sinkstate.go).
//
// All state of a page's series is behind one mutex. It is held for less than a
// microsecond per record, and for a copy of pointers per scrape.
package exporter
