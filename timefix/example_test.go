package timefix_test

import (
	"fmt"
	"time"

	"out_edge/timefix"
)

// A flush: all its records arrived at the same time.
func Example() {
	fixer := timefix.New(timefix.Config{})
	arrived := time.Date(2025, 12, 3, 14, 23, 20, 0, time.UTC)
	session := fixer.Begin("app", timefix.Instant{Wall: arrived.UnixNano()}, false)
	for _, raw := range []timefix.Raw{
		{Form: timefix.EventTime, Bits: 1764771798<<32 | 767208589},
		{Form: timefix.EventTime, Bits: 0xe4989eef << 32},
		{Form: timefix.EventTime, Bits: 1764771798<<32 | 4000000000},
		{Form: timefix.Uint, Bits: 1764771798767},
		{Form: timefix.Absent},
	} {
		fixed := session.Repair(raw)
		fmt.Println(time.Unix(0, fixed.UnixNano).UTC().Format("15:04:05.999999999"), fixed.Verdict)
	}
	fmt.Println(session.End().Repairs(), "repairs")
	// Output:
	// 14:23:18.767208589 ok
	// 14:23:18.767 wrapped_ms
	// 14:23:22 bad_nsec
	// 14:23:18.767 scaled_ms
	// 14:23:20 arrival
	// 4 repairs
}

// Log only the first repair of a kind for each tag.
func ExampleConfig_onFirst() {
	fixer := timefix.New(timefix.Config{OnFirst: func(r timefix.Repair) {
		fmt.Printf("%s: %s: %s\n", r.Tag, r.Verdict, r.Why)
	}})
	now := timefix.Instant{Wall: time.Date(2025, 12, 3, 14, 23, 20, 0, time.UTC).UnixNano()}
	for range 3 {
		session := fixer.Begin("app", now, false)
		session.Repair(timefix.Raw{Form: timefix.Uint, Bits: 1764771798767})
		session.End()
	}
	// Output:
	// app: scaled_ms: the number counts milliseconds, not seconds
}

// A device without a battery-backed clock: what it stamped before NTP answered is
// moved by exactly the step.
func ExampleFixer_ClockSet() {
	fixer := timefix.New(timefix.Config{BuildDate: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)})
	raw := timefix.Raw{Form: timefix.EventTime, Bits: 42 << 32} // 42 s after it started, in 1970

	before := timefix.Instant{Wall: 45e9, Boot: 45e9}
	fmt.Println("clock is set:", fixer.ClockSet(before))
	session := fixer.Begin("cpu", before, false) // the flush that Fluent Bit has to keep
	session.End()

	ntp := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) // 60 s after it started
	after := timefix.Instant{Wall: ntp.UnixNano(), Boot: 60e9}
	fmt.Println("clock is set:", fixer.ClockSet(after))
	session = fixer.Begin("cpu", after, false)
	fixed := session.Repair(raw)
	fmt.Println(time.Unix(0, fixed.UnixNano).UTC().Format(time.TimeOnly), fixed.Verdict)
	// Output:
	// clock is set: false
	// clock is set: true
	// 11:59:42 clock_step
}
