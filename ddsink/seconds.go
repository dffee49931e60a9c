package ddsink

import (
	"sync"
	"time"

	"out_edge/timefix"
)

// Datadog keeps one value for a series and a second: of two count points for the
// same second, in one request or in two, the last overwrites the first. Records of
// one second often come in two chunks, so each count looks for a second of its own.

const (
	// secondsKept is how far back taken seconds are remembered, a bit each:
	// the hour that the intake accepts and the ten minutes ahead.
	secondsKept = 4224
	// maxSecondsSeries bounds the series that are remembered, 540 bytes each.
	maxSecondsSeries = 4096
)

// secondsTaken knows the seconds for which a count of a series went out or is on
// its way. It is safe for concurrent use.
type secondsTaken struct {
	mu     sync.Mutex
	series map[uint64]*takenBits
}

// takenBits is a ring of bits; that of second s stands at s mod secondsKept. Its end
// is never further ahead than the intake accepts, or the seconds of the present would
// be too long ago to know once the clock has been set back.
type takenBits struct {
	newest int64
	bits   [secondsKept / 64]uint64
}

func newSecondsTaken() *secondsTaken { return &secondsTaken{series: map[uint64]*takenBits{}} }

// claim takes a second for series key, and says whether it was free.
func (t *secondsTaken) claim(key uint64, sec int64, now timefix.Instant) bool {
	if sec < 0 {
		return true // the ring begins in 1970
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.series[key]
	if b == nil {
		if len(t.series) >= maxSecondsSeries {
			t.forget()
		}
		b = &takenBits{newest: sec}
		t.series[key] = b
	}
	if latest := floorDiv(now.Wall+int64(seriesMaxAhead), int64(time.Second)); b.newest > latest {
		b.move(latest) // the clock was set back since
	}
	return b.claim(sec)
}

// release gives a second back whose count did not go out.
func (t *secondsTaken) release(key uint64, sec int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if b := t.series[key]; b != nil && b.knows(sec) {
		b.free(sec)
	}
}

// forget drops the quarter of the series that were last heard of longest ago, as
// far as a single pass can tell: those older than the mean.
func (t *secondsTaken) forget() {
	var mean float64
	for _, b := range t.series {
		mean += float64(b.newest) / float64(len(t.series))
	}
	for key, b := range t.series {
		if float64(b.newest) <= mean && len(t.series) > maxSecondsSeries*3/4 {
			delete(t.series, key)
		}
	}
}

func (b *takenBits) word(sec int64) int { return int(sec % secondsKept / 64) }

func (b *takenBits) knows(sec int64) bool {
	return sec >= 0 && sec <= b.newest && b.newest-sec < secondsKept
}

func (b *takenBits) claim(sec int64) bool {
	if b.newest-sec >= secondsKept {
		return true // too long ago to know
	}
	if sec > b.newest {
		b.move(sec)
	}
	bit := uint64(1) << (sec & 63)
	if b.bits[b.word(sec)]&bit != 0 {
		return false
	}
	b.bits[b.word(sec)] |= bit
	return true
}

// move makes newest the end of the ring. Seconds that are new in it are free, and
// those that it has no place for any more are forgotten.
func (b *takenBits) move(newest int64) {
	if newest-b.newest >= secondsKept || b.newest-newest >= secondsKept {
		clear(b.bits[:])
		b.newest = newest
	}
	for ; b.newest < newest; b.newest++ {
		b.free(b.newest + 1)
	}
	for ; b.newest > newest; b.newest-- {
		b.free(b.newest)
	}
}

func (b *takenBits) free(sec int64) { b.bits[b.word(sec)] &^= 1 << (sec & 63) }
