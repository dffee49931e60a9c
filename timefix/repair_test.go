package timefix_test

import (
	"math"
	"testing"
	"time"

	"out_edge/timefix"
)

// TestRepair is the table of all encodings: one record of a source that was
// never seen, arriving at 2025-12-03 14:23:20 UTC.
func TestRepair(t *testing.T) {
	now := time.Unix(1764771800, 0)
	second := time.Unix(1764771798, 0)
	nano := second.Add(767208589)
	milli := nano.Truncate(time.Millisecond)
	for _, c := range []struct {
		name    string
		raw     timefix.Raw
		want    time.Time
		verdict timefix.Verdict
	}{
		{"event time", eventTime(1764771798, 767208589), nano, timefix.OK},
		{"uint seconds", unsigned(1764771798), second, timefix.OK},
		{"int seconds", signed(1764771798), second, timefix.OK},
		{"float seconds", float(1764771798.5), second.Add(5e8), timefix.OK},
		{"float rounding up to the next second", float(math.Nextafter(1764771799, 0)), second.Add(1e9 - 238), timefix.OK},
		{"old", stamp(date(2016, 2, 29)), date(2016, 2, 29), timefix.OK},
		{"at the floor", stamp(date(2015, 1, 1)), date(2015, 1, 1), timefix.OK},
		{"at the end of the permitted future", stamp(now.Add(10 * time.Minute)), now.Add(10 * time.Minute), timefix.OK},

		{"uint ms", unsigned(1764771798767), milli, timefix.ScaledMs},
		{"int ms", signed(1764771798767), milli, timefix.ScaledMs},
		{"float ms", float(1764771798767.25), milli.Add(250e3), timefix.ScaledMs},
		{"uint us", unsigned(1764771798767208), nano.Truncate(time.Microsecond), timefix.ScaledUs},
		{"int us", signed(1764771798767208), nano.Truncate(time.Microsecond), timefix.ScaledUs},
		{"uint ns", unsigned(1764771798767208589), nano, timefix.ScaledNs},
		{"int ns", signed(1764771798767208589), nano, timefix.ScaledNs},
		{"float ns", float(1764771798767208704), second.Add(767208704), timefix.ScaledNs},
		{"old ms", unsigned(uint64(date(2016, 1, 1).UnixMilli())), date(2016, 1, 1), timefix.ScaledMs},
		{"ms before the floor", unsigned(uint64(date(2014, 1, 1).UnixMilli())), now, timefix.Arrival},

		{"event time, low 32 bits of ms", eventTime(0xe4989eef, 0), milli, timefix.WrappedMs},
		{"int32 -459759889", signed(-459759889), milli, timefix.WrappedMs},
		{"the same, unsigned", signed(0xe4989eef), milli, timefix.WrappedMs},
		{"the same in an unsigned type", unsigned(0xe4989eef), milli, timefix.WrappedMs},
		{"the same as a float", float(-459759889), milli, timefix.WrappedMs},
		{"whole seconds times 1000, nsec kept", eventTime(0xe4989bf0, 767208589), nano, timefix.WrappedMs},
		{"ms, nsec kept", eventTime(0xe4989eef, 767208589), nano, timefix.WrappedMs},
		{"ms, nsec of something else", eventTime(0xe4989eef, 123456789), milli, timefix.WrappedMs},
		{"ms, bad nsec", eventTime(0xe4989eef, 4e9), milli, timefix.WrappedMs},

		{"bad nsec", eventTime(1764771798, 4e9), second.Add(4e9), timefix.BadNsec},
		{"bad nsec, smallest", eventTime(1764771798, 1e9), second.Add(1e9), timefix.BadNsec},
		{"bad nsec leading too far", eventTime(uint32(now.Unix())+599, 4e9), now.Add(599 * time.Second), timefix.BadNsec},
		{"bad nsec leading in", eventTime(uint32(date(2015, 1, 1).Unix())-1, 2e9), date(2015, 1, 1).Add(1e9), timefix.BadNsec},

		{"absent", timefix.Raw{}, now, timefix.Arrival},
		{"form that does not exist", timefix.Raw{Form: 200, Bits: 1764771798}, now, timefix.Arrival},
		{"NaN", float(math.NaN()), now, timefix.Arrival},
		{"infinity", float(math.Inf(1)), now, timefix.Arrival},
		{"minus infinity", float(math.Inf(-1)), now, timefix.Arrival},
		{"huge float", float(math.MaxFloat64), now, timefix.Arrival},
		{"huge negative float", float(-math.MaxFloat64), now, timefix.Arrival},
		{"event time 0.0", eventTime(0, 0), now, timefix.Arrival},
		{"uint 0", unsigned(0), now, timefix.Arrival},
		{"the first day of 1970", eventTime(3600, 5), now, timefix.Arrival},
		{"a clock that is an hour ahead", stamp(now.Add(time.Hour)), now, timefix.Arrival},
		{"least int64", signed(math.MinInt64), now, timefix.Arrival},
		{"greatest int64", signed(math.MaxInt64), now, timefix.Arrival},
		{"greatest uint64", unsigned(math.MaxUint64), now, timefix.Arrival},
		{"less than an int32", signed(math.MinInt32 - 1), now, timefix.Arrival},
		{"more than a uint32", unsigned(math.MaxUint32 + 1), now, timefix.Arrival},
	} {
		t.Run(c.name, func(t *testing.T) { want(t, one(c.raw, now), c.want, c.verdict) })
	}
}

// TestWhy: each verdict says why, and OK has nothing to say.
func TestWhy(t *testing.T) {
	now := time.Unix(1764771800, 0)
	for _, c := range []struct {
		raw  timefix.Raw
		want string
	}{
		{unsigned(1764771798767), "the number counts milliseconds, not seconds"},
		{eventTime(0xe4989eef, 0), "the seconds field holds the low 32 bits of milliseconds; the date nearest to the arrival was taken"},
		{eventTime(1764771798, 4e9), "the nanoseconds field holds more than 999999999; its whole seconds were carried over"},
		{eventTime(0, 0), "the time is 0, as when it was NaN or never set"},
		{timefix.Raw{}, "the record has no readable time"},
		{float(math.NaN()), "the time is NaN or infinite"},
		{unsigned(math.MaxUint64), "the number is no plausible time in any unit"},
		{eventTime(100, 0), "the source's clock counts from the beginning of 1970: it was never set"},
	} {
		f := timefix.New(timefix.Config{})
		send(f, "tag", at(now), c.raw)
		if got := f.Repairs(); len(got) != 1 || got[0].Why != c.want {
			t.Errorf("%v: got %+v, want %q", c.raw, got, c.want)
		}
	}
}

func TestConfig(t *testing.T) {
	now := date(2026, 11, 21)
	old := date(2001, 1, 1)
	for _, c := range []struct {
		name    string
		config  timefix.Config
		raw     timefix.Raw
		want    time.Time
		verdict timefix.Verdict
	}{
		{"floor", timefix.Config{Floor: date(2000, 1, 1)}, stamp(old), old, timefix.OK},
		{"more future", timefix.Config{MaxFuture: 3 * time.Hour}, stamp(now.Add(2 * time.Hour)), now.Add(2 * time.Hour), timefix.OK},
		{"no future", timefix.Config{MaxFuture: -1}, stamp(now.Add(time.Second)), now, timefix.Arrival},
		{"the present without a future", timefix.Config{MaxFuture: -1}, stamp(now), now, timefix.OK},

		{"arrival: good", timefix.Config{Mode: timefix.ArrivalOnly}, stamp(now.Add(-9)), now.Add(-9), timefix.OK},
		{"arrival: ms", timefix.Config{Mode: timefix.ArrivalOnly}, unsigned(uint64(now.UnixMilli())), now, timefix.Arrival},
		{"arrival: wrapped", timefix.Config{Mode: timefix.ArrivalOnly}, wrapped(now, time.Millisecond), now, timefix.Arrival},
		{"arrival: bad nsec", timefix.Config{Mode: timefix.ArrivalOnly}, eventTime(uint32(now.Unix()), 2e9), now, timefix.Arrival},
		{"arrival: absent", timefix.Config{Mode: timefix.ArrivalOnly}, timefix.Raw{}, now, timefix.Arrival},

		{"off: 1970", timefix.Config{Mode: timefix.Off}, eventTime(5, 7), time.Unix(5, 7), timefix.OK},
		{"off: 2091", timefix.Config{Mode: timefix.Off}, eventTime(0xe4989eef, 0), time.Unix(0xe4989eef, 0), timefix.OK},
		{"off: negative", timefix.Config{Mode: timefix.Off}, signed(-5), time.Unix(-5, 0), timefix.OK},
		{"off: bad nsec", timefix.Config{Mode: timefix.Off}, eventTime(5, 4e9), time.Unix(9, 0), timefix.OK},
		{"off: ms", timefix.Config{Mode: timefix.Off}, unsigned(uint64(now.UnixMilli())), now, timefix.Arrival},
		{"off: NaN", timefix.Config{Mode: timefix.Off}, float(math.NaN()), now, timefix.Arrival},
		{"off: absent", timefix.Config{Mode: timefix.Off}, timefix.Raw{}, now, timefix.Arrival},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := timefix.New(c.config).Begin("tag", at(now), false)
			want(t, s.Repair(c.raw), c.want, c.verdict)
		})
	}
}

// TestBlind: while the host's clock is not set, dates since the floor are
// believed, and nothing is made up.
func TestBlind(t *testing.T) {
	now := time.Unix(90, 0)
	build := date(2026, 6, 1)
	f := timefix.New(timefix.Config{BuildDate: build, OnFirst: func(timefix.Repair) { t.Error("a first repair") }})
	s := f.Begin("tag", at(now), false)
	right := date(2026, 11, 21)
	want(t, s.Repair(stamp(right)), right, timefix.OK)
	want(t, s.Repair(unsigned(uint64(right.UnixMilli()))), right, timefix.ScaledMs)
	want(t, s.Repair(eventTime(uint32(right.Unix()), 2e9)), right.Add(2e9), timefix.BadNsec)
	want(t, s.Repair(stamp(date(2050, 1, 1))), now, timefix.Arrival)
	want(t, s.Repair(wrapped(right, time.Millisecond)), now, timefix.Arrival)
	want(t, s.Repair(stamp(now)), now, timefix.Arrival)
	if got := s.End(); got != (timefix.Counts{}) || len(f.Repairs()) != 0 {
		t.Errorf("counted %v, listed %v", got, f.Repairs())
	}
}

func TestNames(t *testing.T) {
	verdicts := ""
	for v := range timefix.Verdict(timefix.NumVerdicts + 1) {
		verdicts += v.String() + " "
	}
	if want := "ok scaled_ms scaled_us scaled_ns wrapped_ms wrapped_us wrapped_ns bad_nsec clock_step arrival unknown "; verdicts != want {
		t.Errorf("verdicts: %s", verdicts)
	}
	forms := ""
	for f := range timefix.Float + 2 {
		forms += f.String() + " "
	}
	if want := "absent event_time int uint float unknown "; forms != want {
		t.Errorf("forms: %s", forms)
	}
	modes := ""
	for m := range timefix.Off + 2 {
		modes += m.String() + " "
	}
	if want := "auto arrival off unknown "; modes != want {
		t.Errorf("modes: %s", modes)
	}
}
