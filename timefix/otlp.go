package timefix

// RepairOTLP is Repair for a record that came in by Fluent Bit's OTLP input.
//
// Up to 4.2 at least, that input computes the nanoseconds of a time by subtracting its
// seconds as a plain number from the whole count of nanoseconds, and keeps the low 32
// bits of that (flb_time_from_uint64). The true nanoseconds can be computed from this
// exactly. Three in four such records show more than 999999999 ns. Once one has, the
// other records of the same host are corrected too, until one arrives that cannot have
// been computed like this.
func (s *Session) RepairOTLP(raw Raw) Fixed {
	if raw.Form != EventTime || s.mode != Auto {
		return s.Repair(raw)
	}
	sec, nsec := uint32(raw.Bits>>32), uint32(raw.Bits)
	undone := nsec + sec - sec*uint32(second) // modulo 2^32, like the fault
	switch {
	case undone >= uint32(second):
		if nsec < uint32(second) {
			s.learnOTLP(false)
		}
		return s.Repair(raw)
	case nsec >= uint32(second):
		s.learnOTLP(true)
	case !s.fixer.otlp.Load():
		return s.Repair(raw)
	}
	fixed := s.Repair(Raw{Form: EventTime, Bits: uint64(sec)<<32 | uint64(undone)})
	if fixed.Verdict != OK {
		return fixed // its seconds were wrong too
	}
	fixed.Verdict = BadNsec
	s.counts[OK]--
	s.counts[BadNsec]++
	if !s.readOnly {
		s.note(raw, raw.read(), fixed, whyNsecOTLP)
	}
	return fixed
}

// RepairObserved is Repair for an OTLP record whose own time is 0: the observed time,
// in ns since 1970, is used instead if it is plausible.
func (s *Session) RepairObserved(raw Raw, observed int64) Fixed {
	if s.mode != Auto || s.clockUnset || !s.plausible(observed) {
		return s.Repair(raw)
	}
	fixed := Fixed{UnixNano: observed, Verdict: Arrival}
	s.counts[Arrival]++
	if !s.readOnly {
		s.note(raw, raw.read(), fixed, whyObserved)
	}
	return fixed
}

// learnOTLP notes whether the host's OTLP input has the fault.
func (s *Session) learnOTLP(faulty bool) {
	if s.fixer.otlp.Load() != faulty {
		s.fixer.otlp.Store(faulty)
	}
}
