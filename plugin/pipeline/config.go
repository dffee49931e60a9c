package pipeline

import (
	"log/slog"
	"time"

	"out_edge/ddsink"
	"out_edge/exporter"
	"out_edge/exporter/remotewrite"
	"out_edge/exporter/rules"
	"out_edge/plugin/cmetrics"
	"out_edge/timefix"
)

// HostMode selects what happens to the records of Fluent Bit's host inputs (cpu, mem,
// thermal, disk, netif, proc).
type HostMode uint8

// The host modes: metrics only (the default), logs only, both, or neither.
const (
	HostMetrics HostMode = iota
	HostLogs
	HostBoth
	HostOff
)

// Mode selects when a flush is answered.
type Mode uint8

// The modes. Auto decides by thread. Sync answers once the sinks have. Queue answers at
// once and delivers later. With Park the host parks flushes; one that is not parked is
// handled like Auto.
const (
	Auto Mode = iota
	Sync
	Queue
	Park
)

// Defaults of Config's fields.
const (
	DefaultQueueBytes   = 8 << 20
	DefaultFlushTimeout = 15 * time.Second
)

// Config is one instance's settings. The zero value works: /metrics on its
// default address, no Datadog.
type Config struct {
	Time    timefix.Config
	Metrics exporter.Config
	// Datadog is nil if not set up.
	Datadog *ddsink.Config
	// RemoteWrite is nil if not set up.
	RemoteWrite *remotewrite.Config
	// RemoteWriteSelf also sends the plugin's own series, each minute.
	RemoteWriteSelf bool
	// Rules are those of config_file, or nil.
	Rules *rules.File
	// OTLP configures the names of metrics of OpenTelemetry's services.
	OTLP cmetrics.OTLP
	Host HostMode
	Mode Mode
	// QueueBytes limits the payload bytes in the queue, and an eighth of those that are
	// parked; 0 is DefaultQueueBytes.
	QueueBytes int64
	// FlushTimeout limits one attempt for one chunk, and the drain at exit; 0 is
	// DefaultFlushTimeout.
	FlushTimeout time.Duration

	// DryRun does everything except sending: each sink logs what it would send.
	DryRun bool
	// FromBeforeReload means that these settings are from before a reload, because the new ones have
	// faults.
	FromBeforeReload bool

	// moreSinks are sinks in addition to sinkTable, for tests.
	moreSinks []sinkRow
}

// Deps is what the process passes to a pipeline.
type Deps struct {
	Exporter *exporter.Exporter
	Clock    timefix.Clock
	Log      *slog.Logger
	// Thread is the id of the thread that Init runs on: the engine's.
	Thread int
	// Keeper is the process', which carries over what instances leave. nil: nothing is.
	Keeper *Keeper
}

func (c Config) withDefaults() Config {
	if c.QueueBytes == 0 {
		c.QueueBytes = DefaultQueueBytes
	}
	if c.FlushTimeout == 0 {
		c.FlushTimeout = DefaultFlushTimeout
	}
	return c
}
