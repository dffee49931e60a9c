package hostmetrics

import (
	"math"

	"out_edge/plugin/wire"
)

// Before the second record the input's interval is not known, and after a gap the
// difference may be that of the whole gap.
const (
	firstInterval = 60.0   // seconds that a first difference may cover
	shortest      = 1.0    // the inputs' own shortest interval
	longest       = 3600.0 // above this, a record's time is not trusted
)

// refusal is why a value makes no sample. The names are `reason` label values.
type refusal uint8

const (
	accepted refusal = iota
	// notFinite: NaN or an infinity instead of a number.
	notFinite
	// wrapped: a difference of counters that went below zero.
	wrapped
	// stuck: 4294967295, at which a full 32-bit counter stays.
	stuck
	// implausible: faster than any device.
	implausible
	numRefusals
)

var refusalNames = [numRefusals]string{"", "not_finite", "wrapped", "stuck", "implausible"}

func (r refusal) String() string { return refusalNames[r] }

// Reasons returns what Config.Dropped may be called with.
func Reasons() []string { return append([]string(nil), refusalNames[accepted+1:]...) }

// elapsed is the time in seconds that a difference may cover, from the instants of its
// record at and the one before, in ns since 1970.
func (s *slot) elapsed(at int64) float64 {
	if !s.known {
		return firstInterval
	}
	return min(max(float64(at-s.at)/1e9+1, shortest), longest)
}

// difference reads a counter's growth; highest is the most that is plausible.
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
