package hostmetrics

import (
	"strings"

	"out_edge/plugin/metric"
)

// The host metrics, as indices of table.
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
	numMetrics
)

// row defines one metric. The page, Datadog, the README's table and the status page all
// use it.
type row struct {
	metric.Definition
	// fastest is the most that a counter may plausibly grow by in a second.
	fastest float64
	sources []source
}

// source defines from which values of an input a metric is made.
type source struct {
	input input
	// labels returns those of the series for a key's value; ok is false if the key does
	// not belong to the metric.
	labels func(key string, c *context) (labels []metric.Label, ok bool)
	// A value is divided by div and then multiplied by mul, which is exact for whole
	// numbers.
	div, mul float64
}

// The most that is plausible per second. They are far above edge devices, and far below
// faults: a reset counter gives about 1.8e19.
const (
	maxNetBytes   = 12.5e9 // 100 Gbit/s
	maxNetPackets = 150e6  // 100 Gbit/s in the smallest packets
	maxDiskBytes  = 32e9   // a PCIe 5 disk does 14e9
)

const netLabels = "`device`, `direction`=receive, transmit"

var table = [numMetrics]row{
	cpuUsage: {metric.Definition{Word: "cpu", Rest: "usage_ratio", Kind: metric.Gauge, Unit: "fraction", From: "cpu",
		Help:   "CPU time in use, as a share of one CPU or of all of them (cpu=\"total\"); nice counts as user.",
		Labels: "`cpu`=total, 0, 1…; `mode`=total, user, system"}, 0, []source{{cpu, cpuLabels, 100, 1}}}, // percent
	memoryBytes: {metric.Definition{Word: "memory", Rest: "bytes", Kind: metric.Gauge, Unit: "byte", From: "mem",
		Help:   "Memory; used is total less free, cache included.",
		Labels: "`state`=total, used, free"}, 0, []source{{mem, state("Mem."), 1, 1024}}}, // KiB
	swapBytes: {metric.Definition{Word: "swap", Rest: "bytes", Kind: metric.Gauge, Unit: "byte", From: "mem",
		Help:   "Swap space.",
		Labels: "`state`=total, used, free"}, 0, []source{{mem, state("Swap."), 1, 1024}}}, // KiB
	temperature: {metric.Definition{Word: "temperature", Rest: "celsius", Kind: metric.Gauge, Unit: "degree celsius", From: "thermal",
		Help:   "Temperature of a thermal zone.",
		Labels: "`zone`, `type`"}, 0, []source{{thermal, zoneLabels, 1, 1}}},
	diskRead: {metric.Definition{Word: "disk", Rest: "read_bytes_total", Kind: metric.Counter, Unit: "byte", From: "disk",
		Help: "Bytes read from disks."}, maxDiskBytes, []source{{disk, key("read_size"), 1, 1}}},
	diskWritten: {metric.Definition{Word: "disk", Rest: "written_bytes_total", Kind: metric.Counter, Unit: "byte", From: "disk",
		Help: "Bytes written to disks."}, maxDiskBytes, []source{{disk, key("write_size"), 1, 1}}},
	networkBytes: {metric.Definition{Word: "network", Rest: "bytes_total", Kind: metric.Counter, Unit: "byte", From: "netif",
		Help:   "Bytes that passed a network device.",
		Labels: netLabels}, maxNetBytes, []source{{netif, device("bytes"), 1, 1}}},
	networkPackets: {metric.Definition{Word: "network", Rest: "packets_total", Kind: metric.Counter, Unit: "packet", From: "netif",
		Help:   "Packets that passed a network device.",
		Labels: netLabels}, maxNetPackets, []source{{netif, device("packets"), 1, 1}}},
	networkErrors: {metric.Definition{Word: "network", Rest: "errors_total", Kind: metric.Counter, Unit: "error", From: "netif",
		Help:   "Errors of a network device.",
		Labels: netLabels}, maxNetPackets, []source{{netif, device("errors"), 1, 1}}},
	networkDrops: {metric.Definition{Word: "network", Rest: "drops_total", Kind: metric.Counter, Unit: "packet", From: "netif (verbose)",
		Help:   "Packets that a network device dropped.",
		Labels: netLabels}, maxNetPackets, []source{{netif, device("drop"), 1, 1}}},
	processUp: {metric.Definition{Word: "process", Rest: "up", Kind: metric.Gauge, From: "proc",
		Help:   "Whether the process runs: 1 or 0.",
		Labels: "`process`"}, 0, []source{{proc, process("alive"), 1, 1}}},
	processFDs: {metric.Definition{Word: "process", Rest: "open_fds", Kind: metric.Gauge, Unit: "file", From: "proc",
		Help:   "Open file descriptors of the process.",
		Labels: "`process`"}, 0, []source{{proc, process("fd"), 1, 1}}},
	processMemory: {metric.Definition{Word: "process", Rest: "memory_bytes", Kind: metric.Gauge, Unit: "byte", From: "proc, mem (with pid)",
		Help:   "Memory of the process by kind, as /proc/<pid>/status names it.",
		Labels: "`process` (the tag, for mem), `kind`=rss, hwm, size, peak, data…"}, 0, []source{{proc, vmLabels, 1000, 1024}, {mem, ownMemory, 1, 1}}}, // proc: kB times 1000
}

// Table lists the host metrics.
func Table() []metric.Definition {
	all := make([]metric.Definition, len(table))
	for i := range table {
		all[i] = table[i].Definition
	}
	return all
}

func label(name, value string) metric.Label { return metric.Label{Name: name, Value: value} }

// cpuLabels reads cpu_p, user_p and system_p, of all CPUs, and cpuN.p_cpu, cpuN.p_user
// and cpuN.p_system.
func cpuLabels(key string, _ *context) ([]metric.Label, bool) {
	number, mode := "total", ""
	if rest, ok := strings.CutPrefix(key, "cpu"); ok && len(rest) > 0 && isDigit(rest[0]) {
		number, mode, _ = strings.Cut(rest, ".p_")
		if strings.Trim(number, "0123456789") != "" {
			return nil, false
		}
	} else if mode, ok = strings.CutSuffix(key, "_p"); !ok {
		return nil, false
	}
	switch mode {
	case "cpu":
		mode = "total"
	case "user", "system":
	default:
		return nil, false
	}
	return []metric.Label{label("cpu", number), label("mode", mode)}, true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// state reads the keys of a mem record with the prefix.
func state(prefix string) func(string, *context) ([]metric.Label, bool) {
	return func(key string, _ *context) ([]metric.Label, bool) {
		state, ok := strings.CutPrefix(key, prefix)
		switch state {
		case "total", "used", "free":
			return []metric.Label{label("state", state)}, ok
		}
		return nil, false
	}
}

// procBytes is the key of a mem record of a process. Such a record also has proc_hr,
// which is a pointer, not a number.
const procBytes = "proc_bytes"

func ownMemory(key string, c *context) ([]metric.Label, bool) {
	if key != procBytes {
		return nil, false
	}
	return []metric.Label{{Name: "kind", Value: "rss"}, label("process", c.tag)}, true
}

func zoneLabels(key string, c *context) ([]metric.Label, bool) {
	if key != "temp" {
		return nil, false
	}
	return []metric.Label{label("type", c.zoneType), label("zone", c.zone)}, true
}

// key reads one key, without labels.
func key(name string) func(string, *context) ([]metric.Label, bool) {
	return func(key string, _ *context) ([]metric.Label, bool) { return nil, key == name }
}

// device reads <device>.<rx|tx>.<what> from its end, because a device's name may
// contain dots (eth0.100).
func device(what string) func(string, *context) ([]metric.Label, bool) {
	return func(key string, _ *context) ([]metric.Label, bool) {
		rest, ok := strings.CutSuffix(key, "."+what)
		if !ok {
			return nil, false
		}
		direction := "receive"
		name, ok := strings.CutSuffix(rest, ".rx")
		if !ok {
			direction = "transmit"
			name, ok = strings.CutSuffix(rest, ".tx")
		}
		if !ok || len(name) == 0 {
			return nil, false
		}
		return []metric.Label{label("device", name), {Name: "direction", Value: direction}}, true
	}
}

// process reads one key of a proc record.
func process(name string) func(string, *context) ([]metric.Label, bool) {
	return func(key string, c *context) ([]metric.Label, bool) {
		if key != name {
			return nil, false
		}
		return []metric.Label{label("process", c.process)}, true
	}
}

// vmLabels reads mem.VmRSS and its like.
func vmLabels(key string, c *context) ([]metric.Label, bool) {
	kind, ok := strings.CutPrefix(key, "mem.Vm")
	if !ok || len(kind) == 0 {
		return nil, false
	}
	return []metric.Label{label("kind", strings.ToLower(kind)), label("process", c.process)}, true
}
