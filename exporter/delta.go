package exporter

import (
	"bytes"
	"math"

	"out_edge/plugin/wire"
)

// The fastest that a difference may be and still be believed, per second. They
// are far beyond edge devices, and far below what goes wrong: a reset counter
// gives about 1.8e19.
const (
	maxNetBytes   = 12.5e9 // 100 Gbit/s
	maxNetPackets = 150e6  // 100 Gbit/s in the smallest packets
	maxDiskBytes  = 32e9   // a PCIe 5 disk does 14e9
)

// Before the second record nobody knows the input's interval, and after a gap
// the difference may stand for all of it.
const (
	firstInterval = 60.0   // seconds that a first difference may stand for
	shortest      = 1.0    // the inputs' own shortest interval
	longest       = 3600.0 // beyond this, a record's time is not trusted
)

// rateLimit is the bound for a key of a netif record.
func rateLimit(key []byte) float64 {
	if bytes.HasSuffix(key, []byte(".bytes")) {
		return maxNetBytes
	}
	return maxNetPackets
}

// elapsed is the time in seconds that a difference may stand for, from the
// instants of its record at and the one before, in ns since 1970.
func (s *series) elapsed(at int64) float64 {
	if !s.known {
		return firstInterval
	}
	return min(max(float64(at-s.at)/1e9+1, shortest), longest)
}

// difference reads what a counter has grown by; highest is the most that can be
// true.
func difference(val wire.Value, highest float64) (float64, refusal) {
	v, ok := val.Uint64()
	switch {
	case !ok || v > math.MaxInt64:
		return 0, wrapped
	case v == math.MaxUint32:
		return 0, stuck
	case float64(v) > highest:
		return 0, implausible
	}
	return float64(v), accepted
}
