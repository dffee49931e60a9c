package delivery

import "time"

// Meter counts what becomes of records and requests. exporter/telemetry is the real
// one. Implementations are safe for concurrent use and never block.
type Meter interface {
	// Delivered counts n records that a sink has accepted for good.
	Delivered(sink string, n int)
	// Retried counts n records that a sink will have to be offered again.
	Retried(sink string, n int)
	// Dropped counts n records that are given up, with the reason.
	Dropped(sink, reason string, n int)
	// Request counts one request; code is the HTTP status ("202") or a word
	// for what came instead of one ("timeout", "network", "cut").
	Request(endpoint, code string)
	// Sent adds the bytes of one request's body, before compression and as
	// they went over the wire.
	Sent(endpoint string, raw, wire int)
	// Skew tells how far the intake's clock (its Date header) is ahead of ours.
	Skew(d time.Duration)
}

// The sinks, as the `sink` label names them.
const (
	SinkDecode         = "decode" // drops before any sink
	SinkPrometheus     = "prometheus"
	SinkDatadog        = "datadog"
	SinkDatadogMetrics = "datadog_metrics"
	SinkRemoteWrite    = "remote_write"
)

// Adjuster is what a Meter may implement beside: it counts records that were
// sent, but not quite as they came, or of which it is known that the receiver
// will not show them.
type Adjuster interface {
	// Adjusted counts n such records, with the reason.
	Adjusted(sink, reason string, n int)
}

// Recorder is a Meter that may have been absent, with the Adjuster that it may be
// beside.
type Recorder struct {
	Meter
	Adjuster
}

// NewRecorder counts to m, and to nobody what m does not count; m may be nil.
func NewRecorder(m Meter) Recorder {
	r := Recorder{noMeter{}, noMeter{}}
	if m != nil {
		r.Meter = m
	}
	if a, ok := m.(Adjuster); ok {
		r.Adjuster = a
	}
	return r
}

type noMeter struct{}

func (noMeter) Delivered(string, int)        {}
func (noMeter) Retried(string, int)          {}
func (noMeter) Dropped(string, string, int)  {}
func (noMeter) Request(string, string)       {}
func (noMeter) Sent(string, int, int)        {}
func (noMeter) Skew(time.Duration)           {}
func (noMeter) Adjusted(string, string, int) {}
