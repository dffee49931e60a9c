package timefix_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"out_edge/timefix"
)

const (
	draws = 100_000
	day   = 24 * time.Hour
)

// single repairs one record of a source of which nothing is known, nor learnt.
func single(f *timefix.Fixer, raw timefix.Raw, now time.Time) timefix.Fixed {
	s := f.Begin("tag", timefix.Instant{Wall: now.UnixNano()}, true)
	return s.Repair(raw)
}

// moments draws a true time from 2015 to 2105 and an arrival within 24 days.
func moments(r *rand.Rand) (truth, now time.Time) {
	floor := date(2015, 1, 1)
	span := date(2105, 1, 1).Sub(floor)
	truth = floor.Add(time.Duration(r.Int64N(int64(span))))
	now = truth.Add(time.Duration(r.Int64N(int64(48*day))) - 24*day)
	if now.Before(floor) {
		now = floor
	}
	return truth, now
}

// TestPropertyWrapped: whatever the time, a single wrapped record that arrives
// within three hours gives it back to the ms, unless what it reads as is a date
// that is plausible, or one that only a clock that is wrong would show, or a line
// without its year. With a fraction that fits, it may be 48 days late.
func TestPropertyWrapped(t *testing.T) {
	f := timefix.New(timefix.Config{})
	r := rand.New(rand.NewPCG(7, 8))
	tested := 0
	for range draws {
		truth, _ := moments(r)
		now := truth.Add(time.Duration(r.Int64N(int64(3*time.Hour+time.Minute))) - time.Minute)
		later := truth.Add(time.Duration(r.Int64N(int64(48 * day))))
		milli := truth.Truncate(time.Millisecond)
		low := uint32(milli.UnixMilli())
		product := eventTime(uint32(truth.Unix()*1000), uint32(truth.Nanosecond()))
		lives := now.Sub(milli) < 10*time.Minute && milli.Sub(now) < time.Minute
		if plausible(int64(low), now, lives) || plausible(int64(product.Bits>>32), now, lives) || plausible(int64(product.Bits>>32), later, false) {
			continue
		}
		tested++
		want(t, single(f, eventTime(low, 0), now), milli, timefix.WrappedMs)
		want(t, single(f, signed(int64(int32(low))), now), milli, timefix.WrappedMs)
		want(t, single(f, signed(int64(low)), now), milli, timefix.WrappedMs)
		want(t, single(f, unsigned(uint64(low)), now), milli, timefix.WrappedMs)
		want(t, single(f, float(float64(int32(low))), now), milli, timefix.WrappedMs)
		want(t, single(f, product, now), truth, timefix.WrappedMs)
		want(t, single(f, product, later), truth, timefix.WrappedMs)
		if t.Failed() {
			t.Fatalf("truth %s, reference %s", truth, now)
		}
	}
	if tested < draws/3 {
		t.Errorf("only %d of %d draws were of use", tested, draws)
	}
}

// plausible says whether sec may be an honest reading.
func plausible(sec int64, now time.Time, lives bool) bool {
	reading := time.Unix(sec, 0)
	if sec == 0 || !lives && sec < 86400 || sec > 1_300_000 && sec < 4_000_000 {
		return true
	}
	if reading.Before(date(2015, 1, 1)) {
		return false
	}
	limit := now.Add(10*time.Minute + time.Second)
	if !lives {
		limit = limit.Add(366 * day)
	}
	return reading.Before(limit)
}

// TestPropertyScaled: units are plain from the magnitude; what lies ahead is none.
func TestPropertyScaled(t *testing.T) {
	f := timefix.New(timefix.Config{})
	r := rand.New(rand.NewPCG(9, 10))
	for range draws {
		truth, now := moments(r)
		for _, c := range []struct {
			unit    time.Duration
			verdict timefix.Verdict
		}{{time.Millisecond, timefix.ScaledMs}, {time.Microsecond, timefix.ScaledUs}, {1, timefix.ScaledNs}} {
			n := truth.UnixNano() / int64(c.unit)
			kept := truth.Truncate(c.unit)
			if kept.Sub(now) > 10*time.Minute {
				kept, c.verdict = now, timefix.Arrival
			}
			want(t, single(f, signed(n), now), kept, c.verdict)
			want(t, single(f, unsigned(uint64(n)), now), kept, c.verdict)
			if c.unit == time.Millisecond {
				want(t, single(f, float(float64(n)), now), kept, c.verdict)
			}
		}
		if t.Failed() {
			t.Fatalf("truth %s, reference %s", truth, now)
		}
	}
}

// TestPropertyBelievable: a plausible time stays as it is, to the nanosecond,
// however it was written.
func TestPropertyBelievable(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	floor := date(2015, 1, 1)
	f := timefix.New(timefix.Config{})
	for range draws {
		_, now := moments(r)
		truth := floor.Add(time.Duration(r.Int64N(int64(now.Sub(floor) + 10*time.Minute + 1))))
		whole := truth.Truncate(time.Second)
		s := f.Begin("tag", timefix.Instant{Wall: now.UnixNano()}, true)
		want(t, s.Repair(stamp(truth)), truth, timefix.OK)
		want(t, s.Repair(signed(truth.Unix())), whole, timefix.OK)
		want(t, s.Repair(unsigned(uint64(truth.Unix()))), whole, timefix.OK)
		want(t, s.Repair(float(float64(truth.Unix()))), whole, timefix.OK)
		if t.Failed() {
			t.Fatalf("truth %s, reference %s", truth, now)
		}
	}
}

// TestPropertyBacklog: a known source's records of the last 48 days, in any order,
// are exact, unless a date is plausible.
func TestPropertyBacklog(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for range 100 {
		_, now := moments(r)
		f := knownAt(now)
		s := f.Begin("tag", at(now), false)
		for range 1000 {
			truth := now.Add(-time.Duration(r.Int64N(int64(48 * day)))).Truncate(time.Millisecond)
			raw := wrapped(truth, time.Millisecond)
			if sec := time.Unix(int64(raw.Bits>>32), 0); sec.Before(date(2015, 1, 1)) || sec.After(now.Add(10*time.Minute)) {
				want(t, s.Repair(raw), truth, timefix.WrappedMs)
			}
		}
		s.End()
		if t.Failed() {
			t.Fatalf("arrival %s", now)
		}
	}
}
