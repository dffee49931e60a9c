// Package ddsink sends records to Datadog: logs to /api/v2/logs, metrics to
// /api/v2/series.
//
// An Account belongs to one plugin instance; Logs and Metrics are its two sinks, which
// the pipeline calls like any delivery.Sink:
//
//	job → entries (JSON, appended into one reused buffer) → batch (under the
//	intake's limits, of as many jobs as wait) → delivery.Run
//
// The Datadog client provides sites, authentication and requests. Bodies are encoded
// and compressed here, because its models cost 28 allocations a record.
package ddsink
