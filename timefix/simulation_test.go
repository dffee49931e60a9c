package timefix_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"out_edge/timefix"
)

// simulated is how many records of a kind are drawn. docs/time.md's table is of
// 1000000: go test ./timefix -run Misjudged -v -args -simulate 1000000
var simulated = flag.Int("simulate", 5000, "records of a kind in TestMisjudged")

// outcome is what became of a kind of sources' records.
type outcome struct{ right, arrival, left, wrong, ahead, total int }

func (o *outcome) count(got timefix.Fixed, truth, now time.Time) {
	o.total++
	switch {
	case got.UnixNano == truth.UnixNano():
		o.right++
	case got.UnixNano == now.UnixNano():
		o.arrival++
	case got.Verdict == timefix.OK:
		o.left++ // it reads as a date that is plausible
	default:
		o.wrong++
	}
	if got.UnixNano > now.Add(10*time.Minute).UnixNano() {
		o.ahead++
	}
}

func (o outcome) String() string {
	share := func(n int) string { return fmt.Sprintf("%.3f %%", 100*float64(n)/float64(o.total)) }
	return fmt.Sprintf("| %s | %s | %s | %s | %s |", share(o.right), share(o.arrival), share(o.left), share(o.wrong), share(o.ahead))
}

// kind is one way in which a source sends. The record d after its first one is
// raw, and its true time is truth; where it has none, its arrival is right.
type kind struct {
	name            string
	flushes, chunk  int
	wrongMost       float64 // how many may be misdated
	draw            func(r *rand.Rand, now time.Time) func(d, late time.Duration) (raw timefix.Raw, truth time.Time)
	every, learning time.Duration
}

// wrongDate draws a source whose clock shows anything but a plausible date.
func wrongDate(fraction bool) func(*rand.Rand, time.Time) func(d, late time.Duration) (timefix.Raw, time.Time) {
	return func(r *rand.Rand, now time.Time) func(d, late time.Duration) (timefix.Raw, time.Time) {
		sec := r.Uint32()
		for int64(sec) >= date(2015, 1, 1).Unix() && int64(sec) <= now.Unix()+600 {
			sec = r.Uint32()
		}
		nsec := uint32(0)
		return func(d, late time.Duration) (timefix.Raw, time.Time) {
			if fraction {
				nsec = 1 + r.Uint32N(999_999_998)
			}
			return eventTime(sec+uint32(d/time.Second), nsec), now.Add(d + late)
		}
	}
}

// wrappedAge draws a source that wraps ms, its records being of one age.
func wrappedAge(most time.Duration) func(*rand.Rand, time.Time) func(d, late time.Duration) (timefix.Raw, time.Time) {
	return func(r *rand.Rand, now time.Time) func(d, late time.Duration) (timefix.Raw, time.Time) {
		age := time.Duration(r.Int64N(int64(most)))
		return func(d, late time.Duration) (timefix.Raw, time.Time) {
			truth := now.Add(d - age).Truncate(time.Millisecond)
			return wrapped(truth, time.Millisecond), truth
		}
	}
}

func kinds() []kind {
	return []kind{
		{"a wrong date, whole seconds, alone", 1, 1, 0.015, wrongDate(false), 0, 0},
		{"a wrong date with a fraction, alone", 1, 1, 0.004, wrongDate(true), 0, 0},
		{"a wrong clock, 10 flushes", 10, 1, 0.003, wrongDate(false), 5 * time.Second, 0},
		{"a wrong clock, 10 flushes of 5", 10, 5, 0.003, wrongDate(false), 5 * time.Second, 0},
		{"wrapped, 0 to 48 days old, alone", 1, 1, 0.01, wrappedAge(48 * day), 0, 0},
		{"wrapped, 0 to 48 days old, a chunk of 5", 1, 5, 0.01, wrappedAge(48 * day), 0, 0},
		{"wrapped, 0 to 48 days old, 10 flushes", 10, 1, 0.01, wrappedAge(48 * day), 5 * time.Second, 0},
		{"wrapped, 0 to 48 days old, known source", 1, 5, 0.01, wrappedAge(48 * day), 0, 2 * time.Minute},
		{"wrapped, up to 3 hours old, alone", 1, 1, 0.01, wrappedAge(3 * time.Hour), 0, 0},
		{"wrapped, live, 10 flushes", 10, 1, 0.01, wrappedAge(5 * time.Second), 5 * time.Second, 0},
		{"wrapped, live, 10 flushes of 5", 10, 5, 0.0005, wrappedAge(5 * time.Second), 5 * time.Second, 0},
	}
}

// TestMisjudged draws sources at arrivals of ten years, and prints what share of
// their records got the right time, the arrival in its place, and a wrong one.
func TestMisjudged(t *testing.T) {
	for i, k := range kinds() {
		r := rand.New(rand.NewPCG(uint64(i), 30))
		f := timefix.New(timefix.Config{})
		var o outcome
		for n := range *simulated / (k.flushes * k.chunk) {
			k.play(f, fmt.Sprint(n), r, &o)
		}
		t.Logf("| %s %v", k.name, o)
		if float64(o.wrong) > k.wrongMost*float64(o.total) || o.ahead > 0 {
			t.Errorf("%s: %+v", k.name, o)
		}
	}
}

func (k kind) play(f *timefix.Fixer, tag string, r *rand.Rand, o *outcome) {
	now := date(2026, 1, 1).Add(time.Duration(r.Int64N(int64(10 * 365 * day))))
	for d := -k.learning; d < 0; d += time.Minute {
		send(f, tag, timefix.Instant{Wall: now.Add(d).UnixNano()}, wrapped(now.Add(d), time.Millisecond))
	}
	record := k.draw(r, now)
	for flush := range k.flushes {
		base := time.Duration(flush) * k.every
		last := base + time.Duration(k.chunk-1)*time.Second
		arrived := now.Add(last)
		s := f.Begin(tag, timefix.Instant{Wall: arrived.UnixNano()}, false)
		raws, truths := make([]timefix.Raw, k.chunk), make([]time.Time, k.chunk)
		for i := range raws {
			d := base + time.Duration(i)*time.Second
			raws[i], truths[i] = record(d, last-d)
		}
		// The code that the table compares with has no Preview.
		if s, ok := any(&s).(interface{ Preview(timefix.Raw) bool }); ok {
			for i := 0; i < len(raws) && s.Preview(raws[i]); i++ {
			}
		}
		for i, raw := range raws {
			o.count(s.Repair(raw), truths[i], arrived)
		}
		s.End()
	}
}
