package delivery

import "time"

// Telemetry counts what becomes of records and requests, by sink and endpoint.
// Implementations are safe for concurrent use and never block. A count of 0 makes
// the series, so that the first event is a step from 0 that a rate can see.
type Telemetry interface {
	// Delivered counts n records that a sink has delivered for good.
	Delivered(sink string, n int)
	// Retried counts n records that a sink will have to be offered again.
	Retried(sink string, n int)
	// Dropped counts n records that are given up, with the reason.
	Dropped(sink, reason string, n int)
	// Adjusted counts n records that were sent, but not quite as they came, or
	// of which it is known that the receiver will not show them.
	Adjusted(sink, reason string, n int)
	// Request counts one request; code is the HTTP status ("202") or a Code
	// word for what came instead of one.
	Request(endpoint, code string)
	// Sent adds the bytes of one request's body, before compression and as
	// they went over the wire.
	Sent(endpoint string, raw, wire int)
	// Skew reports how far the receiver's clock (its Date header) is ahead of
	// ours.
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

// NoTelemetry counts nothing.
type NoTelemetry struct{}

var _ Telemetry = NoTelemetry{}

// Delivered and the others do nothing.
func (NoTelemetry) Delivered(string, int)        {}
func (NoTelemetry) Retried(string, int)          {} //nolint:revive // see Delivered
func (NoTelemetry) Dropped(string, string, int)  {} //nolint:revive // see Delivered
func (NoTelemetry) Adjusted(string, string, int) {} //nolint:revive // see Delivered
func (NoTelemetry) Request(string, string)       {} //nolint:revive // see Delivered
func (NoTelemetry) Sent(string, int, int)        {} //nolint:revive // see Delivered
func (NoTelemetry) Skew(time.Duration)           {} //nolint:revive // see Delivered
