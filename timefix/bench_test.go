package timefix_test

import (
	"testing"
	"time"

	"out_edge/build/testkit"
	"out_edge/timefix"
)

// cases are what the benchmarks and the allocation test repair.
func cases() []struct {
	name    string
	fixer   *timefix.Fixer
	raw     timefix.Raw
	now     timefix.Instant
	verdict timefix.Verdict
} {
	now := date(2026, 11, 21)
	plain := func() *timefix.Fixer { return timefix.New(timefix.Config{}) }
	wrapping := plain()
	stream := inBelievableDays()
	for d := -3 * time.Minute; d < 0; d += time.Minute {
		send(wrapping, "tag", clockAt(stream, d), wrapped(stream.Add(d), time.Millisecond))
	}
	stepped := plain()
	h := start(time.Unix(20, 0))
	early := h.stamp()
	send(stepped, "tag", h.after(time.Minute).now())
	h.set(now)
	send(stepped, "tag", h.after(time.Second).now())
	return []struct {
		name    string
		fixer   *timefix.Fixer
		raw     timefix.Raw
		now     timefix.Instant
		verdict timefix.Verdict
	}{
		{"good", plain(), stamp(now), at(now), timefix.OK},
		{"good_uint", plain(), unsigned(uint64(now.Unix())), at(now), timefix.OK},
		{"good_float", plain(), float(float64(now.Unix()) + .5), at(now), timefix.OK},
		{"good_after_step", stepped, stamp(now), h.now(), timefix.OK},
		{"scaled_ms", plain(), unsigned(uint64(now.UnixMilli())), at(now), timefix.ScaledMs},
		{"wrapped_ms", plain(), wrapped(now, time.Millisecond), at(now), timefix.WrappedMs},
		{"wrapped_ms_stream", wrapping, wrapped(stream, time.Millisecond), clockAt(stream, 0), timefix.WrappedMs},
		{"bad_nsec", plain(), eventTime(uint32(now.Unix()), 2e9), at(now), timefix.BadNsec},
		{"clock_step", stepped, early, h.now(), timefix.ClockStep},
		{"arrival", plain(), timefix.Raw{}, at(now), timefix.Arrival},
	}
}

func BenchmarkRepair(b *testing.B) {
	for _, c := range cases() {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			s := c.fixer.Begin("tag", c.now, false)
			var got timefix.Fixed
			for b.Loop() {
				got = s.Repair(c.raw)
			}
			s.End()
			if got.Verdict != c.verdict {
				b.Errorf("got %s, want %s", show(got), c.verdict)
			}
		})
	}
}

// BenchmarkSession is a flush of one record.
func BenchmarkSession(b *testing.B) {
	for _, c := range cases() {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var got timefix.Fixed
			for b.Loop() {
				s := c.fixer.Begin("tag", c.now, false)
				got = s.Repair(c.raw)
				s.End()
			}
			if got.Verdict != c.verdict {
				b.Errorf("got %s, want %s", show(got), c.verdict)
			}
		})
	}
}

// TestAllocations: none, in whole sessions.
func TestAllocations(t *testing.T) {
	for _, c := range cases() {
		send(c.fixer, "tag", c.now, c.raw)
		got := testkit.Allocs(func() {
			s := c.fixer.Begin("tag", c.now, false)
			for range 10 {
				s.Repair(c.raw)
			}
			s.End()
		})
		if got != 0 {
			t.Errorf("%s: %v allocations a session", c.name, got)
		}
	}
}
