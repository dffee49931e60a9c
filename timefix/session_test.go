package timefix_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"out_edge/timefix"
)

func TestCounts(t *testing.T) {
	now := date(2026, 11, 21)
	f := timefix.New(timefix.Config{})
	s := f.Begin("tag", at(now), false)
	for range 3 {
		s.Repair(stamp(now))
	}
	s.Repair(wrapped(now, time.Millisecond))
	s.Repair(timefix.Raw{})
	s.Repair(timefix.Raw{})
	got := s.End()
	want := timefix.Counts{timefix.OK: 3, timefix.WrappedMs: 1, timefix.Arrival: 2}
	if got != want || got.Repairs() != 3 {
		t.Errorf("got %v with %d repairs, want %v", got, got.Repairs(), want)
	}
}

func TestRepairs(t *testing.T) {
	now := date(2026, 11, 21)
	f := timefix.New(timefix.Config{})
	if got := f.Repairs(); len(got) != 0 {
		t.Errorf("a new Fixer lists %v", got)
	}
	raw := wrapped(now, time.Millisecond)
	s := f.Begin("tag", at(now), false)
	s.Repair(stamp(now))
	s.Repair(raw)
	if got := f.Repairs(); len(got) != 0 {
		t.Errorf("an open session is listed: %v", got)
	}
	s.End()
	want := timefix.Repair{
		Tag: "tag", Raw: raw, Before: int64(raw.Bits>>32) * 1e9, After: now.UnixNano(), Verdict: timefix.WrappedMs,
		Why: "the seconds field holds the low 32 bits of milliseconds; the date nearest to the arrival was taken", At: at(now),
	}
	if got := f.Repairs(); len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestRepairsAreTheLast: also when a single session has more than are kept.
func TestRepairsAreTheLast(t *testing.T) {
	for _, per := range []int{1, 30, 250} {
		f := timefix.New(timefix.Config{})
		now := date(2026, 11, 21)
		for n := 0; n < 500; n += per {
			s := f.Begin("tag", at(now), false)
			for i := range per {
				s.Repair(unsigned(uint64(now.UnixMilli() + int64(min(n+i, 499)))))
			}
			s.End()
		}
		got := f.Repairs()
		if len(got) != timefix.RepairsKept {
			t.Fatalf("%d a session: %d repairs are kept", per, len(got))
		}
		skip := (500+per-1)/per*per - 500 // the last session's repeats
		for i, r := range got[skip:] {
			if want := uint64(now.UnixMilli()) + uint64(499-i); r.Raw.Bits != want {
				t.Fatalf("%d a session: repair %d is %d, want %d", per, i, r.Raw.Bits, want)
			}
		}
	}
}

func TestOnFirst(t *testing.T) {
	var reported []string
	f := timefix.New(timefix.Config{OnFirst: func(r timefix.Repair) {
		reported = append(reported, fmt.Sprintf("%s %s %d", r.Tag, r.Verdict, r.Before))
	}})
	now := date(2026, 11, 21)
	ms := func(i int64) timefix.Raw { return signed(now.UnixMilli() + i) }
	for range 2 {
		send(f, "a", at(now), ms(0), ms(1), timefix.Raw{}, ms(2))
		send(f, "b", at(now), timefix.Raw{}, stamp(now))
	}
	one, two := f.Begin("c", at(now), false), f.Begin("c", at(now), false)
	one.Repair(timefix.Raw{})
	two.Repair(timefix.Raw{})
	two.Repair(ms(0))
	one.End()
	two.End()
	replay := f.Begin("d", at(now), true)
	replay.Repair(timefix.Raw{})
	replay.End()
	want := []string{"a scaled_ms 0", "a arrival 0", "b arrival 0", "c arrival 0", "c scaled_ms 0"}
	if fmt.Sprint(reported) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", reported, want)
	}
}

func TestReplay(t *testing.T) {
	f := timefix.New(timefix.Config{})
	now := inBelievableDays()
	for d := time.Duration(0); d < 10*time.Minute; d += time.Minute {
		s := f.Begin("tag", clockAt(now, d), true)
		s.Repair(timefix.Raw{})
		if got := s.Repair(wrapped(now.Add(d), time.Millisecond)); got.Verdict != timefix.OK {
			t.Fatalf("a replay taught something: %s", show(got))
		}
		if got := s.End(); got != (timefix.Counts{}) {
			t.Errorf("a replay counted %v", got)
		}
	}
	if got := f.Repairs(); len(got) != 0 {
		t.Errorf("a replay is listed: %v", got)
	}
}

// TestZeroInstant: Begin then reads the Config's clock.
func TestZeroInstant(t *testing.T) {
	now := date(2026, 11, 21)
	f := timefix.New(timefix.Config{Clock: fixed(at(now))})
	s := f.Begin("tag", timefix.Instant{}, false)
	want(t, s.Repair(timefix.Raw{}), now, timefix.Arrival)
}

type fixed timefix.Instant

func (f fixed) Now() timefix.Instant { return timefix.Instant(f) }

// TestOverlap: sessions of one tag that are open side by side keep what each
// learns, whichever ends last.
func TestOverlap(t *testing.T) {
	start := inBelievableDays()
	ms := func(d time.Duration) timefix.Raw { return wrapped(start.Add(d), time.Millisecond) }
	f := timefix.New(timefix.Config{})
	send(f, "tag", clockAt(start, 0), ms(0))
	slow := f.Begin("tag", clockAt(start, 30*time.Second), false)
	slow.Repair(stamp(start.Add(20 * time.Second)))
	send(f, "tag", clockAt(start, time.Minute), ms(time.Minute))
	slow.End()
	got := send(f, "tag", clockAt(start, time.Hour), ms(2*time.Minute))[0] // so late that it takes a habit
	want(t, got, start.Add(2*time.Minute), timefix.WrappedMs)
}

func TestConcurrentSessions(t *testing.T) {
	start := inBelievableDays()
	f := timefix.New(timefix.Config{OnFirst: func(timefix.Repair) {}})
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 300 {
				d := time.Duration(i) * time.Second
				s := f.Begin(fmt.Sprint("tag", g%2), clockAt(start, d), false)
				s.Repair(wrapped(start.Add(d), time.Millisecond))
				s.Repair(timefix.Raw{})
				s.End()
				f.Repairs()
			}
		})
	}
	group.Wait()
	got := send(f, "tag0", clockAt(start, time.Hour), wrapped(start.Add(time.Hour), time.Millisecond))[0]
	want(t, got, start.Add(time.Hour), timefix.WrappedMs)
}

// TestMemoryIsBounded: the tag that was not used for longest is forgotten.
func TestMemoryIsBounded(t *testing.T) {
	reported := map[string]int{}
	f := timefix.New(timefix.Config{OnFirst: func(r timefix.Repair) { reported[r.Tag]++ }})
	now := at(date(2026, 11, 21))
	use := func(i int) { send(f, fmt.Sprint(i), now, timefix.Raw{}) }
	for i := range timefix.TagsKept {
		use(i)
	}
	use(0)
	use(timefix.TagsKept) // 1 goes
	use(0)
	use(2)
	use(1) // 3 goes
	use(2)
	use(3)
	for i, want := range []int{1, 2, 1, 2, 1} {
		if got := reported[fmt.Sprint(i)]; got != want {
			t.Errorf("tag %d was reported %d times, want %d", i, got, want)
		}
	}
}
