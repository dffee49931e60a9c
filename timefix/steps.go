package timefix

import "sync/atomic"

// stepThreshold is the least change of Wall-Boot between two observations that counts
// as a step. Slewing changes both clocks alike, and a leap second is one second.
const stepThreshold = 3 * second

// stepsKept is how many past settings of the clock are remembered.
const stepsKept = 8

// setting is a span of time in which nobody set the wall clock.
type setting struct {
	id     uint32
	offset int64 // Wall-Boot
	// from and to bound it on the boot clock: the last observation of the setting before
	// (0: boot) and the first of the one after.
	from, to int64
}

// holds reports whether a record stamped t could have been stamped under s.
func (s setting) holds(t int64) bool {
	boot := t - s.offset
	return boot >= s.from && boot <= s.to
}

// history is what is known of the wall clock's settings. It is immutable once shared; a
// step creates a new one.
type history struct {
	past []setting // oldest first
	id   uint32    // of the present setting
	from int64     // its earliest possible beginning, on the boot clock
	// low and high bound all stamps of the past settings; low > high means none.
	low, high int64
}

// wallWatch derives the settings of the wall clock from instants. The Fixer's lock
// guards it; history may be read without.
type wallWatch struct {
	offset, lastBoot int64
	started          bool
	history          atomic.Pointer[history]
}

func newHistory() *history { return &history{low: 1, high: 0} }

// observe adds an instant. Instants out of order are ignored.
func (w *wallWatch) observe(at Instant) {
	if at.Boot <= w.lastBoot {
		return
	}
	offset := at.Wall - at.Boot
	if w.started && abs(offset-w.offset) > stepThreshold {
		w.history.Store(w.history.Load().step(w.offset, w.lastBoot, at.Boot))
	}
	w.offset, w.lastBoot, w.started = offset, at.Boot, true
}

// step returns the history after the clock was set at some time between the
// observations last and now of the boot clock.
func (h *history) step(offset, last, now int64) *history {
	past := append(append([]setting(nil), h.past...), setting{id: h.id, offset: offset, from: h.from, to: now})
	if len(past) > stepsKept {
		past = past[len(past)-stepsKept:]
	}
	next := &history{past: past, id: h.id + 1, from: last, low: past[0].offset + past[0].from, high: past[0].offset + past[0].to}
	for _, s := range past[1:] {
		next.low = min(next.low, s.offset+s.from)
		next.high = max(next.high, s.offset+s.to)
	}
	return next
}

// find returns the past setting that t was stamped under. It is ambiguous when several
// settings fit that would move t differently.
func (h *history) find(t int64) (s setting, found, ambiguous bool) {
	for i := len(h.past) - 1; i >= 0; i-- {
		switch p := h.past[i]; {
		case !p.holds(t):
		case !found:
			s, found = p, true
		case abs(p.offset-s.offset) > stepThreshold:
			return s, true, true
		}
	}
	return s, found, false
}
