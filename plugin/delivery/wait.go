package delivery

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxWait is the longest wait that a receiver can ask for. A receiver that
// says more (or a proxy that says nonsense) is asked again after this.
const MaxWait = 5 * time.Minute

// epochFrom is where a number of seconds begins to be a date: 2001-09-09. An
// X-RateLimit-Reset beyond it is one, as some proxies write it.
const epochFrom = 1_000_000_000

// Wait is how long an answer's header asks to wait, from 0 to MaxWait:
// Retry-After as seconds or as a date, X-RateLimit-Reset as seconds or as
// seconds since 1970. When both are there the longer counts. A date is measured
// from the answer's own Date where it has one, so that a device whose clock is
// wrong waits right; now stands in where it has none.
func Wait(h http.Header, now time.Time) time.Duration {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	wait := max(
		retryAfter(strings.TrimSpace(h.Get("Retry-After")), now),
		rateLimitReset(strings.TrimSpace(h.Get("X-RateLimit-Reset")), now),
	)
	return min(max(wait, 0), MaxWait)
}

func retryAfter(v string, now time.Time) time.Duration {
	if s, err := strconv.ParseFloat(v, 64); err == nil {
		return seconds(s)
	}
	if at, err := http.ParseTime(v); err == nil {
		return at.Sub(now)
	}
	return 0
}

func rateLimitReset(v string, now time.Time) time.Duration {
	s, err := strconv.ParseFloat(v, 64)
	if err != nil {
		return 0
	}
	if s >= epochFrom {
		s -= float64(now.Unix())
	}
	return seconds(s)
}

// seconds converts without overflow; NaN is 0.
func seconds(s float64) time.Duration {
	switch {
	case math.IsNaN(s) || s <= 0:
		return 0
	case s >= MaxWait.Seconds():
		return MaxWait
	default:
		return time.Duration(s * float64(time.Second))
	}
}
