// Package delivery has what all sinks that send over a network share. It knows no intake
// and no format of a receiver.
//
// The pipeline calls a Sink, with a Job for a chunk's part. A Gate around each sink
// decides when it may send. A sink sends through a Sender: it compresses, splits, and in
// a Run finds out the outcome of each part by the one table of outcomes. In addition there
// are secrets that are read from files, and the HTTP client.
package delivery
