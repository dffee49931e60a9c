package timefix

// wrap is a unit whose count since 1970 was truncated to 32 bits somewhere. The same 32
// bits repeat every 2^32 units, so each value has many candidates. For ms the right one
// is the latest that is not in the future, for µs and ns the one nearest to a reference
// clock.
type wrap uint8

const (
	wrapMs wrap = iota
	wrapUs
	wrapNs

	wraps = iota
)

// How far before and after its arrival a record of a live source may lie, in
// nanoseconds. The candidates lie 49.7 days, 71.6 minutes and 4.29 s apart.
//
// Eleven minutes of ms cover any flush interval and a short outage; a random value
// falls into them once in 6500 times. For µs and ns the windows are as long as they can
// be while random values rarely fit: 65 s are 1/66 of the µs period, 1.3 s are 3/10 of
// the ns period.
const (
	liveMsBehind, liveMsAhead = 10 * minute, minute
	liveUsBehind, liveUsAhead = minute, 5 * second
	liveNsBehind, liveNsAhead = 1250 * millisecond, 50 * millisecond
)

// msAhead is how many ms after its arrival a wrapped record may lie: DefaultMaxFuture,
// for a source whose clock is a little ahead.
const msAhead = uint32(10 * minute / millisecond)

// unit is the length of one unit in nanoseconds.
func (w wrap) unit() int64 {
	switch w {
	case wrapMs:
		return millisecond
	case wrapUs:
		return microsecond
	}
	return 1
}

// verdict is the verdict for a repair of the wrap.
func (w wrap) verdict() Verdict { return WrappedMs + Verdict(w) }

// live reports whether a source that stamps its records as they happen could have sent
// one that is d away from its arrival.
func (w wrap) live(d int64) bool {
	switch w {
	case wrapMs:
		return d >= -liveMsBehind && d <= liveMsAhead
	case wrapUs:
		return d >= -liveUsBehind && d <= liveUsAhead
	}
	return d >= -liveNsBehind && d <= liveNsAhead
}

// refine adds the fraction that came with the wrapped number to the time t, if they
// fit.
//
// A fraction comes with a whole second when the seconds alone were multiplied
// (tv_sec*1000). Or it repeats what the wrapped number contains (tv_sec*1000 +
// tv_nsec/1000000), with more digits. Any other fraction contradicts the number and is
// ignored.
func (w wrap) refine(t, nsec int64) int64 {
	if w.fits(t, nsec) {
		return FloorDiv(t, second)*second + nsec
	}
	return t
}

// fits reports whether the fraction and the time t go together. An unrelated fraction
// fits by chance twice in a thousand times.
func (w wrap) fits(t, nsec int64) bool {
	sub := t - FloorDiv(t, second)*second
	return sub == 0 || sub == nsec/w.unit()*w.unit()
}

// reference is a time around which wrapped ones are searched. It holds each wrap's unit
// count at that time, so that the hot path does not divide.
type reference struct {
	floor [wraps]int64  // the time in whole units, as nanoseconds
	low   [wraps]uint32 // the low 32 bits of the count
}

func newReference(t int64) reference {
	var r reference
	for w := range wrap(wraps) {
		count := FloorDiv(t, w.unit())
		r.floor[w], r.low[w] = count*w.unit(), uint32(count)
	}
	return r
}

// distance returns how many nanoseconds the right candidate lies after the reference
// (negative: before it).
func (r *reference) distance(w wrap, low uint32) int64 {
	if w == wrapMs {
		return (int64(msAhead) - int64(r.low[w]+msAhead-low)) * millisecond
	}
	return int64(int32(low-r.low[w])) * w.unit()
}

// candidate returns the right candidate.
func (r *reference) candidate(w wrap, low uint32) int64 {
	return r.floor[w] + r.distance(w, low)
}

// FloorDiv returns a/b rounded down, as a time before 1970 needs it; b > 0.
func FloorDiv(a, b int64) int64 {
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
