package exporter

import "out_edge/plugin/metric"

// definition says what one metric is. The host metrics' and the self series'
// definitions are written here and nowhere else: the page, Datadog and the
// README's table all come from them.
type definition struct {
	// word and rest make the name: <prefix>_<word>_<rest> at Prometheus,
	// <prefix>.<word>.<rest> at Datadog.
	word, rest string
	kind       metric.Kind
	// unit is Datadog's unit name.
	unit string
	help string
	// labels and from are for the README.
	labels, from string
}

func (d *definition) name(prefix string) string    { return prefix + "_" + d.word + "_" + d.rest }
func (d *definition) datadog(prefix string) string { return prefix + "." + d.word + "." + d.rest }

// The host metrics, as indices of hostTable.
const (
	cpuUsage = iota
	memoryBytes
	swapBytes
	temperature
	diskRead
	diskWritten
	networkBytes
	networkPackets
	networkErrors
	networkDrops
	processUp
	processFDs
	processMemory
	numHost
)

const netLabels = "`device`, `direction`=receive, transmit"

var hostTable = [numHost]definition{
	cpuUsage: {"cpu", "usage_ratio", metric.Gauge, "fraction",
		"CPU time in use, as a share of one CPU or of all of them (cpu=\"total\"); nice counts as user.",
		"`cpu`=total, 0, 1…; `mode`=total, user, system", "cpu"},
	memoryBytes: {"memory", "bytes", metric.Gauge, "byte",
		"Memory; used is total less free, cache included.", "`state`=total, used, free", "mem"},
	swapBytes: {"swap", "bytes", metric.Gauge, "byte",
		"Swap space.", "`state`=total, used, free", "mem"},
	temperature: {"temperature", "celsius", metric.Gauge, "degree celsius",
		"Temperature of a thermal zone.", "`zone`, `type`", "thermal"},
	diskRead: {"disk", "read_bytes_total", metric.Counter, "byte",
		"Bytes read from disks.", "", "disk"},
	diskWritten: {"disk", "written_bytes_total", metric.Counter, "byte",
		"Bytes written to disks.", "", "disk"},
	networkBytes: {"network", "bytes_total", metric.Counter, "byte",
		"Bytes that passed a network device.", netLabels, "netif"},
	networkPackets: {"network", "packets_total", metric.Counter, "packet",
		"Packets that passed a network device.", netLabels, "netif"},
	networkErrors: {"network", "errors_total", metric.Counter, "error",
		"Errors of a network device.", netLabels, "netif"},
	networkDrops: {"network", "drops_total", metric.Counter, "packet",
		"Packets that a network device dropped.", netLabels, "netif (verbose)"},
	processUp: {"process", "up", metric.Gauge, "",
		"Whether the process runs: 1 or 0.", "`process`", "proc"},
	processFDs: {"process", "open_fds", metric.Gauge, "file",
		"Open file descriptors of the process.", "`process`", "proc"},
	processMemory: {"process", "memory_bytes", metric.Gauge, "byte",
		"Memory of the process by kind, as /proc/<pid>/status names it.",
		"`process` (the tag, for mem), `kind`=rss, hwm, size, peak, data…", "proc, mem (with pid)"},
}

// The self series, as indices of selfTable.
const (
	selfRepairs = iota
	selfRecords
	selfDropped
	selfRefused
	selfAdjusted
	selfFlush
	selfRequests
	selfSent
	selfLast
	selfWrites
	selfSkew
	selfBuild
	numSelf
)

var selfTable = [numSelf]definition{
	selfRepairs: {"time", "repairs_total", metric.Counter, "",
		"Record times by verdict; all but ok were repaired.", "`reason`=ok, scaled_ms, scaled_us, scaled_ns, wrapped_ms, wrapped_us, wrapped_ns, bad_nsec, clock_step, arrival", "self"},
	selfRecords: {"records", "total", metric.Counter, "",
		"Records by sink and what became of them; for metrics sinks (prometheus too), samples.",
		"`sink`, `result`=delivered, dropped, retried", "self"},
	selfDropped: {"dropped", "records_total", metric.Counter, "",
		"Records or samples that were given up, by reason.", "`sink`, `reason`", "self"},
	selfRefused: {"rule", "refused_samples_total", metric.Counter, "",
		"Samples that a rule of config_file was refused, by the metric's name; they are also counted as dropped by the sink prometheus.",
		"`rule`, `reason`", "self"},
	selfAdjusted: {"adjusted", "records_total", metric.Counter, "",
		"Records that were sent, but not quite as they came, or that the receiver is known not to show.", "`sink`, `reason`", "self"},
	selfFlush: {"flush", "duration_seconds", metric.Histogram, "second",
		"Time that Fluent Bit waited for one flush.", "", "self"},
	selfRequests: {"datadog", "requests_total", metric.Counter, "request",
		"Requests to Datadog; code is the HTTP status, or a word for what came instead of one.", "`endpoint`, `code`", "self"},
	selfSent: {"datadog", "sent_bytes_total", metric.Counter, "byte",
		"Bytes of the request bodies: raw before compression, wire as sent.", "`endpoint`, `encoding`=raw, wire", "self"},
	selfLast: {"last", "delivery_timestamp_seconds", metric.Gauge, "second",
		"When the sink last accepted something, in seconds since 1970; 0 is never.", "`sink`", "self"},
	selfWrites: {"remote_write", "requests_total", metric.Counter, "request",
		"Remote-write requests; code is the HTTP status, or a word for what came instead of one.", "`code`", "self"},
	selfSkew: {"clock", "skew_seconds", metric.Gauge, "second",
		"How far the intake's clock is ahead of this device's; 0 until one has answered.", "", "self"},
	selfBuild: {"build", "info", metric.Gauge, "",
		"1, with what this build is.", "`version`, `goversion`, `goarch`", "self"},
}

// MetricRow is one row of the README's table of metrics. Labels is Markdown.
type MetricRow struct {
	Name, Type, Labels, Unit, From, Help string
}

// MetricsTable lists the series that are made here, with the default prefix,
// host metrics first.
func MetricsTable() []MetricRow {
	rows := make([]MetricRow, 0, numHost+numSelf)
	for i := range hostTable {
		rows = append(rows, hostTable[i].row())
	}
	for i := range selfTable {
		rows = append(rows, selfTable[i].row())
	}
	return rows
}

func (d *definition) row() MetricRow {
	return MetricRow{Name: d.name(DefaultPrefix), Type: kindName(d.kind), Labels: d.labels,
		Unit: d.unit, From: d.from, Help: d.help}
}

func kindName(k metric.Kind) string {
	switch k {
	case metric.Gauge:
		return "gauge"
	case metric.Counter:
		return "counter"
	case metric.Histogram:
		return "histogram"
	case metric.Summary:
		return "summary"
	default:
		return "untyped"
	}
}
