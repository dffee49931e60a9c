package timefix

// clearStep is how long a step of the host's clock must be to move a plausible date
// whose source is not known.
const clearStep = day

// steppedImplausible moves a record with an implausible date that fits a past setting
// of the host's clock.
func (s *Session) steppedImplausible(r reading) (Fixed, string, bool) {
	t, ok := r.seconds()
	if !ok {
		return Fixed{}, "", false
	}
	p, found, ambiguous := s.history.find(t)
	switch {
	case !found:
		return Fixed{}, "", false
	case ambiguous:
		fixed, why := s.arrival(whySteps)
		return fixed, why, true
	}
	return Fixed{UnixNano: t + s.offset - p.offset, Verdict: ClockStep}, whyClockStep, true
}

// stepped returns by how much to move a record with the plausible date t, age after the
// arrival. It moves only a record that cannot have been stamped under the present
// setting, fits exactly one past setting, and comes from a source that is known to have
// followed the host's clock then. A source that is not known is moved by a clear step
// only, and only from the past.
func (s *Session) stepped(t, age int64) (shift int64, ok bool) {
	if uint64(t-s.stepLow) > s.stepSpan {
		return 0, false
	}
	ahead := age > second
	if !ahead && t >= s.history.from+s.offset {
		return 0, false
	}
	p, found, ambiguous := s.history.find(t)
	if !found || ambiguous {
		return 0, false
	}
	shift = s.offset - p.offset
	f := s.stream.lagUnder(p.id)
	if f.known {
		return shift, f.usesHostClock(shift)
	}
	return shift, !ahead && abs(shift) > clearStep
}
