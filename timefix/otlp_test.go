package timefix_test

import (
	"math/rand/v2"
	"testing"

	"out_edge/timefix"
)

func eventTimeOf(sec, nsec uint32) timefix.Raw {
	return timefix.Raw{Form: timefix.EventTime, Bits: uint64(sec)<<32 | uint64(nsec)}
}

// otlpRaw is what Fluent Bit 4.2's OTLP input makes of a true time.
func otlpRaw(sec uint32, nsec int64) timefix.Raw {
	whole := int64(sec)*1e9 + nsec
	return eventTimeOf(sec, uint32(whole-int64(sec)))
}

func TestOTLPNanosecondsAreUndone(t *testing.T) {
	const now = 1764771900
	cases := []struct {
		name string
		raw  timefix.Raw
		want timefix.Fixed
	}{
		{"captured from v4.2.0, first", eventTimeOf(0x693047d6, 0x65f540b7), timefix.Fixed{UnixNano: 1764771798767208589, Verdict: timefix.BadNsec}},
		{"right, as 5.x sends it", eventTimeOf(0x693047d6, 0x2dbaac8d), timefix.Fixed{UnixNano: 1764771798767208589}},
		{"another fault: carried as ever", eventTimeOf(1764771798, 4000000000), timefix.Fixed{UnixNano: 1764771802000000000, Verdict: timefix.BadNsec}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := timefix.New(timefix.Config{})
			s := f.Begin("otel", timefix.Instant{Wall: now * 1e9, Boot: 1e12}, false)
			if got := s.RepairOTLP(c.raw); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestOTLPIsExactOnceItHasShown(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	f := timefix.New(timefix.Config{})
	shown := false
	for range 100_000 {
		sec, nsec := uint32(1764771798+rng.IntN(100000)), rng.Int64N(1e9)
		s := f.Begin("otel", timefix.Instant{Wall: 1764971798e9, Boot: 1e12}, false)
		raw := otlpRaw(sec, nsec)
		got := s.RepairOTLP(raw).UnixNano
		shown = shown || uint32(raw.Bits) >= 1e9
		if want := int64(sec)*1e9 + nsec; shown && got != want {
			t.Fatalf("%v: got %d, want %d", raw, got, want)
		}
		s.End()
	}
}

func TestARightOTLPHostIsLeftAlone(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	f := timefix.New(timefix.Config{})
	for range 100_000 {
		sec, nsec := uint32(1764771798+rng.IntN(100000)), rng.Uint32N(1e9)
		s := f.Begin("otel", timefix.Instant{Wall: 1764971798e9, Boot: 1e12}, false)
		if got := s.RepairOTLP(eventTimeOf(sec, nsec)); got.Verdict != timefix.OK {
			t.Fatalf("%d.%09d: %+v", sec, nsec, got)
		}
		s.End()
	}
}
