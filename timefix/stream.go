package timefix

import "math"

// habit is what a source was found to do to its times.
type habit uint8

const (
	habitUnknown habit = iota // nothing, as far as is known
	habitMs                   // sends the low 32 bits of milliseconds
	habitUs                   // of microseconds
	habitNs                   // of nanoseconds
	habitUnset                // its clock runs, but was never set
)

// The limits of what a stream is believed to show.
const (
	// nearNow is how old a believable record may be to show that its source's
	// clock is right.
	nearNow = hour
	// A rate is measured over at least rateMin, so that whole seconds do not
	// look like a rate, and at most rateMax, well below the 24.8 days at which
	// a wrapped number turns round.
	rateMin, rateMax = second, 20 * day
	// rateSlack is the most by which the lag of a wrapping source may differ
	// between two sessions that are compared; below, a quarter of the time
	// between them, so that no source from 0.75 to 1.25 times 1000-fold speed
	// is ruled out, and no other is let in.
	rateSlack = 30 * second
	// rateRetry is how long the older of two sessions is kept for comparison
	// when their lags differ by too much for the short time between them.
	rateRetry = minute
	// steadyMin is the least time over which a source's clock is found to run
	// at the right speed while it shows an unbelievable date, liveSteadyMin
	// where that date might be a wrapped one of just now.
	steadyMin, liveSteadyMin = 2 * second, 30 * second
	// stuckAfter repetitions of one value are no time.
	stuckAfter = 2
	// honestEnough records in a row, each right as it stands, end a habit.
	honestEnough = 8
	// lateEnough sessions in a row of late records only end the habit of
	// wrapping; records that no longer fit a µs or ns habit end that.
	lateEnough, missedEnough = 32, 8
	// habitAge is how long a habit is believed without a new proof.
	habitAge = 7 * day
	// So many records in a row, far from each other, must lie where a source
	// that wraps µs (ns) would put them. By chance that happens once in 290000
	// (1.6 million) times. From the doubt on, they are no longer taken for
	// wrapped milliseconds either.
	usDoubt, usProof = 2, 3
	nsDoubt, nsProof = 8, 12
	// usApart and nsApart are "far from each other", in units: no records that
	// follow each other in even steps can stay where they fit for long enough.
	usApart, nsApart = 33e6, 3e8
	// usLate is how late a record of a source known to wrap µs may be: less
	// than half the 71.6 minutes between candidates, with room for error.
	usLate = 15 * minute
)

// mark is a record that later ones are compared with.
type mark struct {
	set     bool
	same    uint8 // how often this value had come before, each time later
	low     uint32
	setting uint32 // of the host's clock
	part    int64
	at      Instant
}

// stuck says whether the value is one that comes again and again.
func (m mark) stuck(low uint32, part int64) bool {
	return m.same >= stuckAfter && low == m.low && part == m.part
}

// elapsed is the time from m to at, by the boot clock where it is known.
func (m mark) elapsed(at Instant) int64 {
	if m.at.Boot != 0 && at.Boot != 0 {
		return at.Boot - m.at.Boot
	}
	return at.Wall - m.at.Wall
}

// run counts records that lie where a wrapping source would put them.
type run struct {
	n   uint8
	low uint32 // of the last one counted
}

// add counts one more, or starts again when it does not fit.
func (r *run) add(low uint32, fits bool, apart int64) {
	switch {
	case !fits:
		r.n = 0
	case r.n == 0 || abs(int64(int32(low-r.low))) >= apart:
		r.n, r.low = min(r.n+1, math.MaxUint8), low
	}
}

// follow says how near a source's believable records came to the host's clock
// while that had one setting.
type follow struct {
	known   bool
	setting uint32
	newest  int64 // record minus arrival, the greatest seen
}

// local says whether the source stamps by the host's own clock, judged by
// records that would be off by step if it did not.
func (f follow) local(step int64) bool {
	return f.newest <= second && f.newest >= -min(abs(step)/2, minute)
}

// stream is what is remembered of one tag between sessions. Its size is fixed.
type stream struct {
	habit  habit
	honest uint8
	late   uint8
	missed uint8
	// yearless is a source whose dates were found to be a year too late.
	yearless bool
	told     uint16 // the verdicts that OnFirst was told of
	us, ns   run
	live     mark // the last first record of a session that a source wrapping ms could have sent
	odd      mark // the last first unbelievable record of a session
	proven   int64
	follows  [2]follow // newest setting first
}

// expire forgets a habit that was not proved for long.
func (m *stream) expire(at Instant) {
	if m.habit != habitUnknown && abs(at.Wall-m.proven) > habitAge {
		m.forget()
	}
}

func (m *stream) forget() {
	m.habit, m.honest, m.late, m.missed = habitUnknown, 0, 0, 0
	m.us, m.ns = run{}, run{}
}

// adopt takes a habit on, or proves it once more.
func (m *stream) adopt(h habit, at Instant) {
	m.habit, m.proven = h, at.Wall
	m.honest, m.late, m.missed = 0, 0, 0
}

// right notes a record that was right as it stood.
func (m *stream) right() {
	if m.honest++; m.habit == habitUnset || m.honest >= honestEnough {
		m.forget()
	}
}

// miss notes a record that does not fit a µs or ns habit.
func (m *stream) miss() {
	if m.missed++; m.missed >= missedEnough {
		m.forget()
	}
}

// compareLive compares a record that is d away from its arrival if its source
// wraps ms with the one before. Two that keep the same lag while the arrival
// moves on prove it: to them the apparent seconds run 1000 times too fast.
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
		m.adopt(habitMs, now.at)
		m.live = now
	case elapsed >= rateRetry:
		m.live = now
	}
}

// compareOdd compares an unbelievable record with one of an earlier session: a
// wrong clock runs at the right speed, wrapped ms a thousand times too fast (as
// may the lines of last year's file, so that none of nextYear prove it), and what
// stands still is no clock. live is what wrapped ms of just now look like.
func (m *stream) compareOdd(now mark, live, nextYear bool) {
	elapsed := m.odd.elapsed(now.at)
	if !m.odd.set || m.odd.setting != now.setting || elapsed < 0 || elapsed > rateMax {
		m.odd = now
		return
	}
	least := steadyMin
	if live || m.habit == habitMs {
		least = liveSteadyMin
	}
	units := int64(int32(now.low - m.odd.low))
	advance := units*second + now.part - m.odd.part
	switch {
	case elapsed < rateMin:
		return
	case advance == 0:
		now.same = min(m.odd.same, stuckAfter) + 1
	case abs(advance-elapsed) <= min(elapsed/2, minute):
		if elapsed < least {
			return
		}
		if m.habit <= habitMs || m.habit == habitUnset {
			m.adopt(habitUnset, now.at)
		}
	case m.habit == habitUnknown && !nextYear && abs(units*millisecond-elapsed) <= min(elapsed/4, rateSlack):
		m.adopt(habitMs, now.at)
	}
	m.odd = now
}

// count looks for µs and ns wraps in an unbelievable record.
func (m *stream) count(ref *reference, low uint32, at Instant) {
	m.us.add(low, wrapUs.live(ref.distance(wrapUs, low)), usApart)
	m.ns.add(low, wrapNs.live(ref.distance(wrapNs, low)), nsApart)
	switch {
	case m.us.n >= usProof:
		m.adopt(habitUs, at)
	case m.ns.n >= nsProof:
		m.adopt(habitNs, at)
	}
}

// followed notes how near to the arrival the newest record of a session came.
func (m *stream) followed(setting uint32, newest int64) {
	f := &m.follows[0]
	if f.known && f.setting != setting {
		if int32(setting-f.setting) < 0 {
			return // a session that began before a step and ended after it
		}
		m.follows[1] = *f
		*f = follow{}
	}
	if !f.known {
		*f = follow{known: true, setting: setting, newest: newest}
	}
	f.newest = max(f.newest, newest)
}

// under says what is known of the source under a setting.
func (m *stream) under(setting uint32) follow {
	for _, f := range m.follows {
		if f.known && f.setting == setting {
			return f
		}
	}
	return follow{}
}

// merge takes over what a session learnt while others of the same tag ended.
// began is the habit that the session started with.
func (m *stream) merge(s *stream, began habit) {
	if m.habit == habitUnknown || s.habit != began && s.habit != habitUnknown {
		m.habit, m.proven, m.honest = s.habit, max(m.proven, s.proven), s.honest
	}
	if s.habit == m.habit {
		m.proven = max(m.proven, s.proven)
	}
	m.live = later(m.live, s.live)
	m.odd = later(m.odd, s.odd)
	m.yearless = m.yearless || s.yearless
	for i := range s.follows {
		if f := s.follows[len(s.follows)-1-i]; f.known {
			m.followed(f.setting, f.newest)
		}
	}
	m.told |= s.told
}

func later(a, b mark) mark {
	if !a.set || b.set && b.at.Wall > a.at.Wall {
		return b
	}
	return a
}
