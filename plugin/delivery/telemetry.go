package delivery

import "time"

// Telemetry counts what happens to records and requests, by sink and endpoint.
// Implementations are safe for concurrent use and never block. A count of 0 creates the
// series, so that the first event is a step from 0, which a rate can see.
type Telemetry interface {
	// Delivered counts n records that a sink has delivered.
	Delivered(sink string, n int)
	// Retried counts n records that must be offered to a sink again.
	Retried(sink string, n int)
	// Dropped counts n records that are dropped, by reason.
	Dropped(sink, reason string, n int)
	// Adjusted counts n records that were sent with changes, or of which it is known
	// that the receiver will not show them.
	Adjusted(sink, reason string, n int)
	// Request counts one request; code is the HTTP status ("202") or a Code value if
	// there is none.
	Request(endpoint, code string)
	// Sent adds the bytes of one request's body, before and after compression.
	Sent(endpoint string, raw, wire int)
	// Skew reports how far the receiver's clock (its Date header) is ahead of
	// ours.
	Skew(d time.Duration)
}

// The values of the `sink` label.
const (
	SinkDecode         = "decode" // drops before any sink sees the record
	SinkPrometheus     = "prometheus"
	SinkDatadog        = "datadog"
	SinkDatadogMetrics = "datadog_metrics"
	SinkRemoteWrite    = "remote_write"
)

// ReasonNoRule is for records that nothing takes, at the sink decode.
const ReasonNoRule = "no_rule"

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
