package timefix

import (
	"math"
	"time"
)

const (
	// loneLate is how late a wrapped record may be for which nothing speaks but
	// that its candidate is there: by chance one is so once in 400 times.
	loneLate = 3 * hour
	// thousandth is how old a time may be of which seconds were taken for ms.
	// All of these stand for 86 minutes of January 1970, so that a clock that
	// was never set, and runs, is hardly ever taken for one.
	thousandth = 60 * day
	// A clock that is ahead is wrong by whole hours as a rule, its records
	// being on the way for some seconds; a date without a year is not.
	clockBehind, clockAhead = 30 * second, 2 * second
)

// judge is the whole repair, and holds what it promises: no result is later than
// what is believable.
func (s *Session) judge(r reading) (Fixed, string) {
	fixed, why := s.explain(r)
	if s.mode == Auto && fixed.UnixNano > s.low+int64(s.span) && fixed.Verdict != Arrival {
		return s.arrival(whyAhead)
	}
	return fixed, why
}

// explain tries the explanations in their order.
func (s *Session) explain(r reading) (Fixed, string) {
	switch {
	case s.mode == Off:
		return s.asIs(r)
	case !r.valid && r.form == Float:
		return s.arrival(whyNotANumber)
	case !r.valid:
		return s.arrival(whyNoTime)
	case s.mode == ArrivalOnly:
		return s.asIsOrArrival(r)
	}
	if as, why, ok := s.asSeconds(&r); ok {
		return s.dated(r, as, why)
	}
	if as, why, ok := s.scaled(r); ok {
		return as, why
	}
	if s.blind {
		return s.arrival(whyBlind)
	}
	return s.undated(r)
}

func (s *Session) arrival(why string) (Fixed, string) {
	return Fixed{UnixNano: s.at.Wall, Verdict: Arrival}, why
}

func (s *Session) believable(t int64) bool { return uint64(t-s.low) <= s.span }

// asIs reads seconds, whatever they are.
func (s *Session) asIs(r reading) (Fixed, string) {
	if t, ok := r.seconds(); ok {
		return Fixed{UnixNano: t}, ""
	}
	return s.arrival(whyUnreadable)
}

// asIsOrArrival believes seconds or nothing.
func (s *Session) asIsOrArrival(r reading) (Fixed, string) {
	if t, ok := r.seconds(); ok && r.part < second && s.believable(t) {
		return Fixed{UnixNano: t}, ""
	}
	return s.arrival(whyArrival)
}

// asSeconds believes seconds, with what is wrong with the nanoseconds put
// right: they are below one second in r afterwards.
func (s *Session) asSeconds(r *reading) (fixed Fixed, why string, ok bool) {
	t, ok := r.seconds()
	if r.part < second {
		return Fixed{UnixNano: t}, "", ok && s.believable(t)
	}
	bare := t - r.part
	r.part = 0
	if s.believable(t) {
		return Fixed{UnixNano: t, Verdict: BadNsec}, whyNsecCarried, true
	}
	return Fixed{UnixNano: bare, Verdict: BadNsec}, whyNsecZeroed, s.believable(bare)
}

// scaled looks for another unit, which is plain from the magnitude.
func (s *Session) scaled(r reading) (fixed Fixed, why string, ok bool) {
	if r.whole >= -math.MaxUint32 && r.whole <= math.MaxUint32 {
		return fixed, "", false
	}
	within := func(w wrap) bool {
		t, ok := r.in(w)
		fixed.UnixNano = t
		return ok && s.believable(t)
	}
	switch {
	case within(wrapMs):
		fixed.Verdict, why = ScaledMs, whyScaledMs
	case within(wrapUs):
		fixed.Verdict, why = ScaledUs, whyScaledUs
	case within(wrapNs):
		fixed.Verdict, why = ScaledNs, whyScaledNs
	default:
		return fixed, "", false
	}
	return fixed, why, true
}

// dated judges a record whose date is believable: it stays as it is unless its
// stream, or a step of the host's clock, shows what it really is.
func (s *Session) dated(r reading, as Fixed, why string) (Fixed, string) {
	low, fits := r.low32()
	if s.blind || !fits {
		return as, why
	}
	age := as.UnixNano - s.at.Wall
	if w, better := s.betterWrap(low, age); better {
		return s.wrapped(w, low, r.part), whyStream(w)
	}
	if shift, ok := s.stepped(as.UnixNano, age); ok {
		return Fixed{UnixNano: as.UnixNano + shift, Verdict: ClockStep}, whyClockStep
	}
	return as, why
}

// betterWrap says which wrap, if any, explains a believable date better than
// the date itself, age after the arrival.
func (s *Session) betterWrap(low uint32, age int64) (w wrap, better bool) {
	switch s.stream.habit {
	case habitUs:
		w = wrapUs
	case habitNs:
		w = wrapNs
	default:
		return wrapMs, s.betterMs(low, age)
	}
	d := s.ref.distance(w, low)
	if w.live(d) && abs(d) < abs(age) {
		s.stream.proven = s.at.Wall
		return w, true
	}
	s.unchanged(age, false)
	return w, false
}

// betterMs is betterWrap for milliseconds. Of a source that is known to wrap,
// that reading is right which is nearer to the arrival. While the source seems
// to be put right (or two share the tag), a wrapped one must be live besides.
func (s *Session) betterMs(low uint32, age int64) bool {
	d := s.ref.distance(wrapMs, low)
	live := wrapMs.live(d)
	if live && age < -nearNow {
		s.meetLive(low, d)
	}
	if s.stream.habit == habitMs && abs(d) < abs(age) && (live || s.stream.honest == 0) {
		s.sawLate = s.sawLate || !live
		return true
	}
	s.unchanged(age, live)
	return false
}

// unchanged notes a believable record that was left as it is; live is one that
// a source wrapping ms could have sent just now.
func (s *Session) unchanged(age int64, live bool) {
	if !live {
		s.oldest = min(s.oldest, s.at.Wall+age)
	}
	if s.stream.habit != habitUnknown && age >= -nearNow {
		s.stream.right()
	}
}

// undated judges a record whose date is not believable.
func (s *Session) undated(r reading) (Fixed, string) {
	low, fits := r.low32()
	if !fits {
		return s.arrival(whyUnreadable)
	}
	d := s.ref.distance(wrapMs, low)
	known := s.stream.habit == habitMs
	if r.whole == 0 && r.part == 0 && (!known || !wrapMs.live(d)) {
		return s.arrival(whyZero)
	}
	if !known {
		if fixed, why, ok := s.steppedOdd(r); ok {
			return fixed, why
		}
	}
	s.meetOdd(s.mark(low, r.part), d)
	switch s.stream.habit {
	case habitUnset:
		return s.arrival(whySteady)
	case habitUs:
		return s.wrappedByHabit(wrapUs, low, r.part, usLate)
	case habitNs:
		return s.wrappedByHabit(wrapNs, low, r.part, liveNsBehind)
	case habitUnknown:
		if t, ok := s.thousandFold(r, low, d); ok {
			return Fixed{UnixNano: t, Verdict: ScaledMs}, whyThousand
		}
	}
	if s.stream.odd.stuck(low, r.part) {
		return s.arrival(whyStuck)
	}
	if s.stream.habit == habitMs {
		return s.wrapped(wrapMs, low, r.part), whyWrappedLate
	}
	return s.lone(r, low, d)
}

// thousandFold undoes a time in seconds that was taken for one in ms. Where it
// would be a wrapped one as well, its fraction shows what it is.
func (s *Session) thousandFold(r reading, low uint32, d int64) (int64, bool) {
	if r.whole < 0 || r.whole >= math.MaxInt64/second/1000 {
		return 0, false
	}
	t := (r.whole*second + r.part) * 1000
	if !s.believable(t) || t < s.at.Wall-thousandth {
		return 0, false
	}
	wrapped := wrapMs.live(d) && (r.part == 0 || wrapMs.fits(s.ref.candidate(wrapMs, low), r.part))
	return t, !wrapped
}

// lone judges an unbelievable record of a source of which nothing is known.
func (s *Session) lone(r reading, low uint32, d int64) (Fixed, string) {
	t, _ := r.seconds()
	ahead := t - (s.low + int64(s.span))
	switch {
	case wrapMs.live(d):
		return s.wrapped(wrapMs, low, r.part), whyWrappedMs
	case t >= 0 && t < day:
		return s.arrival(whyNotSet)
	case ahead > 0 && ahead <= day:
		return s.arrival(whyAhead)
	case s.stream.us.n >= usDoubt || s.stream.ns.n >= nsDoubt:
		return s.arrival(whyDoubt)
	}
	if t, ok := s.yearBefore(t, r.part); ok {
		return Fixed{UnixNano: t, Verdict: ClockStep}, whyYear
	}
	if d < -s.reach(r, low) {
		return s.arrival(whyNoEvidence)
	}
	return s.wrapped(wrapMs, low, r.part), whyWrappedLate
}

// reach is how late a wrapped record of an unknown source may be, by what speaks
// for it.
func (s *Session) reach(r reading, low uint32) int64 {
	switch {
	case s.first.runs, r.part != 0 && wrapMs.fits(s.ref.candidate(wrapMs, low), r.part):
		return math.MaxInt64
	case r.part == 0:
		return loneLate
	}
	return liveMsBehind
}

// nextYear says whether t may be a date of last year that was written without
// its year, and read as one of this year.
func (s *Session) nextYear(t, part int64) bool {
	return part == 0 && t > s.at.Wall && t <= s.at.Wall+366*day
}

// yearBefore gives a date that was read with a year too many its own year.
func (s *Session) yearBefore(t, part int64) (int64, bool) {
	if !s.nextYear(t, part) {
		return 0, false
	}
	past := time.Unix(0, t).UTC().AddDate(-1, 0, 0).UnixNano()
	off := (t - s.at.Wall) % hour
	clock := off <= clockAhead || off >= hour-clockBehind
	if past > s.at.Wall || clock && !s.stream.yearless && !s.first.spread {
		return 0, false
	}
	s.stream.yearless = true
	return past, true
}

func (s *Session) wrapped(w wrap, low uint32, nsec int64) Fixed {
	t := s.ref.candidate(w, low)
	if nsec != 0 {
		t = w.refine(t, nsec)
	}
	return Fixed{UnixNano: t, Verdict: w.verdict()}
}

// wrappedByHabit repairs a µs or ns wrap that is not older than late.
func (s *Session) wrappedByHabit(w wrap, low uint32, nsec, late int64) (Fixed, string) {
	d := s.ref.distance(w, low)
	if !w.live(d) && (d > 0 || d < -late) {
		s.stream.miss()
		return s.arrival(whyLate)
	}
	if w.live(d) {
		s.stream.proven, s.stream.missed = s.at.Wall, 0
	}
	return s.wrapped(w, low, nsec), whyStream(w)
}

// meetLive takes in a record that a source wrapping ms could have sent just
// now. Only the first of a session counts: what lies between the records of one
// session says nothing of the rate against the arrival.
func (s *Session) meetLive(low uint32, d int64) {
	if s.sawLive || s.sawOld() {
		return
	}
	s.sawLive = true
	s.stream.compareLive(s.mark(low, 0), d)
}

// meetOdd takes in an unbelievable record that is d away from its arrival if it
// is a wrapped number of ms.
func (s *Session) meetOdd(now mark, d int64) {
	live := wrapMs.live(d)
	if live {
		s.meetLive(now.low, d)
		s.stream.us, s.stream.ns = run{}, run{}
	} else {
		s.stream.live.set = false
	}
	if !s.sawOdd {
		s.sawOdd = true
		s.stream.compareOdd(now, live, s.nextYear(int64(now.low)*second, now.part))
	}
	if !live && (s.stream.habit == habitUnknown || s.stream.habit == habitUnset) {
		s.stream.count(&s.ref, now.low, s.at)
	}
}

func (s *Session) mark(low uint32, part int64) mark {
	return mark{set: true, low: low, part: part, setting: s.history.id, at: s.at}
}
