package timefix

// Verdict is what was found to be wrong with a time.
type Verdict uint8

// The verdicts.
const (
	OK        Verdict = iota // plausible as given
	ScaledMs                 // milliseconds where seconds belong
	ScaledUs                 // microseconds where seconds belong
	ScaledNs                 // nanoseconds where seconds belong
	WrappedMs                // the low 32 bits of milliseconds
	WrappedUs                // the low 32 bits of microseconds
	WrappedNs                // the low 32 bits of nanoseconds
	BadNsec                  // more than 999999999 nanoseconds beside plausible seconds
	ClockStep                // stamped before the host's clock was set
	Arrival                  // cannot be repaired: replaced by the arrival time

	NumVerdicts = iota // how many verdicts there are
)

// String returns the verdict as named in metrics and pages.
func (v Verdict) String() string {
	switch v {
	case OK:
		return "ok"
	case ScaledMs:
		return "scaled_ms"
	case ScaledUs:
		return "scaled_us"
	case ScaledNs:
		return "scaled_ns"
	case WrappedMs:
		return "wrapped_ms"
	case WrappedUs:
		return "wrapped_us"
	case WrappedNs:
		return "wrapped_ns"
	case BadNsec:
		return "bad_nsec"
	case ClockStep:
		return "clock_step"
	case Arrival:
		return "arrival"
	}
	return "unknown"
}

// Fixed is a time after repair.
type Fixed struct {
	UnixNano int64 // since 1970-01-01 UTC
	Verdict  Verdict
}

// Counts holds the number of times by verdict.
type Counts [NumVerdicts]uint32

// Repairs is the number of verdicts other than OK.
func (c Counts) Repairs() uint32 {
	var n uint32
	for _, v := range c[OK+1:] {
		n += v
	}
	return n
}

// Mode selects what is repaired.
type Mode uint8

// The modes.
const (
	Auto        Mode = iota // all repairs
	ArrivalOnly             // times that are not plausible as given become the arrival time
	Off                     // none: times are used as given, except unreadable ones
)

// String returns the mode as written in the settings: auto, arrival, off.
func (m Mode) String() string {
	switch m {
	case Auto:
		return "auto"
	case ArrivalOnly:
		return "arrival"
	case Off:
		return "off"
	}
	return "unknown"
}
