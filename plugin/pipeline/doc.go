// Package pipeline is one instance of the plugin behind the C boundary. A chunk
// flows one way through it:
//
//	decode → time repair → route → sinks
//
// and all of that stands in one function, walk. It is the only place that
// decides between OK, RETRY and ERROR.
//
// Flush is safe from several threads at once. What an earlier try of a chunk
// has already settled is remembered (ledger), so that a retry sends only the
// rest. On Fluent Bit's engine thread nothing may block, so there the chunk goes
// into a bounded queue and a goroutine takes it through the same function.
package pipeline
