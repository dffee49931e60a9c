// Package remotewrite sends samples by Prometheus remote write, for devices that cannot
// be scraped: versions 1 and 2 of the protocol, snappy, each gauge with its own time
// and each total that is kept here with that of its arrival.
//
// A Sink belongs to one plugin instance. Waiting points are in an outbox, by series and
// time:
//
//	job → outbox (points that wait) → batch (points of one request, by series, then
//	by time) → encoder → delivery.Sender → what becomes of each point
//
// One request is in progress at a time, because one of two could overtake the other,
// and receivers refuse what is out of order (Prometheus by default). A point that is
// older than what the receiver has of its series is sent last; the least late one shows
// whether the receiver accepts such points.
//
// A receiver never gets two points of one series for the same millisecond.
//
// The reporter sends, each minute, the plugin's own series.
package remotewrite
