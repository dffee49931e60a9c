package exporter

import (
	"out_edge/exporter/telemetry"
	"out_edge/plugin/metric"
)

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

var hostTable = [numHost]metric.Definition{
	cpuUsage: {Word: "cpu", Rest: "usage_ratio", Kind: metric.Gauge, Unit: "fraction", From: "cpu",
		Help:   "CPU time in use, as a share of one CPU or of all of them (cpu=\"total\"); nice counts as user.",
		Labels: "`cpu`=total, 0, 1…; `mode`=total, user, system"},
	memoryBytes: {Word: "memory", Rest: "bytes", Kind: metric.Gauge, Unit: "byte", From: "mem",
		Help:   "Memory; used is total less free, cache included.",
		Labels: "`state`=total, used, free"},
	swapBytes: {Word: "swap", Rest: "bytes", Kind: metric.Gauge, Unit: "byte", From: "mem",
		Help:   "Swap space.",
		Labels: "`state`=total, used, free"},
	temperature: {Word: "temperature", Rest: "celsius", Kind: metric.Gauge, Unit: "degree celsius", From: "thermal",
		Help:   "Temperature of a thermal zone.",
		Labels: "`zone`, `type`"},
	diskRead: {Word: "disk", Rest: "read_bytes_total", Kind: metric.Counter, Unit: "byte", From: "disk",
		Help: "Bytes read from disks."},
	diskWritten: {Word: "disk", Rest: "written_bytes_total", Kind: metric.Counter, Unit: "byte", From: "disk",
		Help: "Bytes written to disks."},
	networkBytes: {Word: "network", Rest: "bytes_total", Kind: metric.Counter, Unit: "byte", From: "netif",
		Help:   "Bytes that passed a network device.",
		Labels: netLabels},
	networkPackets: {Word: "network", Rest: "packets_total", Kind: metric.Counter, Unit: "packet", From: "netif",
		Help:   "Packets that passed a network device.",
		Labels: netLabels},
	networkErrors: {Word: "network", Rest: "errors_total", Kind: metric.Counter, Unit: "error", From: "netif",
		Help:   "Errors of a network device.",
		Labels: netLabels},
	networkDrops: {Word: "network", Rest: "drops_total", Kind: metric.Counter, Unit: "packet", From: "netif (verbose)",
		Help:   "Packets that a network device dropped.",
		Labels: netLabels},
	processUp: {Word: "process", Rest: "up", Kind: metric.Gauge, From: "proc",
		Help:   "Whether the process runs: 1 or 0.",
		Labels: "`process`"},
	processFDs: {Word: "process", Rest: "open_fds", Kind: metric.Gauge, Unit: "file", From: "proc",
		Help:   "Open file descriptors of the process.",
		Labels: "`process`"},
	processMemory: {Word: "process", Rest: "memory_bytes", Kind: metric.Gauge, Unit: "byte", From: "proc, mem (with pid)",
		Help:   "Memory of the process by kind, as /proc/<pid>/status names it.",
		Labels: "`process` (the tag, for mem), `kind`=rss, hwm, size, peak, data…"},
}

// MetricRow is one row of the README's table of metrics. Labels is Markdown.
type MetricRow struct {
	Name, Type, Labels, Unit, From, Help string
}

// MetricsTable lists the series that are made here, with the default prefix,
// host metrics first.
func MetricsTable() []MetricRow {
	var rows []MetricRow
	for _, d := range append(hostTable[:], telemetry.Table()...) {
		rows = append(rows, MetricRow{Name: d.Name(DefaultPrefix), Type: kindName(d.Kind), Labels: d.Labels,
			Unit: d.Unit, From: d.From, Help: d.Help})
	}
	return rows
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
