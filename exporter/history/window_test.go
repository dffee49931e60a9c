package history_test

import (
	"math"
	"testing"

	"out_edge/exporter/history"
)

// A rate is that of the last minute, and of less while counting has just begun.
func TestWindow(t *testing.T) {
	var w history.Window
	const since = int64(1000e9)
	for i := range int64(120) {
		w.Add(since+i*1e9, 5)
	}
	for _, c := range []struct {
		name string
		at   int64
		want float64
	}{
		{"steady", since + 119e9, 5}, {"half a minute of silence", since + 149e9, 5 * 30.0 / 59}, {"silence", since + 180e9, 0},
	} {
		if got := w.Rate(c.at, since); math.Abs(got-c.want) > .3 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	w = history.Window{}
	w.Add(since+1e9, 20)
	if got := w.Rate(since+2e9, since); got != 10 {
		t.Errorf("after two seconds: %v, want 10", got)
	}
	w.Add(since+2e9, math.MaxInt32)
	w.Add(since+2e9, math.MaxInt32)
	w.Add(since+2e9, math.MaxInt32)
	if got := w.Rate(since+3e9, since); got != math.MaxUint32/3 {
		t.Errorf("more than fits: %v", got)
	}
	w.Add(since-500e9, 10) // the clock was set back
	if got := w.Rate(since-499e9, since-600e9); math.Abs(got-.2) > .05 {
		t.Errorf("set back: %v", got)
	}
}
