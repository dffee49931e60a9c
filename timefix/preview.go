package timefix

const (
	// previewMax is the most records of a chunk that are previewed.
	previewMax = 8
	// runsApart is the least average distance between wrapped records that shows that
	// they are wrapped: as seconds, more than 8 minutes.
	runsApart = 500 * millisecond
	// spreadOver is more than a flush of a source whose clock is ahead spans, in seconds
	// read as ms.
	spreadOver = 120 * millisecond
)

// preview is what the first records of a chunk show together, read as wrapped ms.
type preview struct {
	n                  int64
	oldest, newest     int64 // from the arrival
	last               int64
	late, anyPlausible bool // one was not live; one is plausible as given
	runs, spread       bool
}

// Preview examines the time of a chunk's next record before any is repaired, starting
// with the first; it reports whether another one would add information. It is optional,
// but it improves the repair of a source's first chunk: seconds and truncated
// milliseconds differ in their speed.
func (s *Session) Preview(raw Raw) (more bool) {
	if _, right := s.plainlyRight(raw); right || s.mode != Auto || s.clockUnset || s.stream.behaviour != behaviourUnknown {
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
	f.anyPlausible = f.anyPlausible || s.plausible(t)
	if f.anyPlausible {
		// Plausible dates prove it only for a source that had no right record so far: an
		// archive matches by chance once in 6500 times.
		if f.n > 1 && f.newest > f.oldest && !f.late && !s.stream.lags[0].known && t < s.at.Wall-nearNow {
			s.stream.setBehaviour(wrapsMs, s.at)
			s.liveSpan = everySecond
		}
		return !f.late && f.n < previewMax && s.stream.behaviour == behaviourUnknown
	}
	f.runs = f.n > 1 && f.newest-f.oldest >= runsApart*(f.n-1) && !s.nextYear(t, r.part)
	f.spread = f.newest-f.oldest > spreadOver
	return f.n < previewMax
}

// add adds a record that is d from the arrival. It returns false if it is too far from
// the one before.
func (f *preview) add(d int64) bool {
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
