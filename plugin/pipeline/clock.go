package pipeline

import (
	"time"

	"out_edge/timefix"
)

// isClockSet checks the wall clock, and logs each change once.
func (p *Pipeline) isClockSet(now timefix.Instant) bool {
	good := p.fixer.ClockSet(now)
	if p.clockUnset.Swap(!good) == good {
		if good {
			p.log.Info("the wall clock is believable again: delivery goes on", "now", stamp(now.Wall))
		} else {
			p.log.Warn("the wall clock is not believable: nothing is sent until it is set; with `workers` chunks go back to Fluent Bit's buffer, which needs `retry_limit no_limits`, without they wait in memory", "now", stamp(now.Wall))
		}
	}
	return good
}

// since is the time from a to b; steps of the wall clock do not change it.
func since(a, b timefix.Instant) time.Duration { return time.Duration(b.Boot - a.Boot) }

// eventTime is the raw form of a time that was repaired under another clock.
func eventTime(unixNano int64) timefix.Raw {
	sec, nsec := unixNano/1e9, unixNano%1e9
	if nsec < 0 {
		sec, nsec = sec-1, nsec+1e9
	}
	return timefix.Raw{Form: timefix.EventTime, Bits: uint64(uint32(sec))<<32 | uint64(nsec)}
}
