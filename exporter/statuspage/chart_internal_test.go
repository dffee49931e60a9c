package statuspage

import (
	"math"
	"testing"
)

// An edge is a round number that holds the value.
func TestRounded(t *testing.T) {
	for _, c := range []struct {
		v      float64
		binary bool
		want   float64
	}{
		{0, false, 0}, {0.07, false, .08}, {1, false, 1}, {1.01, false, 1.5}, {7, false, 8}, {9, false, 10}, {101, false, 150}, {9e300, false, 1e301},
		{700, true, 1024}, {1024, true, 1024}, {1025, true, 2048}, {.5, true, .5},
	} {
		if got := rounded(c.v, c.binary); math.Abs(got-c.want) > 1e-9*c.want {
			t.Errorf("%v, %v: %v, want %v", c.v, c.binary, got, c.want)
		}
	}
	for _, v := range []float64{math.Inf(1), math.NaN(), -5} {
		if got := rounded(v, true); got != v && !math.IsNaN(v) {
			t.Errorf("%v: %v", v, got)
		}
	}
}

// Two values share their unit.
func TestSpread(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		write     format
		want      string
	}{
		{.1, .19, percent, "10 to 19 %"}, {1, 1, celsius, "1 °C"}, {900, 2048, sizeRate, "900 B/s to 2 KiB/s"}, {-3, 4, digits3, "-3 to 4"},
		{.4, .7, perMinute, "24 to 42/min"}, {0, 1, upDown, "down to up"}, {1, 1e300, celsius, "1 to 1e+300 °C"},
	} {
		if got := spread(c.low, c.high, c.write); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// What is rare is counted by the minute.
func TestTempo(t *testing.T) {
	for v, want := range map[float64]string{0: "0 records/min", .017: "1 records/min", .5: "30 records/min", 1: "1 records/s", 1.54: "1.5 records/s",
		12.4: "12 records/s", 12345: "12,345 records/s"} {
		if got := tempo(v, " records"); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
}

// Of a long tag the beginning and the end are seen.
func TestShortTag(t *testing.T) {
	for tag, want := range map[string]string{"": "", "app": "app", "exactly-thirty-three-characters-x": "exactly-thirty-three-characters-x",
		"kube.var.log.containers.shop-frontend-007": "kube.var.l…rs.shop-frontend-007", "äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöü": "äöüäöüäöüä…öüäöüäöüäöüäöüäöüäöü"} {
		if got := shortTag(tag); got != want {
			t.Errorf("%q: %q, want %q", tag, got, want)
		}
	}
}
