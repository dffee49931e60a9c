package timefix_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"out_edge/timefix"
)

// look shows a session a chunk's times, repairs them, and ends it.
func look(f *timefix.Fixer, tag string, now timefix.Instant, raws ...timefix.Raw) []timefix.Fixed {
	s := f.Begin(tag, now, false)
	defer s.End()
	for _, raw := range raws {
		if !s.Preview(raw) {
			break
		}
	}
	fixed := make([]timefix.Fixed, len(raws))
	for i, raw := range raws {
		fixed[i] = s.Repair(raw)
	}
	return fixed
}

// forms are the ways to write a time.
func forms(t time.Time) map[string]timefix.Raw {
	return map[string]timefix.Raw{
		"event time": stamp(t), "int": signed(t.Unix()), "uint": unsigned(uint64(t.Unix())), "float": float(float64(t.UnixMicro()) / 1e6),
		"ms": signed(t.UnixMilli()), "uint ms": unsigned(uint64(t.UnixMilli())), "us": signed(t.UnixMicro()), "ns": signed(t.UnixNano()),
	}
}

// TestClocksAhead: whatever is more than the permitted future ahead of the arrival
// becomes the arrival, from the first record on, however it was written.
func TestClocksAhead(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 34, 56, 789e6, time.UTC)
	for _, ahead := range []time.Duration{11 * time.Minute, time.Hour, 3 * time.Hour, 9 * time.Hour, 23 * time.Hour, 2 * day, 3 * day, 20 * day, 31 * day, 365 * day, 3653 * day} {
		for name, raw := range forms(now.Add(ahead - 2*time.Second)) {
			want(t, one(raw, now), now, timefix.Arrival)
			if t.Failed() {
				t.Fatalf("%s ahead as %s", ahead, name)
			}
		}
	}
}

// TestClocksThatRunWrong: sources whose clock runs, but was never set or is ahead,
// give their arrivals from the first record on, whether a flush has one or many.
func TestClocksThatRunWrong(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 34, 56, 789e6, time.UTC)
	wrong := map[string]time.Time{
		"1900": time.Unix(math.MaxUint32-2208988800+1, 5e6), // as its 32 bits read
		"1970": time.Unix(30, 0), "1970-01-04": date(1970, 1, 4), "1980": date(1980, 1, 1), "2000": date(2000, 1, 1),
		"2001": date(2001, 1, 1), "2010": date(2010, 1, 1), "2013": date(2013, 1, 1), "2^31-1": time.Unix(math.MaxInt32, 0),
		"2 days": now.Add(2 * day), "3 days": now.Add(3 * day), "31 days": now.Add(31 * day), "a year": now.Add(365 * day), "10 years": now.Add(3653 * day),
	}
	for name, begin := range wrong {
		for _, n := range []int{1, 4} {
			t.Run(fmt.Sprintf("%s, %d a flush", name, n), func(t *testing.T) {
				f := timefix.New(timefix.Config{})
				for d := time.Duration(0); d < time.Hour; d += 5 * time.Second {
					var raws []timefix.Raw
					for i := range n {
						raws = append(raws, stamp(begin.Add(d+time.Duration(i)*time.Second).Truncate(time.Second)))
					}
					at := clockAt(now, d+5*time.Second)
					for _, got := range look(f, "tag", at, raws...) {
						want(t, got, at.Time(), timefix.Arrival)
					}
					if t.Failed() {
						t.Fatalf("after %s", d)
					}
				}
			})
		}
	}
}

// TestWrongDates draws what is no date from all of what 32 bits hold: at most one
// alone in 300 is given anything but its arrival, and of one with a fraction or
// whose clock runs nearly none.
func TestWrongDates(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	f := timefix.New(timefix.Config{})
	var alone, fraction, running, total int
	for i := range draws {
		_, now := moments(r)
		sec := int64(r.Uint32())
		if sec > date(2015, 1, 1).Unix() && sec < now.Unix()+600 || sec > now.Unix() && sec < now.Add(367*day).Unix() {
			continue
		}
		total++
		if single(f, eventTime(uint32(sec), 0), now).Verdict != timefix.Arrival {
			alone++
		}
		if single(f, eventTime(uint32(sec), 1+r.Uint32N(999999999)), now).Verdict != timefix.Arrival {
			fraction++
		}
		tag := fmt.Sprint(i)
		send(f, tag, timefix.Instant{Wall: now.UnixNano()}, eventTime(uint32(sec), 0))
		now = now.Add(5 * time.Second)
		if send(f, tag, timefix.Instant{Wall: now.UnixNano()}, eventTime(uint32(sec)+5, 0))[0].Verdict != timefix.Arrival {
			running++
		}
	}
	if alone > total/300 || fraction > total/300 || running > total/3000 {
		t.Errorf("of %d, %d alone, %d with a fraction and %d of running clocks were misjudged", total, alone, fraction, running)
	}
}

// TestNeverAhead plays all values in all forms, alone and by sources of all kinds,
// at arrivals of fifty years: nothing is later than permitted.
func TestNeverAhead(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	begin := date(2020, 1, 1)
	for _, future := range []time.Duration{-1, time.Second, 10 * time.Minute, 90 * day} {
		for _, mode := range []timefix.Mode{timefix.Auto, timefix.ArrivalOnly} {
			for _, unit := range []time.Duration{time.Second, time.Millisecond, time.Microsecond, 1} {
				f := timefix.New(timefix.Config{MaxFuture: future, Mode: mode})
				now := timefix.Instant{Wall: begin.Add(time.Duration(r.Int64N(int64(50 * 365 * day)))).UnixNano(), Boot: boot}
				for d := range 30 { // a source that may become known
					now.Wall, now.Boot = now.Wall+int64(time.Minute), now.Boot+int64(time.Minute)
					if d == 20 {
						now.Wall -= int64(r.Int64N(int64(day))) // a step back, as well
					}
					neverAhead(t, f, now, future, wrapped(now.Time(), unit))
				}
				const step = 257<<13 + 1
				for v := uint64(0); v < 1<<32; v += step {
					neverAhead(t, f, now, future, eventTime(uint32(v), r.Uint32()), eventTime(uint32(v), 0), eventTime(uint32(v), r.Uint32N(1e9)),
						signed(int64(v)), signed(int64(int32(v))), unsigned(v), float(float64(v)+.25), float(float64(int32(v))))
				}
				for range 2000 {
					v := r.Uint64() >> r.UintN(64)
					neverAhead(t, f, now, future, signed(int64(v)), unsigned(v), float(float64(v)), float(math.Float64frombits(r.Uint64())))
					near := now.Time().Add(time.Duration(r.Int64N(int64(1000*day))) - 500*day)
					for _, raw := range forms(near) {
						neverAhead(t, f, now, future, raw)
					}
				}
				if t.Failed() {
					t.Fatalf("future %s, %s, %s", future, mode, unit)
				}
			}
		}
	}
}

func neverAhead(t *testing.T, f *timefix.Fixer, now timefix.Instant, future time.Duration, raws ...timefix.Raw) {
	s := f.Begin("tag", now, false)
	s.Preview(raws[0])
	for _, raw := range raws {
		for _, got := range []timefix.Fixed{s.Repair(raw), s.RepairOTLP(raw), s.RepairObserved(raw, int64(raw.Bits))} {
			if got.UnixNano > now.Wall+max(int64(future), 0) {
				t.Errorf("%v at %s: got %s", raw, now.Time(), show(got))
			}
		}
	}
	s.End()
}

// TestLiveWraps: a source that wraps ms is exact from its first chunk of two
// records, else from its second record, whenever it begins.
func TestLiveWraps(t *testing.T) {
	r := rand.New(rand.NewPCG(25, 26))
	begin := date(2020, 1, 1)
	for i := range draws / 4 {
		now := begin.Add(time.Duration(r.Int64N(int64(50 * 365 * day))))
		if i%2 == 0 { // in its plausible days
			low := uint32(date(2015, 1, 1).Unix() + r.Int64N(now.Unix()-date(2015, 1, 1).Unix()-2*3600))
			now = now.Add(time.Duration(int32(low-uint32(now.UnixMilli()))) * time.Millisecond)
		}
		now = now.Truncate(time.Millisecond)
		lag := time.Duration(r.Int64N(int64(5 * time.Minute)))
		gap := time.Duration(1+r.Int64N(5000)) * time.Millisecond
		chunk := look(timefix.New(timefix.Config{}), "tag", clockAt(now, gap+lag), wrapped(now, time.Millisecond), wrapped(now.Add(gap), time.Millisecond))
		want(t, chunk[0], now, timefix.WrappedMs)
		want(t, chunk[1], now.Add(gap), timefix.WrappedMs)
		f := timefix.New(timefix.Config{})
		next := gap + time.Second
		send(f, "tag", clockAt(now, lag), wrapped(now, time.Millisecond))
		want(t, send(f, "tag", clockAt(now, next+lag), wrapped(now.Add(next), time.Millisecond))[0], now.Add(next), timefix.WrappedMs)
		if t.Failed() {
			t.Fatalf("begins %s, lag %s, gap %s", now, lag, gap)
		}
	}
}

// TestFirstLook: what the first chunk of a tag shows, and what is no evidence.
func TestFirstLook(t *testing.T) {
	now := inBelievableDays()
	ms := func(t time.Time) timefix.Raw { return wrapped(t, time.Millisecond) }
	second := now.Add(-time.Second)
	t.Run("believable dates", func(t *testing.T) {
		got := look(timefix.New(timefix.Config{}), "tag", at(now), ms(second), ms(now))
		want(t, got[0], second, timefix.WrappedMs)
	})
	t.Run("one is not enough, nor the same twice", func(t *testing.T) {
		stays(t, look(timefix.New(timefix.Config{}), "tag", at(now), ms(now))[0], ms(now))
		stays(t, look(timefix.New(timefix.Config{}), "tag", at(now), ms(now), ms(now))[0], ms(now))
	})
	t.Run("an archive goes on", func(t *testing.T) {
		f := timefix.New(timefix.Config{})
		look(f, "tag", clockAt(now, -time.Minute), stamp(date(2020, 1, 1)), stamp(date(2020, 1, 2)))
		stays(t, look(f, "tag", clockAt(now, 0), ms(second), ms(now))[0], ms(second))
	})
	t.Run("an old record among them", func(t *testing.T) {
		stays(t, look(timefix.New(timefix.Config{}), "tag", at(now), ms(second), stamp(date(2018, 1, 1)))[0], ms(second))
	})
	odd := date(2026, 11, 27) // reads as 2103
	t.Run("a backlog", func(t *testing.T) {
		for _, age := range []time.Duration{4 * time.Hour, 24 * day, 49 * day} {
			first := odd.Add(-age)
			got := look(timefix.New(timefix.Config{}), "tag", at(odd), ms(first), ms(first.Add(time.Second)), ms(first.Add(2*time.Second)))
			want(t, got[0], first, timefix.WrappedMs)
			want(t, got[2], first.Add(2*time.Second), timefix.WrappedMs)
		}
	})
	t.Run("a backlog of a dead clock", func(t *testing.T) {
		for _, got := range look(timefix.New(timefix.Config{}), "tag", at(odd), stamp(date(2000, 1, 1)), stamp(date(2000, 1, 1).Add(time.Minute))) {
			want(t, got, odd, timefix.Arrival)
		}
	})
}

// TestLateStream: one that always comes late is known by its speed.
func TestLateStream(t *testing.T) {
	now := date(2026, 11, 27)
	f := timefix.New(timefix.Config{})
	for i := range 5 {
		d := time.Duration(i) * 10 * time.Second
		got := send(f, "tag", clockAt(now, d), wrapped(now.Add(d-10*day), time.Millisecond))[0]
		if i > 0 {
			want(t, got, now.Add(d-10*day), timefix.WrappedMs)
		}
	}
}

// TestDatesWithoutAYear: RFC 3164 writes none, so the parser takes this year's.
func TestDatesWithoutAYear(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 7, 30, 0, time.UTC)
	for _, c := range []struct{ read, want time.Time }{
		{time.Date(2026, 12, 31, 23, 59, 58, 0, time.UTC), time.Date(2025, 12, 31, 23, 59, 58, 0, time.UTC)},
		{time.Date(2026, 12, 1, 4, 5, 6, 0, time.UTC), time.Date(2025, 12, 1, 4, 5, 6, 0, time.UTC)},
		{time.Date(2027, 11, 27, 11, 45, 0, 0, time.UTC), time.Date(2026, 11, 27, 11, 45, 0, 0, time.UTC)}, // JST's New Year
	} {
		for _, raw := range []timefix.Raw{stamp(c.read), signed(c.read.Unix())} {
			want(t, one(raw, now), c.want, timefix.ClockStep)
		}
	}
	for _, read := range []time.Time{
		time.Date(2027, 12, 31, 23, 59, 58, 0, time.UTC),     // a year earlier lies ahead as well
		time.Date(2026, 12, 31, 23, 59, 58, 1e6, time.UTC),   // RFC 3164 has no fractions
		time.Date(2026, 12, 31, 12, 7, 29, 0, time.UTC),      // the right time of day: a clock
		time.Date(2026, 11, 27, 21, 10, 29, 0, time.UTC),     // a time zone, rather
		time.Date(2026, 11, 28, 12, 7, 28, 0, time.UTC),      // a day ahead
		time.Date(2027, 11, 27, 12, 20, 0, 0, time.UTC),      // a year earlier is ahead, if by 20 minutes
		time.Date(2026+1, 11, 27, 12, 7, 28, 0, time.UTC),    // a year to the second
		time.Date(2026+10, 12, 31, 23, 59, 58, 0, time.UTC),  // ten years
		time.Date(2026, 11, 27, 12, 18, 0, 0, time.UTC),      // eleven minutes ahead
		time.Date(2026, 11, 27, 12, 30, 30, 500e6, time.UTC), // half an hour
	} {
		want(t, one(stamp(read), now), now, timefix.Arrival)
	}
}

// TestLastYearsFile: each line of a file gets its own date, those that happen to
// lie whole hours ahead as well, whatever the speed at which it is read.
func TestLastYearsFile(t *testing.T) {
	begin := time.Date(2026, 12, 25, 0, 0, 0, 0, time.UTC)
	now := time.Date(2026, 11, 27, 12, 0, 30, 0, time.UTC)
	for _, apart := range []time.Duration{time.Minute, 17 * time.Minute} {
		f := timefix.New(timefix.Config{})
		line, moved := 0, 0
		for flush := range 20 {
			var raws []timefix.Raw
			first := line
			for range 1 + 4*(flush%2) {
				raws = append(raws, stamp(begin.Add(time.Duration(line)*apart)))
				line++
			}
			for i, got := range look(f, "tag", clockAt(now, time.Duration(flush)*time.Second), raws...) {
				if past := begin.AddDate(-1, 0, 0).Add(time.Duration(first+i) * apart); got == (timefix.Fixed{UnixNano: past.UnixNano(), Verdict: timefix.ClockStep}) {
					moved++
				}
			}
		}
		if moved < line-1 {
			t.Errorf("%s apart: %d of %d lines have their date", apart, moved, line)
		}
	}
}

// TestRightThenAYearAhead: a source whose parser's year is ahead of its own.
func TestRightThenAYearAhead(t *testing.T) {
	now := time.Date(2026, 12, 31, 15, 0, 30, 0, time.UTC)
	f := timefix.New(timefix.Config{})
	for i := range 20 {
		at := clockAt(now, time.Duration(i)*5*time.Second)
		right := at.Time().Add(-2 * time.Second)
		sent := right
		if i >= 8 {
			sent = right.AddDate(1, 0, 0)
		}
		if got := send(f, "tag", at, stamp(sent))[0]; got.UnixNano > at.Wall || got.UnixNano < right.UnixNano() {
			t.Errorf("record %d: got %s", i, show(got))
		}
	}
}

// TestSecondsAsMs: a thousandth of a date is a date of January 1970.
func TestSecondsAsMs(t *testing.T) {
	r := rand.New(rand.NewPCG(27, 28))
	f := timefix.New(timefix.Config{})
	for range draws {
		_, now := moments(r)
		truth := now.Add(time.Minute - time.Duration(r.Int64N(int64(59*day))))
		sec, us := truth.Truncate(time.Second), truth.Truncate(time.Microsecond)
		if !sec.Before(date(2015, 1, 1)) && sec.Unix()%1000 != 0 {
			want(t, single(f, stamp(time.Unix(0, sec.UnixNano()/1000)), now), sec, timefix.ScaledMs)
			want(t, single(f, stamp(time.Unix(0, us.UnixNano()/1000)), now), us, timefix.ScaledMs)
		}
		if t.Failed() {
			t.Fatalf("truth %s, arrival %s", truth, now)
		}
	}
	now := date(2026, 11, 27)
	for _, up := range []time.Duration{4 * day, 17 * day, 25 * day} { // clocks that were never set
		raw := stamp(time.Unix(0, int64(up)).Add(3 * time.Millisecond))
		want(t, one(raw, now), now, timefix.Arrival)
	}
}

// TestStuck: what comes again while the arrival moves on is no time.
func TestStuck(t *testing.T) {
	now := date(2026, 11, 27)
	ms := wrapped(now.Add(-time.Second), time.Millisecond)
	for name, c := range map[string]struct {
		fixer *timefix.Fixer
		raw   timefix.Raw
	}{
		"like wrapped ms":      {timefix.New(timefix.Config{}), ms},
		"of a wrapping source": {knownAt(now), ms},
		"2^31-1":               {timefix.New(timefix.Config{}), signed(math.MaxInt32)},
		"2000":                 {timefix.New(timefix.Config{}), stamp(date(2000, 1, 1))},
		"a year ahead":         {timefix.New(timefix.Config{}), stamp(time.Date(2027, 1, 1, 3, 4, 5, 0, time.UTC))},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range 100 {
				at := clockAt(now, time.Duration(i)*5*time.Second)
				for _, got := range look(c.fixer, "tag", at, c.raw, c.raw) {
					if i >= 2 {
						want(t, got, at.Time(), timefix.Arrival)
					}
				}
			}
		})
	}
}
