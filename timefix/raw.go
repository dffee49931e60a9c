package timefix

import "math"

// Form is how the sender wrote a time.
type Form uint8

// The forms of a time.
const (
	Absent    Form = iota // no time, or a value of a type that is no time
	EventTime             // 32 bits of seconds, 32 bits of nanoseconds
	Int                   // an integer in a signed type
	Uint                  // an integer in an unsigned type
	Float                 // a floating point number
)

// String returns the form in lower case.
func (f Form) String() string {
	switch f {
	case Absent:
		return "absent"
	case EventTime:
		return "event_time"
	case Int:
		return "int"
	case Uint:
		return "uint"
	case Float:
		return "float"
	}
	return "unknown"
}

// Raw is a time as found in the payload.
type Raw struct {
	Form Form
	// Bits holds, by Form: seconds<<32|nanoseconds, the int64, the uint64, or
	// math.Float64bits; it is not read when the form is Absent.
	Bits uint64
}

const (
	second      = int64(1e9)
	millisecond = int64(1e6)
	microsecond = int64(1e3)
	minute      = 60 * second
	hour        = 60 * minute
	day         = 24 * hour
)

// reading is a raw time as a number: whole units and a part of one more unit. The
// repair finds out which unit that is (usually the second).
type reading struct {
	whole int64
	// part is in billionths of the unit. An EventTime may carry 1e9 and more.
	part  int64
	form  Form
	valid bool // false: not a number
}

func (r Raw) read() reading {
	switch r.Form {
	case EventTime:
		return reading{whole: int64(r.Bits >> 32), part: int64(uint32(r.Bits)), form: EventTime, valid: true}
	case Int:
		return reading{whole: int64(r.Bits), form: Int, valid: true}
	case Uint:
		return reading{whole: int64(min(r.Bits, math.MaxInt64)), form: Uint, valid: true}
	case Float:
		return readFloat(math.Float64frombits(r.Bits))
	}
	return reading{}
}

// notPlain is returned as the nanoseconds of a raw time that is not plain.
const notPlain = math.MaxUint32

// plain reads the common case: seconds that fit 32 bits without a sign.
func (r Raw) plain() (sec, nsec uint32) {
	switch r.Form {
	case EventTime:
		return uint32(r.Bits >> 32), uint32(r.Bits)
	case Uint, Int:
		if r.Bits <= math.MaxUint32 {
			return uint32(r.Bits), 0
		}
	case Float:
		if f := math.Float64frombits(r.Bits); f >= 0 && f < math.MaxUint32 {
			sec = uint32(f)
			return sec, uint32((f-float64(sec))*1e9 + 0.5)
		}
	}
	return 0, notPlain
}

// readFloat splits f. A value outside int64 becomes the nearest int64, which is not
// plausible in any unit.
func readFloat(f float64) reading {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return reading{form: Float}
	case f >= math.MaxInt64:
		return reading{whole: math.MaxInt64, form: Float, valid: true}
	case f <= math.MinInt64:
		return reading{whole: math.MinInt64, form: Float, valid: true}
	}
	floor := math.Floor(f)
	r := reading{whole: int64(floor), part: int64(math.Round((f - floor) * 1e9)), form: Float, valid: true}
	if r.part == second {
		r.whole, r.part = r.whole+1, 0
	}
	return r
}

// seconds returns the reading in nanoseconds if its unit is the second; false when that
// does not fit an int64.
func (r reading) seconds() (int64, bool) {
	const limit = math.MaxInt64/second - 8
	if !r.valid || r.whole > limit || r.whole < -limit {
		return 0, false
	}
	return r.whole*second + r.part, true
}

// in is like seconds, for a unit of w.
func (r reading) in(w wrap) (int64, bool) {
	unit := w.unit()
	if !r.valid || r.whole > math.MaxInt64/second*(second/unit)-8 || r.whole < 0 {
		return 0, false
	}
	return r.whole*unit + r.part/(second/unit), true
}

// low32 returns the low 32 bits of a number that fits 32 bits, signed or unsigned;
// false for a larger one, which cannot have been truncated to 32 bits.
func (r reading) low32() (uint32, bool) {
	fits := r.valid && r.whole >= math.MinInt32 && r.whole <= math.MaxUint32
	return uint32(r.whole), fits
}
