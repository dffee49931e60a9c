package history_test

import (
	"testing"
	"time"

	"out_edge/exporter/history"
)

// Of each second the last value stays, and a nil History notes nothing.
func TestAdd(t *testing.T) {
	var none *history.History
	none.Add(1, 1)
	var h history.History
	for i := range 10 {
		h.Add(int64(i)*500e6, float64(i))
	}
	points := h.Points(time.Minute)
	if len(points) != 5 || points[0] != (history.Point{At: 500e6, Value: 1}) || points[4].Value != 9 {
		t.Errorf("got %v", points)
	}
	h.Add(1, 7) // the clock has gone back
	if points := h.Points(time.Hour); len(points) != 1 || points[0].Value != 7 {
		t.Errorf("after the clock went back: %v", points)
	}
}

// However many values come, there are at most 120 points, and the newest is there; and
// each choice of time is reached.
func TestStaysBounded(t *testing.T) {
	spans := []time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour}
	var h history.History
	for i := range 8 * 3600 {
		h.Add(int64(i)*1e9, float64(i))
		for _, span := range spans {
			points := h.Points(span)
			if n := len(points); n > 120 || i > 60 && n < 60 || points[n-1].Value != float64(i) {
				t.Fatalf("after %d s: %d points, the last %v", i, n, points[n-1])
			}
		}
	}
	for _, span := range spans {
		points := h.Points(span)
		reach := time.Duration(points[len(points)-1].At - points[0].At)
		if reach < span || reach > span+span/10 {
			t.Errorf("%v: it reaches %v back", span, reach)
		}
	}
	if all := len(h.Points(24 * time.Hour)); all != len(h.Points(6*time.Hour)) {
		t.Errorf("more than there is: %d points", all)
	}
}
