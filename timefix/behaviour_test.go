package timefix_test

import (
	"strings"
	"testing"
	"time"

	"out_edge/timefix"
)

// source is one that sends the low 32 bits of ms and whose dates, read as
// seconds, are plausible.
type source struct {
	t     *testing.T
	fixer *timefix.Fixer
	start time.Time
}

// knownSource has been seen to wrap.
func knownSource(t *testing.T) *source {
	s := &source{t, timefix.New(timefix.Config{}), inBelievableDays()}
	s.send(0, 0)
	s.wraps(time.Minute, 0)
	return s
}

func (s *source) send(d, late time.Duration) timefix.Fixed {
	return send(s.fixer, "tag", clockAt(s.start, d+late), wrapped(s.start.Add(d), time.Millisecond))[0]
}

func (s *source) wraps(d, late time.Duration) {
	s.t.Helper()
	want(s.t, s.send(d, late), s.start.Add(d), timefix.WrappedMs)
}

// honest sends a right record.
func (s *source) honest(d time.Duration) {
	s.t.Helper()
	now := s.start.Add(d).Truncate(time.Second)
	want(s.t, send(s.fixer, "tag", clockAt(s.start, d), stamp(now))[0], now, timefix.OK)
}

// stays sends raw and wants it unchanged.
func stays(t *testing.T, got timefix.Fixed, raw timefix.Raw) {
	t.Helper()
	want(t, got, time.Unix(int64(raw.Bits>>32), int64(uint32(raw.Bits))), timefix.OK)
}

func TestHabitEndsAfterEightRightRecords(t *testing.T) {
	for _, c := range []struct {
		honest  int
		verdict timefix.Verdict
	}{{7, timefix.WrappedMs}, {8, timefix.OK}} {
		s := knownSource(t)
		for i := range c.honest {
			s.honest(time.Duration(i+2) * time.Minute)
		}
		// Another lag than before, so that it is no proof by itself.
		if got := s.send(15*time.Minute, 5*time.Minute); got.Verdict != c.verdict {
			t.Errorf("after %d right records: %s, want %s", c.honest, show(got), c.verdict)
		}
	}
}

// TestHabitAndOldLogs: once a right record was seen, late ones are in doubt.
func TestHabitAndOldLogs(t *testing.T) {
	old := wrapped(inBelievableDays().Add(-5*time.Hour), time.Millisecond)
	s := knownSource(t)
	want(t, send(s.fixer, "tag", clockAt(s.start, time.Hour), old)[0], s.start.Add(-5*time.Hour), timefix.WrappedMs)
	s.honest(time.Hour)
	stays(t, send(s.fixer, "tag", clockAt(s.start, time.Hour), old)[0], old)
}

func TestHabitEndsAfterLateSessionsAlone(t *testing.T) {
	s := knownSource(t)
	for i := range 32 {
		s.wraps(time.Duration(i+2)*time.Minute, time.Hour)
	}
	raw := wrapped(s.start.Add(40*time.Minute), time.Millisecond)
	stays(t, send(s.fixer, "tag", clockAt(s.start, 2*time.Hour), raw)[0], raw)
}

// TestHabitWithinTheSessionThatProvesIt: for records that it alone explains too.
func TestHabitWithinTheSessionThatProvesIt(t *testing.T) {
	start := inBelievableDays()
	f := timefix.New(timefix.Config{})
	ms := func(d time.Duration) timefix.Raw { return wrapped(start.Add(d), time.Millisecond) }
	send(f, "tag", clockAt(start, 0), ms(0))
	got := send(f, "tag", clockAt(start, time.Minute), ms(time.Minute), ms(-3*time.Hour))
	want(t, got[0], start.Add(time.Minute), timefix.WrappedMs)
	want(t, got[1], start.Add(-3*time.Hour), timefix.WrappedMs)
}

// TestNoProof: what is no proof of a wrapping source, though it comes close.
func TestNoProof(t *testing.T) {
	start := inBelievableDays()
	ms := func(d time.Duration) timefix.Raw { return wrapped(start.Add(d), time.Millisecond) }
	t.Run("too short a time", func(t *testing.T) {
		f := timefix.New(timefix.Config{})
		for d := time.Duration(0); d < 900*time.Millisecond; d += time.Millisecond {
			stays(t, send(f, "tag", clockAt(start, d), ms(d))[0], ms(d))
		}
	})
	t.Run("not the first of its session", func(t *testing.T) {
		f := timefix.New(timefix.Config{})
		send(f, "tag", clockAt(start, 0), ms(0))
		bulk := []timefix.Raw{ms(10 * time.Second), ms(30 * time.Second), ms(49 * time.Second), ms(50 * time.Second)}
		for i, got := range send(f, "tag", clockAt(start, 50*time.Second), bulk...) {
			stays(t, got, bulk[i])
		}
	})
	t.Run("old records beside it", func(t *testing.T) {
		f := timefix.New(timefix.Config{})
		send(f, "tag", clockAt(start, 0), ms(0))
		bulk := []timefix.Raw{stamp(date(2018, 1, 1)), ms(time.Minute)}
		for i, got := range send(f, "tag", clockAt(start, time.Minute), bulk...) {
			stays(t, got, bulk[i])
		}
	})
	t.Run("old records between", func(t *testing.T) {
		f := timefix.New(timefix.Config{})
		send(f, "tag", clockAt(start, 0), ms(0))
		send(f, "tag", clockAt(start, 30*time.Second), stamp(date(2018, 1, 1)))
		stays(t, send(f, "tag", clockAt(start, time.Minute), ms(time.Minute))[0], ms(time.Minute))
	})
	t.Run("another lag", func(t *testing.T) {
		f := timefix.New(timefix.Config{})
		send(f, "tag", clockAt(start, 0), ms(0))
		stays(t, send(f, "tag", clockAt(start, 5*time.Minute), ms(4*time.Minute))[0], ms(4*time.Minute))
		// From now on it is that lag that counts.
		again := start.Add(5 * time.Minute)
		want(t, send(f, "tag", clockAt(start, 6*time.Minute), ms(5*time.Minute))[0], again, timefix.WrappedMs)
	})
}

// TestDoubt: the evidence for µs and ns grows from none over doubt to proof,
// and goes again.
func TestDoubt(t *testing.T) {
	start := date(2026, 11, 21)
	f := timefix.New(timefix.Config{})
	arrive := func(d time.Duration, raw timefix.Raw) timefix.Fixed {
		return send(f, "tag", clockAt(start, d), raw)[0]
	}
	for i, verdict := range []timefix.Verdict{timefix.Arrival, timefix.Arrival, timefix.WrappedUs, timefix.WrappedUs} {
		d := time.Duration(i) * time.Minute
		if got := arrive(d+time.Second, wrapped(start.Add(d), time.Microsecond)); got.Verdict != verdict {
			t.Errorf("record %d: got %s, want %s", i, show(got), verdict)
		}
	}
	late := start.Add(-10 * time.Minute)
	want(t, arrive(4*time.Minute, wrapped(late, time.Microsecond)), late, timefix.WrappedUs)
	const misses = 8
	for i := range misses + 1 {
		d := time.Duration(i+5) * time.Minute
		got := arrive(d, wrapped(start.Add(d-25*time.Minute), time.Microsecond))
		known := strings.Contains(f.Repairs()[0].Why, "too late to find them again")
		if got.Verdict != timefix.Arrival || known != (i < misses) {
			t.Errorf("miss %d: got %s, %s", i, show(got), f.Repairs()[0].Why)
		}
	}
}

// TestDoubtOfNs: eight records that fit are doubt, twelve are proof.
func TestDoubtOfNs(t *testing.T) {
	start := date(2026, 11, 21)
	f := timefix.New(timefix.Config{})
	got := map[timefix.Verdict]int{}
	for d, n := 0*time.Second, 0; n < 14; d += 1300 * time.Millisecond {
		raw := wrapped(start.Add(d), time.Nanosecond)
		if sec := int64(raw.Bits >> 32); sec >= 0 && sec < 86400 || sec > date(2015, 1, 1).Unix() && sec < start.Unix()+90000 {
			continue
		}
		n++
		got[send(f, "tag", clockAt(start, d+100*time.Millisecond), raw)[0].Verdict]++
	}
	if got[timefix.Arrival] != 11 || got[timefix.WrappedNs] != 3 {
		t.Errorf("got %v", got)
	}
}
