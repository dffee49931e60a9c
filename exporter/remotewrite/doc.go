// Package remotewrite pushes samples by Prometheus remote write, for devices that
// nobody can scrape: versions 1 and 2 of the protocol, snappy, each gauge with its own
// time and each total that is kept here with that of its arrival.
//
// A Sink belongs to one plugin instance. What waits is in an outbox, by series and
// time:
//
//	job → outbox (points that wait) → batch (points of one request, by series, then
//	by time) → encoder → delivery.Sender → what becomes of each point
//
// One request is under way at a time, as two could overtake each other: receivers
// refuse what is out of order (Prometheus, unless told otherwise). A point that is
// older than what the receiver has of its series is sent last, and the least late one
// finds out whether the receiver takes such points.
//
// A receiver never sees two points of one series at one millisecond.
//
// The reporter sends, each minute, the plugin's own series.
package remotewrite
