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

// Now reads both clocks, as one. What the boot clock is ahead of Go's own changes only
// when the host was suspended, and then the wall clock, too, is ahead by more: as long
// as that is not so, the kernel is not asked for it, which would be a system call.
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

// together is how long two readings may take that are to be one, in ns.
const together = 20 * millisecond

// ahead is by how much the two clocks are ahead of ownTime, in ns.
type ahead struct{ wall, boot int64 }

var lastAhead atomic.Pointer[ahead]

// readTogether reads both clocks: if this process was held up between the two
// readings, it reads again, lest that look like somebody setting the clock.
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

// within says whether d is at most limit, either way.
func within(d, limit int64) bool { return -limit <= d && d <= limit }

// start is some moment of this process, with Go's reading of the monotonic clock.
var start = time.Now()

// ownTime is the time since start, in ns, which no step of the wall clock touches; a
// suspension of the host is not in it.
func ownTime() int64 { return int64(time.Since(start)) }

// goTime is the wall clock as Go knows it.
func goTime() int64 { return time.Now().UnixNano() }
