package timefix

const (
	// lookAt is how many records of a chunk are looked at, at most.
	lookAt = 8
	// runsApart is how far from each other wrapped records are on average, if
	// that is to show that they are wrapped: as seconds, more than 8 minutes.
	runsApart = 500 * millisecond
	// spreadOver is what no flush of a source whose clock is ahead spans, in
	// seconds taken for ms.
	spreadOver = 120 * millisecond
)

// firstLook is what the first records of a chunk show together, as wrapped ms.
type firstLook struct {
	n              int64
	oldest, newest int64 // from the arrival
	last           int64
	late, dated    bool // one was not live, one is believable as it stands
	runs, spread   bool
}

// Look takes in the time of a chunk's next record before any of them is repaired,
// from the first one on; it says whether another one would tell more. It is not
// needed, but a source's first chunk is judged better after it: seconds and what
// was cut off from milliseconds differ in their speed.
func (s *Session) Look(raw Raw) (more bool) {
	if _, right := s.plainlyRight(raw); right || s.mode != Auto || s.blind || s.stream.habit != habitUnknown {
		return false
	}
	r := raw.read()
	low, fits := r.low32()
	if !fits {
		return false
	}
	t, _ := r.seconds()
	f := &s.first
	if !f.add(s.ref.distance(wrapMs, low)) {
		return false
	}
	f.dated = f.dated || s.believable(t)
	if f.dated {
		// Believable dates prove it only of a source of which nothing was right
		// so far: an archive that is read comes by here once in 6500 times.
		if f.n > 1 && f.newest > f.oldest && !f.late && !s.stream.follows[0].known && t < s.at.Wall-nearNow {
			s.stream.adopt(habitMs, s.at)
			s.liveSpan = everySecond
		}
		return !f.late && f.n < lookAt && s.stream.habit == habitUnknown
	}
	f.runs = f.n > 1 && f.newest-f.oldest >= runsApart*(f.n-1) && !s.nextYear(t, r.part)
	f.spread = f.newest-f.oldest > spreadOver
	return f.n < lookAt
}

// add takes in one that is d from the arrival; false where it does not go with
// the one before.
func (f *firstLook) add(d int64) bool {
	if f.n > 0 && abs(d-f.last) > liveMsBehind {
		f.runs = false
		return false
	}
	if f.n == 0 {
		f.oldest, f.newest = d, d
	}
	f.oldest, f.newest, f.last = min(f.oldest, d), max(f.newest, d), d
	f.late = f.late || !wrapMs.live(d)
	f.n++
	return true
}
