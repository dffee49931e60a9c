package timefix_test

import (
	"out_edge/timefix"
	"testing"
)

func TestSmoke(t *testing.T) {
	f := timefix.New(timefix.Config{})
	at := timefix.SystemClock{}.Now()
	t.Log(at.Time(), at.Boot)
	at.Wall = 1764771800e9
	for _, b := range []uint64{0xe4989eef << 32, 0xe4988e2f<<32 | 767208589, 0x693047d6<<32 | 4000000000, 0, 0xcf25888d << 32, 0x693047d6 << 32} {
		s := f.Begin("a", at, false)
		t.Log(s.Repair(timefix.Raw{timefix.EventTime, b}), s.End())
	}
	for _, r := range f.Repairs() {
		t.Log(r)
	}
}

func BenchmarkGood(b *testing.B) {
	f := timefix.New(timefix.Config{})
	at := timefix.Instant{1764771800e9, 5e12}
	s := f.Begin("a", at, false)
	for b.Loop() {
		s.Repair(timefix.Raw{timefix.EventTime, 0x693047d6 << 32})
	}
}
func BenchmarkWrapped(b *testing.B) {
	f := timefix.New(timefix.Config{})
	at := timefix.Instant{1764771800e9, 5e12}
	s := f.Begin("a", at, false)
	b.ReportAllocs()
	for b.Loop() {
		s.Repair(timefix.Raw{timefix.EventTime, 0xe4989eef << 32})
	}
}
