package timefix

// wrap is one unit whose count since 1970 was cut down to 32 bits somewhere.
// The same 32 bits come back every 2^32 units, so what was cut off is found
// by taking the candidate nearest to a reference clock.
type wrap struct {
	unit    int64 // nanoseconds
	verdict Verdict
	why     string
	// behind and ahead say how far from the arrival, in nanoseconds, a
	// candidate of a live source may lie.
	behind, ahead int64
}

// The three wraps. Candidates lie 49.7 days, 71.6 minutes and 4.29 s apart.
//
// Ten minutes hold any flush interval and a short outage, and a thing that
// happens by chance falls into the eleven minutes once in 6500 times. The other
// two get as much as they can without being filled by chance: 65 s are
// 1/66 of the µs circle, 1.3 s are 3/10 of the ns circle.
const (
	liveMsBehind, liveMsAhead = 10 * minute, minute
	liveUsBehind, liveUsAhead = minute, 5 * second
	liveNsBehind, liveNsAhead = 1250 * millisecond, 50 * millisecond
)

// wrapMs, wrapUs and wrapNs give the constants above as a value.
func wrapMs() wrap {
	return wrap{millisecond, WrappedMs, whyWrappedMs, liveMsBehind, liveMsAhead}
}

func wrapUs() wrap {
	return wrap{microsecond, WrappedUs, whyWrappedUs, liveUsBehind, liveUsAhead}
}

func wrapNs() wrap {
	return wrap{1, WrappedNs, whyWrappedNs, liveNsBehind, liveNsAhead}
}

// distance says how many nanoseconds the candidate nearest to ref is after ref
// (negative: before it), ref being cut down to whole units.
func (w wrap) distance(low uint32, ref int64) int64 {
	return int64(int32(low-uint32(floorDiv(ref, w.unit)))) * w.unit
}

// nearest gives the candidate nearest to ref, in nanoseconds since 1970.
func (w wrap) nearest(low uint32, ref int64) int64 {
	return floorDiv(ref, w.unit)*w.unit + w.distance(low, ref)
}

// live says whether a source that stamps its records as they happen could have
// sent one that is d away from its arrival.
func (w wrap) live(d int64) bool { return d >= -w.behind && d <= w.ahead }

// refine adds what a fraction beside the wrapped number says of the time t.
//
// A fraction of a second stands beside it when the seconds alone were
// multiplied (tv_sec*1000): t is a whole second then. Or it repeats what the
// wrapped number says already (tv_sec*1000 + tv_nsec/1000000), with more digits.
// Any other fraction contradicts the number and is left out.
func (w wrap) refine(t, nsec int64) int64 {
	sub := t - floorDiv(t, second)*second
	if sub == 0 || sub == nsec/w.unit*w.unit {
		return t - sub + nsec
	}
	return t
}

// floorDiv is a/b rounded down; b > 0.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
