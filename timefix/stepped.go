package timefix

// clearStep is a step of the host's clock after which a believable date from
// before it is taken for what it is even if nothing else is known of its source.
const clearStep = day

// steppedOdd moves a record with an unbelievable date that fits a past setting
// of the host's clock.
func (s *Session) steppedOdd(r reading) (Fixed, string, bool) {
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

// stepped says by how much to move a record with the believable date t, age
// after the arrival: only when it cannot have been stamped under the present
// setting, fits exactly one past setting, and its source is known to have gone
// by the host's clock then. A source that is not known is moved by a clear step
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
	f := s.stream.under(p.id)
	if f.known {
		return shift, f.local(shift)
	}
	return shift, !ahead && abs(shift) > clearStep
}
