package timefix_test

import (
	"math"
	"testing"
	"time"

	"out_edge/timefix"
)

// boot is how long after its start the host of most tests is at an arrival.
const boot = int64(100 * time.Hour)

func at(t time.Time) timefix.Instant {
	return timefix.Instant{Wall: t.UnixNano(), Boot: boot}
}

func date(year, month, day int) time.Time {
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
}

func eventTime(sec, nsec uint32) timefix.Raw {
	return timefix.Raw{Form: timefix.EventTime, Bits: uint64(sec)<<32 | uint64(nsec)}
}

func stamp(t time.Time) timefix.Raw {
	return eventTime(uint32(t.Unix()), uint32(t.Nanosecond()))
}

func signed(n int64) timefix.Raw    { return timefix.Raw{Form: timefix.Int, Bits: uint64(n)} }
func unsigned(n uint64) timefix.Raw { return timefix.Raw{Form: timefix.Uint, Bits: n} }
func float(f float64) timefix.Raw {
	return timefix.Raw{Form: timefix.Float, Bits: math.Float64bits(f)}
}

// wrapped is t as its source sends it when it cuts unit down to 32 bits.
func wrapped(t time.Time, unit time.Duration) timefix.Raw {
	return eventTime(uint32(t.UnixNano()/int64(unit)), 0)
}

// one repairs a single record of a tag that was never seen before.
func one(raw timefix.Raw, now time.Time) timefix.Fixed {
	s := timefix.New(timefix.Config{}).Begin("tag", at(now), false)
	return s.Repair(raw)
}

// send repairs records that arrive together and ends the session.
func send(f *timefix.Fixer, tag string, now timefix.Instant, raws ...timefix.Raw) []timefix.Fixed {
	s := f.Begin(tag, now, false)
	defer s.End()
	fixed := make([]timefix.Fixed, len(raws))
	for i, raw := range raws {
		fixed[i] = s.Repair(raw)
	}
	return fixed
}

func show(f timefix.Fixed) string {
	return time.Unix(0, f.UnixNano).UTC().Format(time.RFC3339Nano) + " " + f.Verdict.String()
}

func want(t *testing.T, got timefix.Fixed, wantTime time.Time, verdict timefix.Verdict) {
	w := timefix.Fixed{UnixNano: wantTime.UnixNano(), Verdict: verdict}
	if got != w {
		t.Helper()
		t.Errorf("got %s, want %s", show(got), show(w))
	}
}
