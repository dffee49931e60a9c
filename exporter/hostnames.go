package exporter

import (
	"bytes"
	"strings"
)

// cpuLabels reads a key of a cpu record; mode is "" for any other.
func cpuLabels(key string) (cpu, mode string) {
	switch key {
	case "cpu_p":
		return "total", "total"
	case "user_p":
		return "total", "user"
	case "system_p":
		return "total", "system"
	}
	rest, ok := strings.CutPrefix(key, "cpu")
	number, field, found := strings.Cut(rest, ".")
	if !ok || !found || !isDigits(number) {
		return "", ""
	}
	switch field {
	case "p_cpu":
		return number, "total"
	case "p_user":
		return number, "user"
	case "p_system":
		return number, "system"
	}
	return "", ""
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// memLabels reads a key of a mem record; state is "" for any other.
func memLabels(key string) (metric int, state string) {
	what, state, _ := strings.Cut(key, ".")
	switch state {
	case "total", "used", "free":
	default:
		return 0, ""
	}
	switch what {
	case "Mem":
		return memoryBytes, state
	case "Swap":
		return swapBytes, state
	}
	return 0, ""
}

// netifLabels reads a key of a netif record from its end, as a device's name
// may have dots (eth0.100); metric is -1 for any other key, and for what the
// verbose mode adds beside drops.
func netifLabels(key []byte) (device []byte, direction string, metric int) {
	rest, what, ok := cutLast(key)
	device, way, ok2 := cutLast(rest)
	if !ok || !ok2 || len(device) == 0 {
		return nil, "", -1
	}
	switch string(way) {
	case "rx":
		direction = "receive"
	case "tx":
		direction = "transmit"
	default:
		return nil, "", -1
	}
	switch string(what) {
	case "bytes":
		metric = networkBytes
	case "packets":
		metric = networkPackets
	case "errors":
		metric = networkErrors
	case "drop":
		metric = networkDrops
	default:
		return nil, "", -1
	}
	return device, direction, metric
}

func cutLast(b []byte) (before, after []byte, found bool) {
	i := bytes.LastIndexByte(b, '.')
	if i < 0 {
		return nil, nil, false
	}
	return b[:i], b[i+1:], true
}
