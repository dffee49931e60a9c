// Package remotewrite pushes samples by Prometheus remote write, for devices
// that nobody can scrape: versions 1 and 2 of the protocol, snappy, each sample
// with its own time.
//
// A Sender belongs to one plugin instance. What it is given flows one way:
//
//	samples → entry (points: one value of one series at one millisecond)
//	→ batch (all entries that wait, by series, then by time) → requests → outcomes
//
// An entry is what one chunk still has to send. It stays when a try fails, and
// the next Send, of whatever chunk, sends what waits along with its own: after an
// outage the points of a series leave in the order of their time, although Fluent
// Bit brings chunks back in any order, and receivers that refuse what is out of
// order (Prometheus, unless told otherwise) get every one of them. A chunk that
// then comes back finds that it is settled.
//
// One request is under way at a time, as two could overtake each other. Sends
// that come meanwhile wait, and find their samples sent, or go together in the
// next request.
//
// A receiver never sees two points of one series at one millisecond: within a
// batch the later one counts, and what has been accepted stays.
//
// A Reporter sends, each minute, series that a registry gathers: the plugin's own.
package remotewrite
