package timefix_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"out_edge/timefix"
)

const sixtyDays = 60 * 24 * time.Hour

// lags are the ways in which records reach the host late.
func lags(r *rand.Rand) map[string]func() time.Duration {
	return map[string]func() time.Duration{
		"none":     func() time.Duration { return 0 },
		"flush":    func() time.Duration { return time.Duration(r.Int64N(int64(5 * time.Second))) },
		"constant": func() time.Duration { return 4 * time.Minute },
		"ahead":    func() time.Duration { return -20 * time.Second },
	}
}

// TestWrappingSource plays 60 days of a source that sends the low 32 bits of
// ms, one record a minute. It starts at 13 points of the 49.7 days between
// candidates, one of them in plausible days, and in such days with each lag.
func TestWrappingSource(t *testing.T) {
	lags := lags(rand.New(rand.NewPCG(1, 2)))
	for start := range 13 {
		playWrapping(t, date(2026, 11, 1).Add(time.Duration(start)*92*time.Hour), lags["flush"])
	}
	for name, lag := range lags {
		t.Run(name, func(t *testing.T) {
			// At least 4 of the 60 days, at one record a minute.
			if n := playWrapping(t, inBelievableDays(), lag); n < 4*1440 {
				t.Errorf("%d records had a believable date; the test does not test much", n)
			}
		})
	}
}

// playWrapping tells how many of its records had a date that was plausible.
func playWrapping(t *testing.T, start time.Time, lag func() time.Duration) (plausible int) {
	f := timefix.New(timefix.Config{})
	for i, d := 0, time.Duration(0); d < sixtyDays; i, d = i+1, d+time.Minute {
		happened := start.Add(d + 123*time.Millisecond)
		arrived := happened.Add(lag())
		now := timefix.Instant{Wall: arrived.UnixNano(), Boot: boot + arrived.Sub(start).Nanoseconds()}
		raw := wrapped(happened, time.Millisecond)
		if sec := int64(raw.Bits >> 32); sec > date(2015, 1, 1).Unix() && sec < arrived.Unix() {
			plausible++
		}
		got := send(f, "tag", now, raw)[0]
		if i > 0 && got != (timefix.Fixed{UnixNano: happened.UnixNano(), Verdict: timefix.WrappedMs}) {
			t.Fatalf("start %s, record %d: got %s, want %s", start, i, show(got), happened)
		}
	}
	return plausible
}

// TestReplayingSources plays 60 days of sources whose records are old, or of
// mixed age, but right: not one may be changed.
func TestReplayingSources(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	floor, begin := date(2015, 1, 1), date(2026, 11, 21)
	span := begin.Sub(floor)
	// from gives a date at d after `at`, going round within the plausible.
	from := func(at time.Time, d time.Duration) time.Time {
		return floor.Add(((at.Sub(floor)+d)%span + span) % span)
	}
	steady := func(at time.Time, rate float64) func(time.Duration) []time.Time {
		return func(d time.Duration) []time.Time {
			return []time.Time{from(at, time.Duration(float64(d)*rate))}
		}
	}
	burst := func(n int, apart time.Duration) func(time.Duration) []time.Time {
		next := date(2018, 5, 1)
		return func(time.Duration) (list []time.Time) {
			for range n {
				next = from(next, apart)
				list = append(list, next)
			}
			return list
		}
	}
	sources := map[string]func(time.Duration) []time.Time{
		"steady":             steady(date(2024, 3, 1), 1),
		"steady from floor":  steady(floor, 1),
		"60-fold":            steady(date(2016, 1, 1), 60),
		"1000-fold for real": steady(floor, 1000),
		"10000-fold":         steady(floor, 10000),
		"backwards":          steady(begin, -1),
		"backwards 1000":     steady(begin, -1000),
		"bursty":             burst(24, time.Hour),
		"bulk":               burst(20, 70*time.Second),
		"stuck":              steady(date(2020, 2, 2), 0),
		"random": func(time.Duration) []time.Time {
			return []time.Time{floor.Add(time.Duration(r.Int64N(int64(span))))}
		},
		"two readers": func(d time.Duration) []time.Time {
			return []time.Time{from(date(2019, 1, 1), d), from(date(2022, 1, 1), 30*d)}
		},
		"live": func(d time.Duration) []time.Time { return []time.Time{begin.Add(d - time.Second)} },
		"live and old": func(d time.Duration) []time.Time {
			return []time.Time{begin.Add(d), from(date(2021, 6, 6), 5*d)}
		},
	}
	for name, source := range sources {
		t.Run(name, func(t *testing.T) { playReplay(t, begin, source) })
	}
}

func playReplay(t *testing.T, begin time.Time, source func(time.Duration) []time.Time) {
	f := timefix.New(timefix.Config{})
	for d := time.Duration(0); d < sixtyDays; d += time.Minute {
		now := timefix.Instant{Wall: begin.Add(d).UnixNano(), Boot: boot + int64(d)}
		s := f.Begin("tag", now, false)
		for _, happened := range source(d) {
			want(t, s.Repair(stamp(happened)), happened, timefix.OK)
		}
		s.End()
		if t.Failed() {
			t.Fatalf("after %s", d)
		}
	}
}

// TestReplayThatCannotBeTold shows the one replay that is taken for a wrapping
// source: it runs at 1000-fold speed for real, and started, to within minutes in
// 49.7 days, where the wrapped count would stand.
func TestReplayThatCannotBeTold(t *testing.T) {
	f := timefix.New(timefix.Config{})
	now := inBelievableDays()
	var got timefix.Fixed
	for i := range 3 {
		arrived := now.Add(time.Duration(i) * time.Minute)
		old := time.Unix(int64(uint32(arrived.UnixMilli())), 0)
		got = send(f, "tag", timefix.Instant{Wall: arrived.UnixNano(), Boot: boot + int64(i)*6e10}, stamp(old))[0]
	}
	if got.Verdict != timefix.WrappedMs {
		t.Errorf("got %s; it can be told after all", show(got))
	}
}

// TestSpeedsOfReplays: records that run at another speed than a wrapped count are
// left alone, even if the first of them stands where that would.
func TestSpeedsOfReplays(t *testing.T) {
	begin := inBelievableDays()
	for _, c := range []struct {
		rate    int // in thousandths of the wrapped count's
		verdict timefix.Verdict
	}{
		{600, timefix.OK},
		{740, timefix.OK},
		{760, timefix.WrappedMs},
		{1240, timefix.WrappedMs},
		{1260, timefix.OK},
		{1400, timefix.OK},
	} {
		t.Run(fmt.Sprintf("%d-fold", c.rate), func(t *testing.T) {
			f := timefix.New(timefix.Config{})
			first := time.Unix(int64(uint32(begin.UnixMilli())), 0)
			send(f, "tag", clockAt(begin, 0), stamp(first))
			second := first.Add(time.Duration(c.rate) * time.Minute)
			if got := send(f, "tag", clockAt(begin, time.Minute), stamp(second))[0]; got.Verdict != c.verdict {
				t.Errorf("got %s, want %s", show(got), c.verdict)
			}
		})
	}
}

// inBelievableDays is a time whose wrapped ms, read as seconds, are in 2020.
func inBelievableDays() time.Time {
	now := date(2026, 11, 26)
	off := int64(int32(uint32(date(2020, 6, 1).Unix()) - uint32(now.UnixMilli())))
	return now.Add(time.Duration(off) * time.Millisecond)
}

// clockAt plays time from start on.
func clockAt(start time.Time, d time.Duration) timefix.Instant {
	return timefix.Instant{Wall: start.Add(d).UnixNano(), Boot: boot + int64(d)}
}

func TestWrappingStream(t *testing.T) {
	start := inBelievableDays()
	ms := func(d time.Duration) timefix.Raw { return wrapped(start.Add(d), time.Millisecond) }
	known := func(t *testing.T) *timefix.Fixer {
		f := timefix.New(timefix.Config{})
		for d := -2 * time.Minute; d < 0; d += time.Minute {
			send(f, "tag", clockAt(start, d), ms(d))
		}
		want(t, send(f, "tag", clockAt(start, 0), ms(0))[0], start, timefix.WrappedMs)
		return f
	}

	t.Run("a single believable record is left alone", func(t *testing.T) {
		got := send(timefix.New(timefix.Config{}), "tag", clockAt(start, 0), ms(0))[0]
		if got.Verdict != timefix.OK {
			t.Errorf("got %s", show(got))
		}
	})
	t.Run("habits do not cross tags", func(t *testing.T) {
		got := send(known(t), "other", clockAt(start, time.Minute), ms(time.Minute))[0]
		if got.Verdict != timefix.OK {
			t.Errorf("got %s", show(got))
		}
	})
	t.Run("a burst of a known source", func(t *testing.T) {
		f := known(t)
		s := f.Begin("tag", clockAt(start, time.Hour), false)
		for d := time.Second; d < time.Hour; d += time.Second {
			want(t, s.Repair(ms(d)), start.Add(d), timefix.WrappedMs)
		}
	})
	t.Run("bursts from the second on", func(t *testing.T) {
		f := timefix.New(timefix.Config{})
		for flush := 5 * time.Second; flush < 10*time.Minute; flush += 5 * time.Second {
			s := f.Begin("tag", clockAt(start, flush), false)
			for d := flush - 5*time.Second; d < flush; d += 250 * time.Millisecond {
				if got := s.Repair(ms(d)); flush > 5*time.Second {
					want(t, got, start.Add(d), timefix.WrappedMs)
				}
			}
			s.End()
		}
	})
	t.Run("a backlog of two days", func(t *testing.T) {
		f := known(t)
		s := f.Begin("tag", clockAt(start, 48*time.Hour), false)
		for d := time.Minute; d < 48*time.Hour; d += time.Minute {
			want(t, s.Repair(ms(d)), start.Add(d), timefix.WrappedMs)
		}
	})
	t.Run("a source that is put right", func(t *testing.T) {
		f := known(t)
		for d := time.Minute; d < 5*time.Hour; d += time.Minute {
			happened := start.Add(d - 300*time.Millisecond)
			want(t, send(f, "tag", clockAt(start, d), stamp(happened))[0], happened, timefix.OK)
		}
		old := date(2022, 2, 2)
		want(t, send(f, "tag", clockAt(start, 6*time.Hour), stamp(old))[0], old, timefix.OK)
	})
	t.Run("a wrapping and a right source under one tag", func(t *testing.T) {
		f := known(t)
		for d := time.Minute; d < 72*time.Hour; d += time.Minute {
			right := start.Add(d - 700*time.Millisecond)
			got := send(f, "tag", clockAt(start, d), stamp(right), ms(d))
			want(t, got[0], right, timefix.OK)
			want(t, got[1], start.Add(d), timefix.WrappedMs)
		}
	})
	t.Run("a week of silence ends the habit", func(t *testing.T) {
		old := date(2020, 6, 2)
		want(t, send(known(t), "tag", clockAt(start, 8*24*time.Hour), stamp(old))[0], old, timefix.OK)
	})
	t.Run("nsec of a known source", func(t *testing.T) {
		whole := start.Truncate(time.Second).Add(time.Minute)
		raw := eventTime(uint32(whole.UnixMilli()), 767208589)
		want(t, send(known(t), "tag", clockAt(start, 2*time.Minute), raw)[0], whole.Add(767208589), timefix.WrappedMs)
	})
}

// TestShortWraps plays sources that cut off µs and ns: never wrong once they
// are known, and marked before.
func TestShortWraps(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, c := range []struct {
		unit    time.Duration
		lag     time.Duration
		verdict timefix.Verdict
		known   int // the record from which all must be right
	}{
		{time.Microsecond, 3 * time.Second, timefix.WrappedUs, 2},
		{time.Microsecond, 40 * time.Second, timefix.WrappedUs, 2},
		{time.Nanosecond, 200 * time.Millisecond, timefix.WrappedNs, 20},
		{time.Nanosecond, time.Second, timefix.WrappedNs, 20},
	} {
		t.Run(fmt.Sprintf("%s late by %s", c.unit, c.lag), func(t *testing.T) {
			f := timefix.New(timefix.Config{})
			start := date(2026, 11, 21)
			odd := 0
			for i := range 60 * 1440 {
				d := time.Duration(i)*time.Minute + time.Duration(r.Int64N(int64(20*time.Second)))
				happened := start.Add(d).Truncate(c.unit)
				raw := wrapped(happened, c.unit)
				got := send(f, "tag", clockAt(start, d+time.Duration(r.Int64N(int64(c.lag)))), raw)[0]
				if uint32(raw.Bits>>32) > uint32(start.Unix()) || uint32(raw.Bits>>32) < uint32(date(2015, 1, 1).Unix()) {
					odd++
				}
				if odd > c.known {
					want(t, got, happened, c.verdict)
				}
				if t.Failed() {
					t.Fatalf("record %d: %x", i, raw.Bits>>32)
				}
			}
		})
	}
}

// TestUnsetClock: a source whose clock runs but shows 1970 is not one that
// wraps.
func TestUnsetClock(t *testing.T) {
	start := date(2026, 11, 21)
	for _, up := range []time.Duration{0, 40 * 365 * 24 * time.Hour} {
		t.Run(up.String(), func(t *testing.T) {
			f := timefix.New(timefix.Config{})
			wrong := 0
			for d := time.Minute; d < sixtyDays; d += time.Minute {
				now := clockAt(start, d)
				got := send(f, "tag", now, stamp(time.Unix(0, 0).Add(up+d)))[0]
				if d > time.Minute && got != (timefix.Fixed{UnixNano: now.Wall, Verdict: timefix.Arrival}) {
					wrong++
				}
			}
			// For 11 minutes in 49.7 days it might as well be a wrapped count,
			// and nothing but the next minute shows that it is none.
			if wrong > 2*12 {
				t.Errorf("%d records were not given their arrival", wrong)
			}
		})
	}
}
