package timefix

import "time"

// Instant is one moment on the host's two clocks.
type Instant struct {
	Wall int64 // CLOCK_REALTIME: nanoseconds since 1970, right only once the clock was set
	// Boot is CLOCK_BOOTTIME: nanoseconds since the host started, suspension
	// included. Nobody sets it, so Wall-Boot changes only when somebody sets
	// the wall clock. 0 means not known; steps are not noticed then.
	Boot int64
}

// Time gives the wall clock's reading in UTC.
func (i Instant) Time() time.Time { return time.Unix(0, i.Wall).UTC() }

// Elapsed is the time since boot, which no step of the wall clock touches; since
// 1970 where Boot is not known. Only differences mean something.
func (i Instant) Elapsed() time.Duration {
	if i.Boot != 0 {
		return time.Duration(i.Boot)
	}
	return time.Duration(i.Wall)
}

// Clock tells the time. Implementations are safe for concurrent use.
type Clock interface{ Now() Instant }

// SystemClock is the host's clock. Of all the code here only this one asks it.
// On Linux both readings come from the kernel, on 32-bit machines too as 64-bit
// numbers where the kernel has them (5.1 and later), so that 2038 is no limit.
// Elsewhere Boot is 0.
type SystemClock struct{}

// Now reads both clocks, as one: if this process was held up between the two
// readings, it reads again, lest that look like somebody setting the clock.
func (SystemClock) Now() Instant {
	const together, tries = 20 * millisecond, 4
	var now Instant
	for range tries {
		before := bootTime()
		now = Instant{Wall: wallTime(), Boot: bootTime()}
		if now.Boot-before < together {
			break
		}
	}
	return now
}

// goTime is the wall clock as Go knows it.
func goTime() int64 { return time.Now().UnixNano() }
