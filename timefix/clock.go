package timefix

import (
	"sync/atomic"
	"time"
)

// Instant is one moment on the host's two clocks.
type Instant struct {
	Wall int64 // CLOCK_REALTIME: nanoseconds since 1970, right only once the clock was set
	// Boot is CLOCK_BOOTTIME: nanoseconds since the host started, suspension
	// included. Nobody sets it, so Wall-Boot changes only when somebody sets
	// the wall clock. 0 means not known; steps are not noticed then.
	Boot int64
}

// Time returns the wall clock's reading in UTC.
func (i Instant) Time() time.Time { return time.Unix(0, i.Wall).UTC() }

// Elapsed is the time since boot, which steps of the wall clock do not change; since
// 1970 where Boot is not known. Use it for differences only.
func (i Instant) Elapsed() time.Duration {
	if i.Boot != 0 {
		return time.Duration(i.Boot)
	}
	return time.Duration(i.Wall)
}

// Offset returns the wall clock's time less Elapsed, in ns. It changes only when somebody
// sets the wall clock, and converts a time of one of the two clocks to one of the other.
func (i Instant) Offset() int64 { return i.Wall - int64(i.Elapsed()) }

// Clock returns the current time. Implementations are safe for concurrent use.
type Clock interface{ Now() Instant }

// SystemClock is the host's clock, and the only code here that reads it. On Linux both
// readings come from the kernel, as 64-bit numbers on 32-bit machines too where the
// kernel has them (5.1 and later), so that 2038 is no limit. Elsewhere Boot is 0.
type SystemClock struct{}

// Now reads both clocks as one Instant. The offset between the boot clock and Go's
// monotonic clock changes only when the host was suspended, and then the wall clock
// moves ahead as well. While the wall clock has not moved, the last offset is used,
// which saves the system call.
func (SystemClock) Now() Instant {
	wall, own := wallTime(), ownTime()
	if a := lastAhead.Load(); a != nil && within(wall-own-a.wall, together) {
		return Instant{Wall: wall, Boot: own + a.boot}
	}
	before := ownTime()
	now := readTogether()
	if after := ownTime(); now.Boot != 0 && after-before < together {
		lastAhead.Store(&ahead{wall: now.Wall - after, boot: now.Boot - after})
	}
	return now
}

// together is the longest that two readings may be apart to count as one, in ns.
const together = 20 * millisecond

// ahead is how far the two clocks are ahead of ownTime, in ns.
type ahead struct{ wall, boot int64 }

var lastAhead atomic.Pointer[ahead]

// readTogether reads both clocks. It reads again if the process was paused between the
// readings, because that would look like a step of the clock.
func readTogether() Instant {
	const tries = 4
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

// within reports whether d is at most limit in either direction.
func within(d, limit int64) bool { return -limit <= d && d <= limit }

// start is a moment of this process with Go's monotonic reading.
var start = time.Now()

// ownTime is the time since start in ns. Steps of the wall clock do not change it; time
// in suspension is not counted.
func ownTime() int64 { return int64(time.Since(start)) }

// goTime is the wall clock as read by Go.
func goTime() int64 { return time.Now().UnixNano() }
