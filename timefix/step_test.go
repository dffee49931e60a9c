package timefix_test

import (
	"testing"
	"time"

	"out_edge/timefix"
)

// host is one whose wall clock somebody sets.
type host struct{ wall, boot int64 }

func (h *host) pass(d time.Duration)          { h.wall, h.boot = h.wall+int64(d), h.boot+int64(d) }
func (h *host) set(to time.Time)              { h.wall = to.UnixNano() }
func (h *host) now() timefix.Instant          { return timefix.Instant{Wall: h.wall, Boot: h.boot} }
func (h *host) stamp() timefix.Raw            { return stamp(time.Unix(0, h.wall)) }
func (h *host) after(d time.Duration) *host   { h.pass(d); return h }
func (h *host) ago(d time.Duration) time.Time { return time.Unix(0, h.wall-int64(d)) }

func start(t time.Time) *host { return &host{wall: t.UnixNano(), boot: int64(20 * time.Second)} }

// flushes sends one record a minute of the tag, stamped by the host's clock.
func flushes(f *timefix.Fixer, tag string, h *host, n int) {
	for range n {
		raw := h.after(59 * time.Second).stamp()
		send(f, tag, h.after(time.Second).now(), raw)
	}
}

func TestStepFrom1970(t *testing.T) {
	f := timefix.New(timefix.Config{})
	h := start(time.Unix(20, 0))
	flushes(f, "cpu", h, 5)
	inFlight := h.stamp()
	h.pass(30*time.Second + 123456789)
	last := h.stamp()
	h.set(date(2026, 11, 21))
	h.pass(2 * time.Second)
	got := send(f, "cpu", h.now(), inFlight, last, h.stamp())
	want(t, got[0], h.ago(32*time.Second+123456789), timefix.ClockStep)
	want(t, got[1], h.ago(2*time.Second), timefix.ClockStep)
	want(t, got[2], h.ago(0), timefix.OK)

	late := send(f, "new", h.after(time.Hour).now(), inFlight, h.stamp())
	want(t, late[0], h.ago(time.Hour+32*time.Second+123456789), timefix.ClockStep)
	want(t, late[1], h.ago(0), timefix.OK)
}

// TestStepIsSeenWhileBlind: the instants alone are enough to learn a step; the
// records of a host whose clock is not set come again.
func TestStepIsSeenWhileBlind(t *testing.T) {
	f := timefix.New(timefix.Config{BuildDate: date(2026, 6, 1)})
	h := start(date(2024, 1, 1))
	var records []timefix.Raw
	for range 3 {
		records = append(records, h.after(time.Minute).stamp())
		s := f.Begin("cpu", h.now(), false)
		s.Repair(records[0])
		if got := s.End(); got != (timefix.Counts{}) {
			t.Errorf("a host without a clock counted %v", got)
		}
	}
	h.set(date(2026, 11, 21))
	got := send(f, "cpu", h.after(time.Second).now(), records...)
	for i := range got {
		want(t, got[i], h.ago(time.Duration(2-i)*time.Minute+time.Second), timefix.ClockStep)
	}
}

func TestStepsInARow(t *testing.T) {
	f := timefix.New(timefix.Config{})
	h := start(time.Unix(20, 0))
	var records []timefix.Raw
	var boots []int64
	for _, to := range []time.Time{date(1999, 1, 1), date(2033, 3, 3), date(2021, 7, 1), date(2026, 11, 21)} {
		send(f, "cpu", h.after(time.Minute).now())
		records, boots = append(records, h.stamp()), append(boots, h.boot)
		h.pass(10 * time.Second)
		h.set(to)
	}
	got := send(f, "cpu", h.now(), records...)
	for i := range got {
		want(t, got[i], h.ago(time.Duration(h.boot-boots[i])), timefix.ClockStep)
	}
}

func TestStepsAreForgotten(t *testing.T) {
	f := timefix.New(timefix.Config{})
	h := start(time.Unix(20, 0))
	first := h.stamp()
	for i := range 12 {
		send(f, "cpu", h.after(time.Minute).now())
		h.set(date(1972+i, 1, 1))
	}
	last := h.stamp()
	send(f, "cpu", h.after(time.Minute).now())
	h.set(date(2026, 11, 21))
	got := send(f, "cpu", h.after(time.Second).now(), first, last)
	if got[0].Verdict == timefix.ClockStep {
		t.Errorf("the first of 13 settings is still known: %s", show(got[0]))
	}
	want(t, got[1], h.ago(61*time.Second), timefix.ClockStep)
}

// TestSmallSteps: both clocks are plausible, so only what cannot be otherwise
// is moved.
func TestSmallSteps(t *testing.T) {
	now := date(2026, 11, 21)
	for _, c := range []struct {
		name string
		step time.Duration
		// how long before the step the record was stamped; below 0 after it
		age     time.Duration
		tag     string
		verdict timefix.Verdict
	}{
		{"forward, in flight", 30 * time.Second, 2 * time.Second, "local", timefix.ClockStep},
		{"forward, backlog", 30 * time.Second, 3 * time.Minute, "local", timefix.ClockStep},
		{"forward, after", 30 * time.Second, -time.Second, "local", timefix.OK},
		{"forward a year, in flight", 365 * 24 * time.Hour, 2 * time.Second, "local", timefix.ClockStep},
		{"forward a year, source unknown", 365 * 24 * time.Hour, 2 * time.Second, "unknown", timefix.ClockStep},
		{"forward, source unknown", 30 * time.Second, 2 * time.Second, "unknown", timefix.OK},
		{"forward, old log", 30 * time.Second, 2 * time.Minute, "replay", timefix.OK},
		{"forward a year, old log", 365 * 24 * time.Hour, 2 * time.Minute, "replay", timefix.OK},
		{"backwards, in flight", -time.Hour, 2 * time.Second, "local", timefix.ClockStep},
		{"backwards, in flight, source unknown", -time.Hour, 2 * time.Second, "unknown", timefix.ClockStep},
		{"backwards, after", -time.Hour, -2 * time.Second, "local", timefix.OK},
		{"backwards a minute, in flight", -time.Minute, 2 * time.Second, "local", timefix.ClockStep},
		{"backwards a minute, source unknown", -time.Minute, 2 * time.Second, "unknown", timefix.OK},
		{"backwards, backlog", -3 * time.Minute, 4 * time.Minute, "local", timefix.ClockStep},
		{"backwards, old log", -3 * time.Minute, 4 * time.Minute, "replay", timefix.OK},
		{"too small to be one", 2 * time.Second, time.Second, "local", timefix.OK},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := timefix.New(timefix.Config{})
			h := start(now)
			for range 5 {
				flushes(f, "local", h, 1)
				send(f, "replay", h.now(), stamp(h.ago(time.Hour)))
			}
			h.pass(time.Second)
			stepAt := h.boot
			before := *h
			before.pass(-c.age)
			raw := before.stamp()
			h.set(h.ago(-c.step))
			if c.age < 0 {
				after := *h
				raw = after.after(-c.age).stamp()
			}
			h.pass(3 * time.Second)
			wantTime := h.ago(time.Duration(h.boot-stepAt) + c.age)
			if c.verdict == timefix.OK {
				wantTime = time.Unix(int64(raw.Bits>>32), int64(uint32(raw.Bits)))
			}
			want(t, send(f, c.tag, h.now(), raw)[0], wantTime, c.verdict)
		})
	}
}

// TestRemoteSourceAcrossAStep: one whose clock was right all along.
func TestRemoteSourceAcrossAStep(t *testing.T) {
	f := timefix.New(timefix.Config{})
	h := start(date(2026, 11, 21))
	ahead := 90 * time.Second
	remote := func(ago time.Duration) time.Time { return h.ago(ago - ahead) }
	for range 5 {
		h.pass(time.Minute)
		want(t, send(f, "remote", h.now(), stamp(remote(time.Second)))[0], remote(time.Second), timefix.OK)
	}
	h.set(h.ago(-ahead))
	ahead = 0
	for _, ago := range []time.Duration{0, time.Second, 80 * time.Second, 100 * time.Second, 4 * time.Minute} {
		want(t, send(f, "remote", h.after(time.Second).now(), stamp(remote(ago)))[0], remote(ago), timefix.OK)
	}
}

// TestSlewIsNoStep: the two clocks may drift apart slowly.
func TestSlewIsNoStep(t *testing.T) {
	f := timefix.New(timefix.Config{})
	h := start(date(2026, 11, 21))
	for range 100 {
		h.wall += int64(time.Second)
		raw := h.after(time.Minute).stamp()
		want(t, send(f, "cpu", h.now(), raw)[0], h.ago(0), timefix.OK)
	}
}

func TestBelievable(t *testing.T) {
	f := timefix.New(timefix.Config{BuildDate: date(2026, 6, 1)})
	early := timefix.New(timefix.Config{BuildDate: date(2001, 1, 1)})
	for _, c := range []struct {
		name  string
		fixer *timefix.Fixer
		wall  time.Time
		want  bool
	}{
		{"1970", f, time.Unix(30, 0), false},
		{"before the build", f, date(2026, 5, 31), false},
		{"the build", f, date(2026, 6, 1), true},
		{"after", f, date(2060, 1, 1), true},
		{"a build before the floor", early, date(2014, 12, 31), false},
		{"the floor", early, date(2015, 1, 1), true},
	} {
		if got := c.fixer.ClockSet(at(c.wall)); got != c.want {
			t.Errorf("%s: got %t", c.name, got)
		}
	}
}

// TestStampsThatFitTwice: what two settings can have stamped is not moved.
func TestStampsThatFitTwice(t *testing.T) {
	t.Run("before or after the step", func(t *testing.T) {
		f := timefix.New(timefix.Config{})
		h := start(date(2026, 11, 21))
		flushes(f, "local", h, 5)
		raw := h.after(45 * time.Second).stamp() // 15 s later by the new setting than the last flush
		h.set(h.ago(-30 * time.Second))
		stays(t, send(f, "local", h.after(15*time.Second).now(), raw)[0], raw)
	})
	t.Run("before either of two steps", func(t *testing.T) {
		f := timefix.New(timefix.Config{})
		h := start(time.Unix(20, 0))
		send(f, "local", h.after(time.Minute).now())
		raw := h.after(40 * time.Second).stamp()
		h.set(h.ago(-10 * time.Second))
		send(f, "local", h.after(20*time.Second).now())
		h.set(date(2026, 11, 21))
		want(t, send(f, "local", h.after(time.Second).now(), raw)[0], h.ago(0), timefix.Arrival)
	})
}

// TestInstantsOutOfOrder: a session that began before a step is no step back.
func TestInstantsOutOfOrder(t *testing.T) {
	f := timefix.New(timefix.Config{})
	h := start(date(2026, 11, 21))
	flushes(f, "local", h, 5)
	inFlight, before := h.stamp(), h.after(time.Second).now()
	h.set(h.ago(-30 * time.Second))
	send(f, "local", h.after(time.Second).now())
	send(f, "other", before)
	fresh := h.after(time.Second).stamp()
	got := send(f, "local", h.now(), inFlight, fresh)
	want(t, got[0], h.ago(3*time.Second), timefix.ClockStep)
	stays(t, got[1], fresh)
}

// TestRateAcrossAStep: where somebody set the clock between two records, their
// lags say nothing of the source.
func TestRateAcrossAStep(t *testing.T) {
	f := timefix.New(timefix.Config{})
	h := start(inBelievableDays())
	old := wrapped(h.ago(0), time.Millisecond)
	stays(t, send(f, "replay", h.now(), old)[0], old)
	h.pass(10 * time.Second)
	h.set(h.ago(10 * time.Second)) // the same lag once more
	stays(t, send(f, "replay", h.now(), old)[0], old)
}

// TestSessionAcrossAStep: one that began before a step and ends after it tells
// nothing of the new setting, and what others learnt of that stays.
func TestSessionAcrossAStep(t *testing.T) {
	f := timefix.New(timefix.Config{})
	h := start(date(2026, 11, 21))
	slow := f.Begin("local", h.now(), false)
	slow.Repair(h.stamp())
	h.set(h.ago(-30 * time.Second))
	flushes(f, "local", h, 2)
	slow.End()
	late := h.stamp()
	send(f, "local", h.after(20*time.Second).now(), late) // by itself no record of a local source
	inFlight := h.after(time.Second).stamp()
	h.set(h.ago(-30 * time.Second))
	got := send(f, "local", h.after(2*time.Second).now(), inFlight)
	want(t, got[0], h.ago(2*time.Second), timefix.ClockStep)
}
