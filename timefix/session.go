package timefix

import "math"

// everySecond is a liveSpan that sends every record to the full check.
const everySecond = 1 << 32

// Session repairs the times of records that share a tag and an arrival. Use it from one
// goroutine; do not use copies of it concurrently.
type Session struct {
	fixer *Fixer
	// A plausible time is from earliest to earliest+plausibleSpan. One from stepLow to
	// stepLow+stepSpan, or with seconds less than liveSpan after liveLow, still needs
	// the full check.
	earliest      int64
	plausibleSpan uint64
	stepLow       int64
	stepSpan      uint64
	liveSpan      uint64
	liveLow       uint32

	counts Counts
	// oldest and newest bound the records that were right. Those that a source wrapping
	// ms could have sent just now do not count as old.
	oldest, newest int64

	at               Instant
	ref              reference // at.Wall
	offset           int64     // Wall-Boot
	history          *history
	tag              string
	stream           stream
	ends             uint32
	behaviourAtBegin sourceBehaviour
	mode             Mode
	// readOnly sessions learn, count and list nothing.
	readOnly, clockUnset bool
	first                preview
	sawLive              bool // a record that a source wrapping ms could have sent
	sawImplausible       bool // an implausible record
	sawLate              bool // a record repaired only because its source is known to wrap
	notes                *notes
}

// recall loads what is known of the tag. The caller holds the Fixer's lock.
func (s *Session) recall(tags *tagTable, tag string) {
	s.clockUnset = !s.fixer.ClockSet(s.at)
	s.readOnly = s.readOnly || s.clockUnset
	if s.readOnly {
		s.tag, s.stream = tag, tags.peek(tag)
	} else {
		e := tags.get(tag)
		s.tag, s.stream, s.ends = e.tag, e.stream, e.ends
	}
	s.stream.expire(s.at)
	s.behaviourAtBegin = s.stream.behaviour
}

// prepare computes the limits of the fast path.
func (s *Session) prepare() {
	f := s.fixer
	s.mode = f.mode
	s.stepLow = math.MaxInt64
	s.earliest = f.floor
	s.plausibleSpan = uint64(max(s.at.Wall+f.maxFuture-f.floor, 0))
	switch {
	case s.mode == Off:
		s.earliest, s.plausibleSpan = 0, math.MaxInt64
	case s.clockUnset:
		s.plausibleSpan = uint64(f.buildDate - f.floor + assumedServiceYears*365*day)
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
	if s.stream.behaviour != behaviourUnknown {
		s.liveSpan = everySecond
	}
}

// Replay returns a session for the same records once more: it repairs them as s would
// from here on, and learns, counts and lists nothing. It may be copied to process them
// several times; each copy is for one goroutine.
func (s *Session) Replay() Session {
	replay := *s
	replay.readOnly, replay.notes = true, nil
	return replay
}

// Repair returns the time at which the record happened, as far as it can be found out,
// and the verdict. It neither blocks nor allocates.
func (s *Session) Repair(raw Raw) Fixed {
	if t, ok := s.plainlyRight(raw); ok {
		return s.right(t)
	}
	return s.inspect(raw)
}

// plainlyRight returns the time of a record that needs no full check.
func (s *Session) plainlyRight(raw Raw) (int64, bool) {
	sec, nsec := raw.plain()
	t := int64(sec)*second + int64(nsec)
	return t, nsec < uint32(second) && uint64(t-s.earliest) <= s.plausibleSpan &&
		uint64(t-s.stepLow) > s.stepSpan && uint64(sec-s.liveLow) >= s.liveSpan
}

// right notes that t was right as given.
func (s *Session) right(t int64) Fixed {
	s.counts[OK]++
	s.newest = max(s.newest, t)
	s.oldest = min(s.oldest, t)
	return Fixed{UnixNano: t}
}

// inspect is Repair for a record that needs the full check.
func (s *Session) inspect(raw Raw) Fixed {
	r := raw.read()
	fixed, why := s.judge(r)
	if s.stream.behaviour != behaviourUnknown && s.mode == Auto && !s.clockUnset {
		s.liveSpan = everySecond
	}
	s.counts[fixed.Verdict]++
	if fixed.Verdict == OK {
		s.newest = max(s.newest, fixed.UnixNano)
	} else if !s.readOnly {
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

// End ends the session: what it learnt is stored, its repairs are listed, and OnFirst
// is called for those that are the first of their kind. The counts are zero for a
// replay, and while the host's clock is not set, because all those records come again.
// The session must not be used afterwards.
func (s *Session) End() Counts {
	if s.readOnly {
		return Counts{}
	}
	s.conclude()
	firsts := s.fixer.end(s)
	if s.notes != nil {
		s.publish(firsts)
	}
	return s.counts
}

// conclude learns what only the whole session shows.
func (s *Session) conclude() {
	if s.sawOld() {
		s.stream.live.set = false
	}
	if s.sawLate && !s.sawLive {
		if s.stream.lateSessions++; s.stream.lateSessions >= lateSessionsEnough {
			s.stream.resetBehaviour()
		}
	}
	if s.newest != math.MinInt64 {
		s.stream.noteLag(s.history.id, s.newest-s.at.Wall)
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

// sawOld reports whether the session had a record that was right and old.
func (s *Session) sawOld() bool {
	return s.oldest < s.at.Wall-nearNow
}
