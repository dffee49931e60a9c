package delivery

import "testing"

func TestBatchLimit(t *testing.T) {
	l := &batchLimit{most: 5_000_000}
	want := func(n int) {
		t.Helper()
		if got := l.bytes(); got != n {
			t.Errorf("got %d, want %d", got, n)
		}
	}
	want(5_000_000)
	l.accepted(5_000_000)
	want(5_000_000)
	l.refused(3_000_000)
	want(1_500_000)
	l.refused(4_000_000) // one that was under way before
	want(1_500_000)
	l.accepted(700_000) // says nothing
	want(1_500_000)
	l.accepted(1_400_000)
	want(1_523_437)
	l.refused(1000)
	want(64 << 10)
	for range 300 {
		l.accepted(l.bytes())
	}
	want(5_000_000)
}
