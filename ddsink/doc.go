// Package ddsink sends records to Datadog: logs to /api/v2/logs, metrics to
// /api/v2/series.
//
// A Sink belongs to one plugin instance. Each flush opens a Chunk, adds its
// records one by one, and ends it:
//
//	record → entry (JSON, appended into one reused buffer) → batch (under the
//	intake's limits) → compressed body → one request → an outcome
//
// What becomes of each record stands in the caller's delivery.Set: an index in it
// has been delivered, or dropped and counted, and is never sent again. End says
// whether all of the chunk is settled; if not, the same chunk is offered again
// with the same set, and only the rest is sent.
//
// The Datadog client does what it is good at: sites, authentication, requests. Bodies
// are encoded and compressed here, as its models cost 28 allocations a record.
package ddsink
