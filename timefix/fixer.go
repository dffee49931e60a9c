package timefix

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultMaxFuture is Config.MaxFuture when that is 0.
const DefaultMaxFuture = 10 * time.Minute

// blindYears is how long after the build a device is thought to be in use. It
// bounds the believable dates while the host's own clock is not set.
const blindYears = 20

// DefaultFloor is Config.Floor when that is zero: 2015-01-01 UTC.
func DefaultFloor() time.Time { return time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC) }

// Config sets a Fixer up. Its zero value is good.
type Config struct {
	Mode Mode
	// Floor is the earliest believable time; zero is DefaultFloor.
	Floor time.Time
	// MaxFuture is how far after its arrival a record's time is believable; 0
	// is DefaultMaxFuture, less than 0 is not at all.
	MaxFuture time.Duration
	// BuildDate is when the program was built: a wall clock that shows an
	// earlier date is not set. Zero is Floor.
	BuildDate time.Time
	// Clock is asked when Begin gets a zero Instant; nil is SystemClock.
	Clock Clock
	// OnFirst, if set, is told of the first repair of a kind for each tag. It is
	// called by Session.End on the goroutine that calls that, under no lock.
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
	tags memory

	watch  wallWatch
	otlp   atomic.Bool // the host's OTLP input garbles nanoseconds
	recent board
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

// Believable tells whether the host's own clock is set: it shows a date not
// before the build's. While it is not, repaired times are worth little: nothing
// should leave the host, and what arrives should be kept and offered again.
func (f *Fixer) Believable(at Instant) bool { return at.Wall >= f.buildDate }

// Repairs lists the last RepairsKept repairs of sessions that have ended,
// newest first. The slice is the caller's.
func (f *Fixer) Repairs() []Repair { return f.recent.snapshot() }

// Begin opens a session for the records of one tag that arrive at the same
// time. A zero at asks the Config's clock.
//
// replay is for records that were judged before and are offered again: they are
// repaired as any, but nothing is learnt from them, counted or listed.
//
// No lock is held between Begin and End, so a session may stay open for as long
// as it likes, and there may be several for one tag: each goes by what was known
// when it began.
func (f *Fixer) Begin(tag string, at Instant, replay bool) Session {
	if at == (Instant{}) {
		at = f.clock.Now()
	}
	s := Session{fixer: f, at: at, quiet: replay, newest: math.MinInt64, oldest: math.MaxInt64}
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

// end takes a session's learning into the memory and says which of its notes
// are the first of their kind.
func (f *Fixer) end(s *Session) (firsts uint16) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.tags.get(s.tag)
	if s.notes != nil {
		firsts = s.notes.known &^ e.stream.told
		s.stream.told |= s.notes.known
	}
	if e.ends == s.ends {
		e.stream = s.stream
	} else {
		e.stream.merge(&s.stream, s.began)
	}
	e.ends++
	return firsts
}
