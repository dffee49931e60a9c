package timefix

import "math"

// everySecond is a liveSpan that lets no record pass without a closer look.
const everySecond = 1 << 32

// Session repairs the times of records that share a tag and an arrival. It is
// for one goroutine; copies of it must not be used side by side.
type Session struct {
	fixer *Fixer
	// A believable time is from low to low+span. One from stepLow to
	// stepLow+stepSpan, or with seconds that are less than liveSpan after
	// liveLow, needs a closer look all the same.
	low      int64
	span     uint64
	stepLow  int64
	stepSpan uint64
	liveSpan uint64
	liveLow  uint32

	counts Counts
	// oldest and newest are the ends of the records that were right; those that
	// a source wrapping ms could have sent just now do not count as old.
	oldest, newest int64

	at      Instant
	ref     reference // at.Wall
	offset  int64     // Wall-Boot
	history *history
	tag     string
	stream  stream
	ends    uint32
	began   habit
	mode    Mode
	// quiet sessions leave no trace. blind ones have no clock to go by.
	quiet, blind bool
	first        firstLook
	sawLive      bool // a record that a source wrapping ms could have sent
	sawOdd       bool // an unbelievable record
	sawLate      bool // a record repaired by habit alone
	notes        *notes
}

// recall fetches what is known of the tag. The Fixer's lock is held.
func (s *Session) recall(tags *memory, tag string) {
	s.blind = !s.fixer.Believable(s.at)
	s.quiet = s.quiet || s.blind
	if s.quiet {
		s.tag, s.stream = tag, tags.peek(tag)
	} else {
		e := tags.get(tag)
		s.tag, s.stream, s.ends = e.tag, e.stream, e.ends
	}
	s.stream.expire(s.at)
	s.began = s.stream.habit
}

// prepare works out what lets a record pass without a closer look.
func (s *Session) prepare() {
	f := s.fixer
	s.mode = f.mode
	s.stepLow = math.MaxInt64
	s.low = f.floor
	s.span = uint64(max(s.at.Wall+f.maxFuture-f.floor, 0))
	switch {
	case s.mode == Off:
		s.low, s.span = 0, math.MaxInt64
	case s.blind:
		s.span = uint64(f.buildDate - f.floor + blindYears*365*day)
	case s.mode == Auto:
		s.prepareAuto()
	}
}

func (s *Session) prepareAuto() {
	s.ref = newReference(s.at.Wall)
	if h := s.history; h.low <= h.high {
		s.stepLow, s.stepSpan = h.low, uint64(h.high-h.low)
	}
	s.liveLow = s.ref.low[wrapMs] - uint32(liveMsBehind/millisecond)
	s.liveSpan = uint64((liveMsBehind+liveMsAhead)/millisecond) + 1
	if s.stream.habit != habitUnknown {
		s.liveSpan = everySecond
	}
}

// Replay is a session for the same records once more: it repairs them as s would
// from here on, and leaves no trace. It may be copied, to go through them again;
// each copy is for one goroutine.
func (s *Session) Replay() Session {
	replay := *s
	replay.quiet, replay.notes = true, nil
	return replay
}

// Repair gives the time that the record happened at, as far as it can be told,
// and the verdict. It neither blocks nor allocates.
func (s *Session) Repair(raw Raw) Fixed {
	if t, ok := s.plainlyRight(raw); ok {
		return s.right(t)
	}
	return s.inspect(raw)
}

// plainlyRight gives the time of a record that needs no closer look.
func (s *Session) plainlyRight(raw Raw) (int64, bool) {
	sec, nsec := raw.plain()
	t := int64(sec)*second + int64(nsec)
	return t, nsec < uint32(second) && uint64(t-s.low) <= s.span &&
		uint64(t-s.stepLow) > s.stepSpan && uint64(sec-s.liveLow) >= s.liveSpan
}

// right notes that t was right as it stood.
func (s *Session) right(t int64) Fixed {
	s.counts[OK]++
	s.newest = max(s.newest, t)
	s.oldest = min(s.oldest, t)
	return Fixed{UnixNano: t}
}

// inspect is Repair for a record that needs a closer look.
func (s *Session) inspect(raw Raw) Fixed {
	r := raw.read()
	fixed, why := s.judge(r)
	if s.stream.habit != habitUnknown && s.mode == Auto && !s.blind {
		s.liveSpan = everySecond
	}
	s.counts[fixed.Verdict]++
	if fixed.Verdict == OK {
		s.newest = max(s.newest, fixed.UnixNano)
	} else if !s.quiet {
		s.note(raw, r, fixed, why)
	}
	return fixed
}

func (s *Session) note(raw Raw, r reading, fixed Fixed, why string) {
	if s.notes == nil {
		s.notes = s.fixer.notes.Get().(*notes)
	}
	n := s.notes
	before, _ := r.seconds()
	slot := n.put()
	*slot = Repair{Tag: s.tag, Raw: raw, Before: before, After: fixed.UnixNano, Verdict: fixed.Verdict, Why: why, At: s.at}
	if bit := uint16(1) << fixed.Verdict; n.known&bit == 0 {
		n.known |= bit
		n.firsts[fixed.Verdict] = *slot
	}
}

// End closes the session: what it learnt is remembered, its repairs are listed,
// and OnFirst is told of those that are the first of their kind. The counts are
// zero for a replay, and while the host's clock is not set, as all its records
// are to come again. The session must not be used any more.
func (s *Session) End() Counts {
	if s.quiet {
		return Counts{}
	}
	s.conclude()
	firsts := s.fixer.end(s)
	if s.notes != nil {
		s.publish(firsts)
	}
	return s.counts
}

// conclude draws what only the whole session shows.
func (s *Session) conclude() {
	if s.sawOld() {
		s.stream.live.set = false
	}
	if s.sawLate && !s.sawLive {
		if s.stream.late++; s.stream.late >= lateEnough {
			s.stream.forget()
		}
	}
	if s.newest != math.MinInt64 {
		s.stream.followed(s.history.id, s.newest-s.at.Wall)
	}
}

func (s *Session) publish(firsts uint16) {
	f, n := s.fixer, s.notes
	s.notes = nil
	f.recent.add(n)
	if f.onFirst != nil {
		for v := range n.firsts {
			if firsts&(1<<v) != 0 {
				f.onFirst(n.firsts[v])
			}
		}
	}
	n.reset()
	f.notes.Put(n)
}

// sawOld says whether the session had a record that was right and old.
func (s *Session) sawOld() bool {
	return s.oldest < s.at.Wall-nearNow
}
