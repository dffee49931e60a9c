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

// HostMode says what becomes of the records of Fluent Bit's host inputs (cpu,
// mem, thermal, disk, netif, proc).
type HostMode uint8

// The host modes: metrics only (the default), logs only, both, or neither.
const (
	HostMetrics HostMode = iota
	HostLogs
	HostBoth
	HostOff
)

// Mode says when a flush answers.
type Mode uint8

// The modes: Auto picks by thread; Sync answers once the sinks have; Queue
// answers at once and delivers behind; with Park the host parks
// flushes, and one that comes all the same is answered as with Auto.
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
	// Datadog is nil where there is no Datadog.
	Datadog *ddsink.Config
	// RemoteWrite is nil where there is no remote write.
	RemoteWrite *remotewrite.Config
	// RemoteWriteSelf also sends the plugin's own series, each minute.
	RemoteWriteSelf bool
	// Rules are those of config_file, or nil.
	Rules *rules.File
	// OTLP says how metrics of OpenTelemetry's services are called.
	OTLP cmetrics.OTLP
	Host HostMode
	Mode Mode
	// QueueBytes bounds the payload bytes that wait in the queue; 0 is
	// DefaultQueueBytes.
	QueueBytes int64
	// FlushTimeout bounds one try of one chunk, and the drain at exit; 0 is
	// DefaultFlushTimeout.
	FlushTimeout time.Duration

	// DryRun does everything but send: each sink says what would go.
	DryRun bool
	// Kept says that these settings are from before a reload, whose own have faults.
	Kept bool

	// moreSinks are sinks beside those of sinkTable, for tests.
	moreSinks []sinkRow
}

// Deps is what a pipeline is given by its process.
type Deps struct {
	Exporter *exporter.Exporter
	Clock    timefix.Clock
	Log      *slog.Logger
	// Thread is the id of the thread that Init runs on: the engine's.
	Thread int
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
