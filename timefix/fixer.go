package timefix

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultMaxFuture is Config.MaxFuture when that is 0.
const DefaultMaxFuture = 10 * time.Minute

// assumedServiceYears is how many years after the build a device may be in use. It
// bounds the plausible dates while the host's own clock is not set.
const assumedServiceYears = 20

// DefaultFloor is Config.Floor when that is zero: 2015-01-01 UTC.
func DefaultFloor() time.Time { return time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC) }

// Config holds the settings of a Fixer. The zero value is usable.
type Config struct {
	Mode Mode
	// Floor is the earliest plausible time; zero is DefaultFloor.
	Floor time.Time
	// MaxFuture is how far after its arrival a record's time is plausible; 0 is
	// DefaultMaxFuture, a negative value permits no future.
	MaxFuture time.Duration
	// BuildDate is when the program was built: a wall clock that shows an earlier date
	// is not set. Zero is Floor.
	BuildDate time.Time
	// Clock is read when Begin gets a zero Instant; nil is SystemClock.
	Clock Clock
	// OnFirst, if set, is called with the first repair of each verdict for each tag.
	// Session.End calls it on its own goroutine, without a lock.
	OnFirst func(Repair)
}

// Fixer repairs times. It is safe for concurrent use.
type Fixer struct {
	mode      Mode
	floor     int64
	maxFuture int64
	buildDate int64
	clock     Clock
	onFirst   func(Repair)

	mu   sync.Mutex // guards watch and tags
	tags tagTable

	watch  wallWatch
	otlp   atomic.Bool // the host's OTLP input corrupts nanoseconds
	recent repairLog
	notes  sync.Pool // of *notes
}

// New makes a Fixer.
func New(c Config) *Fixer {
	if c.Floor.IsZero() {
		c.Floor = DefaultFloor()
	}
	if c.MaxFuture == 0 {
		c.MaxFuture = DefaultMaxFuture
	}
	if c.BuildDate.Before(c.Floor) {
		c.BuildDate = c.Floor
	}
	if c.Clock == nil {
		c.Clock = SystemClock{}
	}
	f := &Fixer{
		mode:      c.Mode,
		floor:     c.Floor.UnixNano(),
		maxFuture: max(int64(c.MaxFuture), 0),
		buildDate: c.BuildDate.UnixNano(),
		clock:     c.Clock,
		onFirst:   c.OnFirst,
	}
	f.tags.init()
	f.watch.history.Store(newHistory())
	f.notes.New = func() any { return new(notes) }
	return f
}

// ClockSet reports whether the host's own clock is set: whether it shows a date not
// before the build's. While it is not, do not rely on repaired times: send nothing, and
// keep what arrives to process it again.
func (f *Fixer) ClockSet(at Instant) bool { return at.Wall >= f.buildDate }

// Repairs returns the last RepairsKept repairs of sessions that have ended, newest
// first. The caller owns the slice.
func (f *Fixer) Repairs() []Repair { return f.recent.snapshot() }

// Begin starts a session for the records of one tag that arrive at the same time. A
// zero at reads Config.Clock.
//
// replay is for records that were repaired before and are offered again: they are
// repaired as usual, but the Fixer learns nothing from them, and does not count or list
// them.
//
// No lock is held between Begin and End, so a session may last as long as needed, and a
// tag may have several at once: each uses what was known when it began.
func (f *Fixer) Begin(tag string, at Instant, replay bool) Session {
	if at == (Instant{}) {
		at = f.clock.Now()
	}
	s := Session{fixer: f, at: at, readOnly: replay, newest: math.MinInt64, oldest: math.MaxInt64}
	f.mu.Lock()
	f.watch.observe(at)
	s.history = f.watch.history.Load()
	if s.offset = f.watch.offset; at.Boot != 0 {
		s.offset = at.Wall - at.Boot
	}
	s.recall(&f.tags, tag)
	f.mu.Unlock()
	s.prepare()
	return s
}

// end stores what a session learnt and returns which verdicts among its notes are the
// first of their kind for the tag.
func (f *Fixer) end(s *Session) (firsts uint16) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.tags.get(s.tag)
	if s.notes != nil {
		firsts = s.notes.known &^ e.stream.reported
		s.stream.reported |= s.notes.known
	}
	if e.ends == s.ends {
		e.stream = s.stream
	} else {
		e.stream.merge(&s.stream, s.behaviourAtBegin)
	}
	e.ends++
	return firsts
}
