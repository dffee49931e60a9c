package timefix_test

import (
	"encoding/binary"
	"testing"
	"time"

	"out_edge/timefix"
)

// FuzzRepair plays a stream of records, 9 bytes each: the form and what arrives
// when in the first, the bits in the others. Whatever comes, a time is plausible
// or its verdict says why not.
func FuzzRepair(f *testing.F) {
	now := date(2026, 11, 21)
	record := func(control byte, raw timefix.Raw) []byte {
		return binary.BigEndian.AppendUint64([]byte{control | byte(raw.Form)}, raw.Bits)
	}
	for _, raw := range []timefix.Raw{
		{}, stamp(now), stamp(now.Add(time.Hour)), wrapped(now, time.Millisecond), wrapped(now, time.Microsecond), wrapped(now, 1),
		eventTime(0, 0), eventTime(100, 1), eventTime(0xe4988e2f, 767208589), eventTime(uint32(now.Unix()), 4e9),
		signed(-459759889), signed(now.UnixMilli()), unsigned(uint64(now.UnixNano())), float(1764771798.5),
	} {
		var stream []byte
		for i := range byte(6) {
			stream = append(stream, record(i<<4, raw)...)
		}
		f.Add(now.UnixNano(), uint8(0), stream)
		f.Add(int64(0), uint8(1), stream)
		f.Add(int64(-1<<63), uint8(2), stream)
	}
	f.Fuzz(func(t *testing.T, wall int64, mode uint8, stream []byte) {
		now := timefix.Instant{Wall: wall, Boot: boot}
		fixer := timefix.New(timefix.Config{Mode: timefix.Mode(mode % 3)})
		s := fixer.Begin("tag", now, false)
		for records := uint32(1); len(stream) >= 9 && records < 64; records++ {
			control, raw := stream[0], timefix.Raw{Form: timefix.Form(stream[0] & 7), Bits: binary.BigEndian.Uint64(stream[1:])}
			if control>>4 != 0 {
				checkCounts(t, fixer, now, s.End(), records-1)
				records = 1
				now = advance(now, control>>4)
				s = fixer.Begin("tag", now, control>>3&1 == 1)
			}
			check(t, timefix.Mode(mode%3), now, raw, s.Repair(raw))
			stream = stream[9:]
		}
		s.End()
	})
}

// advance lets time pass, or somebody set the clock.
func advance(now timefix.Instant, how byte) timefix.Instant {
	passed := int64(1e9) << (2 * (how & 7))
	now.Boot += passed
	if how < 8 {
		now.Wall += passed
	} else {
		now.Wall ^= passed << 20
	}
	return now
}

func check(t *testing.T, mode timefix.Mode, now timefix.Instant, raw timefix.Raw, got timefix.Fixed) {
	floor, end := date(2015, 1, 1).UnixNano(), now.Wall+int64(10*time.Minute)
	if now.Wall < floor || now.Wall > date(2200, 1, 1).UnixNano() {
		return // no clock to judge by
	}
	const reach = int64(1) << 31
	ok := true
	if mode != timefix.Off && got.UnixNano > end {
		t.Errorf("%v at %s: got %s, which lies ahead", raw, now.Time(), show(got))
	}
	switch got.Verdict {
	case timefix.OK, timefix.BadNsec:
		ok = mode == timefix.Off || got.UnixNano >= floor && got.UnixNano <= end
	case timefix.ScaledMs, timefix.ScaledUs, timefix.ScaledNs:
		ok = got.UnixNano >= floor
	case timefix.WrappedMs:
		ok = got.UnixNano > end-2*reach*1e6
	case timefix.WrappedUs:
		ok = distant(got, now) <= int64(15*time.Minute+time.Second)
	case timefix.WrappedNs:
		ok = distant(got, now) <= reach+1e9
	case timefix.Arrival:
		ok = got.UnixNano == now.Wall
	case timefix.ClockStep:
	default:
		ok = false
	}
	if !ok {
		t.Errorf("%v at %s: got %s", raw, now.Time(), show(got))
	}
}

func distant(got timefix.Fixed, now timefix.Instant) int64 {
	return max(got.UnixNano-now.Wall, now.Wall-got.UnixNano)
}

// checkCounts wants every record counted, and each repair to say why.
func checkCounts(t *testing.T, f *timefix.Fixer, now timefix.Instant, counts timefix.Counts, records uint32) {
	if total := counts.Repairs() + counts[timefix.OK]; total != 0 && total != records {
		t.Errorf("%d of %d records were counted", total, records)
	}
	if counts.Repairs() == 0 {
		return
	}
	if last := f.Repairs()[0]; last.Why == "" || last.At != now || last.Verdict == timefix.OK {
		t.Errorf("a repair says %+v", last)
	}
}
