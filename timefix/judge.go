package timefix

import "math"

// wrapReach is how far from the reference a wrapped time in ms can be found
// again: half the distance between candidates.
const wrapReach = millisecond << 31

// judge is the whole repair, in the order in which the explanations are tried.
func (s *Session) judge(r reading) (Fixed, string) {
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

// scaled looks for another unit. The unit is plain from the magnitude, and such
// a number was not cut off; so it may be as far ahead of the arrival as a
// wrapped one.
func (s *Session) scaled(r reading) (fixed Fixed, why string, ok bool) {
	if r.whole >= -math.MaxUint32 && r.whole <= math.MaxUint32 {
		return fixed, "", false
	}
	high := s.at.Wall + wrapReach
	if s.blind {
		high = s.low + int64(s.span)
	}
	within := func(w wrap) bool {
		t, ok := r.in(w)
		fixed.UnixNano = t
		return ok && t >= s.low && t <= high
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
	live := wrapMs.live(d)
	known := s.stream.habit == habitMs
	if r.whole == 0 && r.part == 0 && (!known || !live) {
		return s.arrival(whyZero)
	}
	if !known {
		if fixed, why, ok := s.steppedOdd(r); ok {
			return fixed, why
		}
	}
	s.meetOdd(low, d)
	switch s.stream.habit {
	case habitMs:
		return s.wrapped(wrapMs, low, r.part), whyWrappedMs
	case habitUs:
		return s.wrappedByHabit(wrapUs, low, r.part, usLate)
	case habitNs:
		return s.wrappedByHabit(wrapNs, low, r.part, liveNsBehind)
	}
	if why := s.otherwise(r, live); why != "" {
		return s.arrival(why)
	}
	return s.wrapped(wrapMs, low, r.part), whyWrappedMs
}

// otherwise says what speaks against wrapped milliseconds in an unbelievable
// record of a source that is not known to wrap them.
func (s *Session) otherwise(r reading, live bool) string {
	t, _ := r.seconds()
	high := s.low + int64(s.span)
	switch {
	case live:
		return ""
	case s.stream.habit == habitUnset:
		return whySteady
	case t >= 0 && t < day:
		return whyNotSet
	case t > high && t-high <= day:
		return whyAhead
	case s.stream.us.n >= usDoubt || s.stream.ns.n >= nsDoubt:
		return whyDoubt
	}
	return ""
}

func (s *Session) wrapped(w wrap, low uint32, nsec int64) Fixed {
	t := s.ref.nearest(w, low)
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
	s.stream.compareLive(s.mark(low), d)
}

// meetOdd takes in an unbelievable record that is d away from its arrival if it
// is a wrapped number of ms.
func (s *Session) meetOdd(low uint32, d int64) {
	live := wrapMs.live(d)
	if live {
		s.meetLive(low, d)
		s.stream.us, s.stream.ns = run{}, run{}
	} else {
		s.stream.live.set = false
	}
	if !s.sawOdd && !live {
		s.sawOdd = true
		s.stream.compareOdd(s.mark(low))
	}
	if !live && (s.stream.habit == habitUnknown || s.stream.habit == habitUnset) {
		s.stream.count(&s.ref, low, s.at)
	}
}

func (s *Session) mark(low uint32) mark {
	return mark{set: true, low: low, setting: s.history.id, at: s.at}
}
