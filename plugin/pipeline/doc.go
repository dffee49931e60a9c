// Package pipeline is one instance of the plugin behind the C boundary. A chunk
// flows one way through it:
//
//	Flush, Park → survey (decode, repair times, route, make samples, show)
//	→ for each sink its worker: backlog → gate → Send → settled or given back
//	→ answer: OK, RETRY or ERROR
//
// survey.go is the data path, worker.go asks the sinks, and resultOf decides
// what Fluent Bit is told of a chunk that the sinks have had. Sinks are rows of sinkTable: each has a
// worker, with a gate and a goroutine of its own, so that one that is down stops
// nobody but itself.
//
// Flushes differ only in how they wait. Flush waits on its thread until every sink has
// settled its part or failed. Park returns at once, and the chunk is held through
// outages, as long as there is room. On Fluent Bit's engine thread, where nothing may
// block and parking is not possible, Flush copies the chunk into the queue and
// answers OK.
//
// What is known of a chunk that goes back to Fluent Bit stays in retryState, so that
// nothing of it is counted or sent twice.
package pipeline
