package timefix

import "math"

// sourceBehaviour is what a source was found to do to its times.
type sourceBehaviour uint8

const (
	behaviourUnknown sourceBehaviour = iota // not known
	wrapsMs                                 // sends the low 32 bits of milliseconds
	wrapsUs                                 // of microseconds
	wrapsNs                                 // of nanoseconds
	clockNeverSet                           // its clock runs, but was never set
)

// The limits for learning from a stream.
const (
	// nearNow is how old a plausible record may be to show that its source's
	// clock is right.
	nearNow = hour
	// A rate is measured over at least rateMin, so that whole seconds do not look like a
	// rate, and at most rateMax, well below the 24.8 days after which a wrapped number
	// overflows.
	rateMin, rateMax = second, 20 * day
	// rateSlack is the most by which the lag of a wrapping source may differ between two
	// sessions that are compared. For short intervals the limit is a quarter of the time
	// between them, which accepts all sources from 0.75 to 1.25 times 1000-fold speed
	// and no others.
	rateSlack = 30 * second
	// rateRetry is how long the older of two sessions is kept for comparison
	// when their lags differ by too much for the short time between them.
	rateRetry = minute
	// steadyMin is the least time over which a clock with an implausible date is found
	// to run at the right speed, liveSteadyMin where that date might be a wrapped one of
	// just now.
	steadyMin, liveSteadyMin = 2 * second, 30 * second
	// stuckAfter repetitions of one value show that it is no time.
	stuckAfter = 2
	// correctEnough records in a row, each right as given, end a classification.
	correctEnough = 8
	// lateSessionsEnough sessions in a row with only late records end wrapsMs;
	// mismatchesEnough records that do not fit end wrapsUs and wrapsNs.
	lateSessionsEnough, mismatchesEnough = 32, 8
	// behaviourTTL is how long a classification lasts without a new proof.
	behaviourTTL = 7 * day
	// A source is classified as wrapping µs (ns) after usProof (nsProof) records in a
	// row, far apart, that lie where such a source would put them. By chance that
	// happens once in 290000 (1.6 million) times. From usDoubt (nsDoubt) on they are no
	// longer read as wrapped milliseconds either.
	usDoubt, usProof = 2, 3
	nsDoubt, nsProof = 8, 12
	// usApart and nsApart are the least distances, in units, that count as far apart.
	// Records at even intervals cannot stay within the limits for that long.
	usApart, nsApart = 33e6, 3e8
	// usLate is how late a record of a source known to wrap µs may be: less than half
	// the 71.6 minutes between candidates, with a margin.
	usLate = 15 * minute
)

// mark is a record that later ones are compared with.
type mark struct {
	set     bool
	same    uint8 // how often this value came before, each time later
	low     uint32
	setting uint32 // of the host's clock
	part    int64
	at      Instant
}

// stuck reports whether the value has come again and again.
func (m mark) stuck(low uint32, part int64) bool {
	return m.same >= stuckAfter && low == m.low && part == m.part
}

// elapsed is the time from m to at, on the boot clock where it is known.
func (m mark) elapsed(at Instant) int64 {
	if m.at.Boot != 0 && at.Boot != 0 {
		return at.Boot - m.at.Boot
	}
	return at.Wall - m.at.Wall
}

// streak counts records in a row that lie where a wrapping source would put them.
type streak struct {
	n   uint8
	low uint32 // of the last one counted
}

// add counts one more, or starts again when it does not fit.
func (r *streak) add(low uint32, fits bool, apart int64) {
	switch {
	case !fits:
		r.n = 0
	case r.n == 0 || abs(int64(int32(low-r.low))) >= apart:
		r.n, r.low = min(r.n+1, math.MaxUint8), low
	}
}

// clockLag is how near a source's plausible records came to the host's clock while that
// had one setting.
type clockLag struct {
	known   bool
	setting uint32
	newest  int64 // record minus arrival, the greatest seen
}

// usesHostClock reports whether the source stamps by the host's own clock. If it did
// not, its records would be off by step.
func (f clockLag) usesHostClock(step int64) bool {
	return f.newest <= second && f.newest >= -min(abs(step)/2, minute)
}

// stream is the state of one tag between sessions. Its size is fixed.
type stream struct {
	behaviour    sourceBehaviour
	correct      uint8
	lateSessions uint8
	mismatches   uint8
	// yearless is a source whose dates were found to be a year too late.
	yearless    bool
	reported    uint16 // the verdicts that OnFirst was called for
	us, ns      streak
	live        mark // the last first record of a session that a source wrapping ms could have sent
	implausible mark // the last first implausible record of a session
	proven      int64
	lags        [2]clockLag // newest setting first
}

// expire ends a classification that was not proved for long.
func (m *stream) expire(at Instant) {
	if m.behaviour != behaviourUnknown && abs(at.Wall-m.proven) > behaviourTTL {
		m.resetBehaviour()
	}
}

func (m *stream) resetBehaviour() {
	m.behaviour, m.correct, m.lateSessions, m.mismatches = behaviourUnknown, 0, 0, 0
	m.us, m.ns = streak{}, streak{}
}

// setBehaviour classifies the source, or renews the proof.
func (m *stream) setBehaviour(h sourceBehaviour, at Instant) {
	m.behaviour, m.proven = h, at.Wall
	m.correct, m.lateSessions, m.mismatches = 0, 0, 0
}

// right notes a record that was right as given.
func (m *stream) right() {
	if m.correct++; m.behaviour == clockNeverSet || m.correct >= correctEnough {
		m.resetBehaviour()
	}
}

// noteMismatch notes a record that does not fit wrapsUs or wrapsNs.
func (m *stream) noteMismatch() {
	if m.mismatches++; m.mismatches >= mismatchesEnough {
		m.resetBehaviour()
	}
}

// compareLive compares a record, which is d away from its arrival if its source wraps
// ms, with the one before. The same lag twice while the arrival moved on proves it,
// because seconds that are wrapped ms run 1000 times too fast.
func (m *stream) compareLive(now mark, d int64) {
	elapsed := m.live.elapsed(now.at)
	if !m.live.set || m.live.setting != now.setting || elapsed < 0 || elapsed > rateMax {
		m.live = now
		return
	}
	if elapsed < rateMin {
		return
	}
	ref := newReference(m.live.at.Wall)
	before := ref.distance(wrapMs, m.live.low)
	switch {
	case abs(d-before) <= min(elapsed/4, rateSlack):
		m.setBehaviour(wrapsMs, now.at)
		m.live = now
	case elapsed >= rateRetry:
		m.live = now
	}
}

// compareImplausible compares an implausible record with one of an earlier session. A
// wrong clock runs at the right speed, and wrapped ms run a thousand times too fast (so
// may the lines of last year's file, which is why nextYear proves nothing). A value
// that does not change is no clock. live means that now looks like wrapped ms of just
// now.
func (m *stream) compareImplausible(now mark, live, nextYear bool) {
	elapsed := m.implausible.elapsed(now.at)
	if !m.implausible.set || m.implausible.setting != now.setting || elapsed < 0 || elapsed > rateMax {
		m.implausible = now
		return
	}
	least := steadyMin
	if live || m.behaviour == wrapsMs {
		least = liveSteadyMin
	}
	units := int64(int32(now.low - m.implausible.low))
	advance := units*second + now.part - m.implausible.part
	switch {
	case elapsed < rateMin:
		return
	case advance == 0:
		now.same = min(m.implausible.same, stuckAfter) + 1
	case abs(advance-elapsed) <= min(elapsed/2, minute):
		if elapsed < least {
			return
		}
		if m.behaviour <= wrapsMs || m.behaviour == clockNeverSet {
			m.setBehaviour(clockNeverSet, now.at)
		}
	case m.behaviour == behaviourUnknown && !nextYear && abs(units*millisecond-elapsed) <= min(elapsed/4, rateSlack):
		m.setBehaviour(wrapsMs, now.at)
	}
	m.implausible = now
}

// count looks for µs and ns wraps in an implausible record.
func (m *stream) count(ref *reference, low uint32, at Instant) {
	m.us.add(low, wrapUs.live(ref.distance(wrapUs, low)), usApart)
	m.ns.add(low, wrapNs.live(ref.distance(wrapNs, low)), nsApart)
	switch {
	case m.us.n >= usProof:
		m.setBehaviour(wrapsUs, at)
	case m.ns.n >= nsProof:
		m.setBehaviour(wrapsNs, at)
	}
}

// noteLag notes how near to the arrival the newest record of a session came.
func (m *stream) noteLag(setting uint32, newest int64) {
	f := &m.lags[0]
	if f.known && f.setting != setting {
		if int32(setting-f.setting) < 0 {
			return // a session that began before a step and ended after it
		}
		m.lags[1] = *f
		*f = clockLag{}
	}
	if !f.known {
		*f = clockLag{known: true, setting: setting, newest: newest}
	}
	f.newest = max(f.newest, newest)
}

// lagUnder returns what is known of the source under a setting.
func (m *stream) lagUnder(setting uint32) clockLag {
	for _, f := range m.lags {
		if f.known && f.setting == setting {
			return f
		}
	}
	return clockLag{}
}

// merge adds what a session learnt while others of the same tag ended. behaviourAtBegin
// is the behaviour that the session started with.
func (m *stream) merge(s *stream, behaviourAtBegin sourceBehaviour) {
	if m.behaviour == behaviourUnknown || s.behaviour != behaviourAtBegin && s.behaviour != behaviourUnknown {
		m.behaviour, m.proven, m.correct = s.behaviour, max(m.proven, s.proven), s.correct
	}
	if s.behaviour == m.behaviour {
		m.proven = max(m.proven, s.proven)
	}
	m.live = later(m.live, s.live)
	m.implausible = later(m.implausible, s.implausible)
	m.yearless = m.yearless || s.yearless
	for i := range s.lags {
		if f := s.lags[len(s.lags)-1-i]; f.known {
			m.noteLag(f.setting, f.newest)
		}
	}
	m.reported |= s.reported
}

func later(a, b mark) mark {
	if !a.set || b.set && b.at.Wall > a.at.Wall {
		return b
	}
	return a
}
