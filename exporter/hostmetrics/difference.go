package hostmetrics

import (
	"math"

	"out_edge/plugin/wire"
)

// Before the second record nobody knows the input's interval, and after a gap
// the difference may stand for all of it.
const (
	firstInterval = 60.0   // seconds that a first difference may stand for
	shortest      = 1.0    // the inputs' own shortest interval
	longest       = 3600.0 // beyond this, a record's time is not trusted
)

// refusal says why a value makes no sample. The names are `reason` label values.
type refusal uint8

const (
	accepted refusal = iota
	// notFinite: NaN or an infinity where a number was measured.
	notFinite
	// wrapped: a difference of counters that went below zero.
	wrapped
	// stuck: 4294967295, where a 32-bit counter stays once it is full.
	stuck
	// implausible: faster than any device.
	implausible
	numRefusals
)

var refusalNames = [numRefusals]string{"", "not_finite", "wrapped", "stuck", "implausible"}

func (r refusal) String() string { return refusalNames[r] }

// Reasons are what Config.Dropped may be told.
func Reasons() []string { return append([]string(nil), refusalNames[accepted+1:]...) }

// elapsed is the time in seconds that a difference may stand for, from the
// instants of its record at and the one before, in ns since 1970.
func (s *slot) elapsed(at int64) float64 {
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
