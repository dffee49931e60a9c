// Package pipeline is one instance of the plugin, without the C boundary. A chunk
// passes through it in one direction:
//
//	Flush, Park → ingest (decode, repair times, route, make samples, show)
//	→ for each sink its worker: backlog → gate → Send → settled or given back
//	→ answer: OK, RETRY or ERROR
//
// ingest.go is the data path, worker.go calls the sinks, and resultOf decides what
// Fluent Bit is told about a chunk that was offered to them. Sinks are rows of
// sinkTable: each has a worker with its own gate and goroutine, so that a sink that is
// down does not affect the others.
//
// Flushes differ only in how they wait. Flush waits on its thread until every sink has
// settled its part or failed. Park returns at once, and the chunk is held through
// outages while there is room. On Fluent Bit's engine thread, which must not block,
// Flush copies the chunk into the queue and answers OK if parking is not possible.
//
// The state of a chunk that is returned to Fluent Bit stays in retryState, so that
// nothing of it is counted or sent twice.
package pipeline
