package delivery

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxWait is the longest wait that a receiver can ask for. It replaces longer ones,
// which may also be a proxy's mistake.
const MaxWait = 5 * time.Minute

// epochFrom is the least number of seconds that is a date: 2001-09-09. Some proxies
// write X-RateLimit-Reset as a date.
const epochFrom = 1_000_000_000

// Wait returns how long an answer's header asks to wait, from 0 to MaxWait: Retry-After
// as seconds or as a date, X-RateLimit-Reset as seconds or as seconds since 1970. The
// longer of the two applies. A date is compared with the answer's own Date if it has
// one, so that a wrong device clock does not matter, else with now.
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
