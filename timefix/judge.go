package timefix

import (
	"math"
	"time"
)

const (
	// unknownSourceLate is how late a wrapped record without any other evidence may be:
	// by chance a wrong date is that near once in 400 times.
	unknownSourceLate = 3 * hour
	// thousandFoldAge is how old a time may be whose seconds were read as ms. All such
	// times fall into 86 minutes of January 1970, so a running clock that was never set
	// is hardly ever mistaken for one.
	thousandFoldAge = 60 * day
	// A clock that is ahead is usually wrong by whole hours, plus the few seconds that a
	// record takes to arrive. A date without a year is not.
	clockBehind, clockAhead = 30 * second, 2 * second
)

// judge repairs a time. It guarantees that no result is later than what is plausible.
func (s *Session) judge(r reading) (Fixed, string) {
	fixed, why := s.explain(r)
	if s.mode == Auto && fixed.UnixNano > s.earliest+int64(s.plausibleSpan) && fixed.Verdict != Arrival {
		return s.arrival(whyAhead)
	}
	return fixed, why
}

// explain tries the possible causes in order.
func (s *Session) explain(r reading) (Fixed, string) {
	switch {
	case s.mode == Off:
		return s.asGiven(r)
	case !r.valid && r.form == Float:
		return s.arrival(whyNotANumber)
	case !r.valid:
		return s.arrival(whyNoTime)
	case s.mode == ArrivalOnly:
		return s.asGivenOrArrival(r)
	}
	if as, why, ok := s.asSeconds(&r); ok {
		return s.judgePlausible(r, as, why)
	}
	if as, why, ok := s.scaled(r); ok {
		return as, why
	}
	if s.clockUnset {
		return s.arrival(whyHostUnset)
	}
	return s.judgeImplausible(r)
}

func (s *Session) arrival(why string) (Fixed, string) {
	return Fixed{UnixNano: s.at.Wall, Verdict: Arrival}, why
}

func (s *Session) plausible(t int64) bool { return uint64(t-s.earliest) <= s.plausibleSpan }

// asGiven accepts any seconds.
func (s *Session) asGiven(r reading) (Fixed, string) {
	if t, ok := r.seconds(); ok {
		return Fixed{UnixNano: t}, ""
	}
	return s.arrival(whyUnreadable)
}

// asGivenOrArrival accepts plausible seconds only.
func (s *Session) asGivenOrArrival(r reading) (Fixed, string) {
	if t, ok := r.seconds(); ok && r.part < second && s.plausible(t) {
		return Fixed{UnixNano: t}, ""
	}
	return s.arrival(whyArrival)
}

// asSeconds accepts plausible seconds. It corrects faulty nanoseconds: r.part is less
// than one second afterwards.
func (s *Session) asSeconds(r *reading) (fixed Fixed, why string, ok bool) {
	t, ok := r.seconds()
	if r.part < second {
		return Fixed{UnixNano: t}, "", ok && s.plausible(t)
	}
	bare := t - r.part
	r.part = 0
	if s.plausible(t) {
		return Fixed{UnixNano: t, Verdict: BadNsec}, whyNsecCarried, true
	}
	return Fixed{UnixNano: bare, Verdict: BadNsec}, whyNsecZeroed, s.plausible(bare)
}

// scaled tries the other units. The magnitude shows which one it is.
func (s *Session) scaled(r reading) (fixed Fixed, why string, ok bool) {
	if r.whole >= -math.MaxUint32 && r.whole <= math.MaxUint32 {
		return fixed, "", false
	}
	within := func(w wrap) bool {
		t, ok := r.in(w)
		fixed.UnixNano = t
		return ok && s.plausible(t)
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

// judgePlausible returns a plausible date unchanged, unless its stream or a step of the
// host's clock shows what it really is.
func (s *Session) judgePlausible(r reading, as Fixed, why string) (Fixed, string) {
	low, fits := r.low32()
	if s.clockUnset || !fits {
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

// betterWrap returns which wrap, if any, explains a plausible date better than the date
// itself, which is age after the arrival.
func (s *Session) betterWrap(low uint32, age int64) (w wrap, better bool) {
	switch s.stream.behaviour {
	case wrapsUs:
		w = wrapUs
	case wrapsNs:
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

// betterMs is betterWrap for milliseconds. For a source that is known to wrap, the
// reading nearer to the arrival is right. While the source seems to have been corrected
// (or two share the tag), a wrapped one must also be live.
func (s *Session) betterMs(low uint32, age int64) bool {
	d := s.ref.distance(wrapMs, low)
	live := wrapMs.live(d)
	if live && age < -nearNow {
		s.observeLive(low, d)
	}
	if s.stream.behaviour == wrapsMs && abs(d) < abs(age) && (live || s.stream.correct == 0) {
		s.sawLate = s.sawLate || !live
		return true
	}
	s.unchanged(age, live)
	return false
}

// unchanged notes a plausible record that was left unchanged; live means that a source
// wrapping ms could have sent it just now.
func (s *Session) unchanged(age int64, live bool) {
	if !live {
		s.oldest = min(s.oldest, s.at.Wall+age)
	}
	if s.stream.behaviour != behaviourUnknown && age >= -nearNow {
		s.stream.right()
	}
}

// judgeImplausible repairs a record whose date is implausible.
func (s *Session) judgeImplausible(r reading) (Fixed, string) {
	low, fits := r.low32()
	if !fits {
		return s.arrival(whyUnreadable)
	}
	d := s.ref.distance(wrapMs, low)
	known := s.stream.behaviour == wrapsMs
	if r.whole == 0 && r.part == 0 && (!known || !wrapMs.live(d)) {
		return s.arrival(whyZero)
	}
	if !known {
		if fixed, why, ok := s.steppedImplausible(r); ok {
			return fixed, why
		}
	}
	s.observeImplausible(s.mark(low, r.part), d)
	switch s.stream.behaviour {
	case clockNeverSet:
		return s.arrival(whySteady)
	case wrapsUs:
		return s.wrappedKnownSource(wrapUs, low, r.part, usLate)
	case wrapsNs:
		return s.wrappedKnownSource(wrapNs, low, r.part, liveNsBehind)
	case behaviourUnknown:
		if t, ok := s.thousandFold(r, low, d); ok {
			return Fixed{UnixNano: t, Verdict: ScaledMs}, whyThousand
		}
	}
	if s.stream.implausible.stuck(low, r.part) {
		return s.arrival(whyStuck)
	}
	if s.stream.behaviour == wrapsMs {
		return s.wrapped(wrapMs, low, r.part), whyWrappedLate
	}
	return s.judgeUnknownSource(r, low, d)
}

// thousandFold corrects a time in seconds that was read as ms. If it could also be a
// wrapped one, its fraction decides.
func (s *Session) thousandFold(r reading, low uint32, d int64) (int64, bool) {
	if r.whole < 0 || r.whole >= math.MaxInt64/second/1000 {
		return 0, false
	}
	t := (r.whole*second + r.part) * 1000
	if !s.plausible(t) || t < s.at.Wall-thousandFoldAge {
		return 0, false
	}
	wrapped := wrapMs.live(d) && (r.part == 0 || wrapMs.fits(s.ref.candidate(wrapMs, low), r.part))
	return t, !wrapped
}

// judgeUnknownSource repairs an implausible record of a source of which nothing is
// known.
func (s *Session) judgeUnknownSource(r reading, low uint32, d int64) (Fixed, string) {
	t, _ := r.seconds()
	ahead := t - (s.earliest + int64(s.plausibleSpan))
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

// reach is how late a wrapped record of an unknown source may be, given the evidence
// for it.
func (s *Session) reach(r reading, low uint32) int64 {
	switch {
	case s.first.runs, r.part != 0 && wrapMs.fits(s.ref.candidate(wrapMs, low), r.part):
		return math.MaxInt64
	case r.part == 0:
		return unknownSourceLate
	}
	return liveMsBehind
}

// nextYear reports whether t may be a date of last year that was written without its
// year and read as one of this year.
func (s *Session) nextYear(t, part int64) bool {
	return part == 0 && t > s.at.Wall && t <= s.at.Wall+366*day
}

// yearBefore corrects a date that was read a year too late.
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

// wrappedKnownSource repairs a record of a source known to wrap µs or ns, if it is no
// older than late.
func (s *Session) wrappedKnownSource(w wrap, low uint32, nsec, late int64) (Fixed, string) {
	d := s.ref.distance(w, low)
	if !w.live(d) && (d > 0 || d < -late) {
		s.stream.noteMismatch()
		return s.arrival(whyLate)
	}
	if w.live(d) {
		s.stream.proven, s.stream.mismatches = s.at.Wall, 0
	}
	return s.wrapped(w, low, nsec), whyStream(w)
}

// observeLive learns from a record that a source wrapping ms could have sent just now.
// Only the first of a session counts: the records of one session share an arrival, so
// they show no rate.
func (s *Session) observeLive(low uint32, d int64) {
	if s.sawLive || s.sawOld() {
		return
	}
	s.sawLive = true
	s.stream.compareLive(s.mark(low, 0), d)
}

// observeImplausible learns from an implausible record, which is d away from its
// arrival if it is a wrapped number of ms.
func (s *Session) observeImplausible(now mark, d int64) {
	live := wrapMs.live(d)
	if live {
		s.observeLive(now.low, d)
		s.stream.us, s.stream.ns = streak{}, streak{}
	} else {
		s.stream.live.set = false
	}
	if !s.sawImplausible {
		s.sawImplausible = true
		s.stream.compareImplausible(now, live, s.nextYear(int64(now.low)*second, now.part))
	}
	if !live && (s.stream.behaviour == behaviourUnknown || s.stream.behaviour == clockNeverSet) {
		s.stream.count(&s.ref, now.low, s.at)
	}
}

func (s *Session) mark(low uint32, part int64) mark {
	return mark{set: true, low: low, part: part, setting: s.history.id, at: s.at}
}
