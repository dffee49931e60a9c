package timefix_test

import (
	"testing"
	"time"

	"out_edge/timefix"
)

func TestSystemClock(t *testing.T) {
	before := time.Now()
	first := timefix.SystemClock{}.Now()
	second := timefix.SystemClock{}.Now()
	after := time.Now()
	if wall := first.Time(); wall.Before(before.Round(0)) || wall.After(after.Round(0)) {
		t.Errorf("the wall clock shows %s, not between %s and %s", wall, before, after)
	}
	if first.Boot <= 0 || second.Boot < first.Boot {
		t.Errorf("the boot clock goes from %d to %d", first.Boot, second.Boot)
	}
	// Both are read from the same kernel: between two readings they advance
	// alike, unless somebody sets the clock during this test.
	if wall, boot := second.Wall-first.Wall, second.Boot-first.Boot; wall-boot > 1e9 || boot-wall > 1e9 {
		t.Errorf("the wall clock advanced by %d ns, the boot clock by %d ns", wall, boot)
	}
}

// TestTheClockAgreesWithTheKernel asks both ways, many times.
func TestTheClockAgreesWithTheKernel(t *testing.T) {
	for range 1000 {
		before := timefix.ReadTogether()
		got := timefix.SystemClock{}.Now()
		after := timefix.ReadTogether()
		const slack = 21e6
		if got.Boot < before.Boot-slack || got.Boot > after.Boot+slack || got.Wall < before.Wall-slack || got.Wall > after.Wall+slack {
			t.Fatalf("%+v, not between %+v and %+v", got, before, after)
		}
	}
}

// TestASuspensionIsNoticed leaves the clock with what was true an hour of suspension
// ago.
func TestASuspensionIsNoticed(t *testing.T) {
	timefix.SystemClock{}.Now()
	timefix.ShiftAhead(-3600e9)
	defer timefix.ShiftAhead(0)
	before := timefix.ReadTogether()
	got := timefix.SystemClock{}.Now()
	if got.Boot < before.Boot || got.Boot > before.Boot+10e9 {
		t.Errorf("boot clock %d, want %d and little more", got.Boot, before.Boot)
	}
}

func TestInstantTime(t *testing.T) {
	got := timefix.Instant{Wall: 1764771798767208589}.Time()
	if want := time.Date(2025, 12, 3, 14, 23, 18, 767208589, time.UTC); !got.Equal(want) || got.Location() != time.UTC {
		t.Errorf("got %s, want %s", got, want)
	}
}

func BenchmarkSystemClock(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if (timefix.SystemClock{}).Now().Wall == 0 {
			b.Fatal("no time")
		}
	}
}
