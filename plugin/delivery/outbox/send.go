package outbox

import (
	"slices"
	"time"

	"out_edge/timefix"
)

// Limit bounds what goes into one request.
type Limit struct{ Points, Bytes int }

// Begin takes all series that have something waiting into this Send: those that
// the receiver accepts first, so that a search for bad ones costs the good ones
// nothing.
func (b *Box[S]) Begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn = append(b.turn, b.queue...)
	b.queue = nil
	if b.searching(b.Clock.Now().Elapsed()) {
		slices.SortStableFunc(b.turn, func(x, y *Series[S]) int { return int(x.standing) - int(y.standing) })
	}
}

// Take appends the points of as many series as one request has room for, one at
// least, stamped; none: nothing is left in this Send. Those whose standing is not
// the same do not go together while bad ones are looked for.
func (b *Box[S]) Take(dst []Item[S], room Limit) []Item[S] {
	b.mu.Lock()
	defer b.unlock()
	now := b.Clock.Now()
	var first standing
	for i := 0; len(b.turn) > 0; i++ {
		s := b.turn[0]
		switch {
		case i == 0:
			first = s.standing
		case s.standing != first && b.searching(now.Elapsed()):
			return dst
		}
		n, fits := b.fit(s, &room, len(dst) == 0)
		if !fits {
			break
		}
		dst = b.stamp(dst, s, n)
		if len(s.waiting) > 0 {
			break
		}
		s.queued = false
		b.turn = b.turn[1:]
		if i == 0 && len(dst) == 0 { // nothing of it leaves
			i = -1
		}
	}
	return dst
}

// fit is how many points of a series there is room for, and takes that room.
func (b *Box[S]) fit(s *Series[S], room *Limit, must bool) (n int, fits bool) {
	n = len(s.waiting)
	points, bytes := b.Cost(s, n)
	if points > room.Points || bytes > room.Bytes {
		if !must {
			return 0, false
		}
		for n > 1 && (points > room.Points || bytes > room.Bytes) {
			n = max(1, min(n-1, n*room.Points/points))
			points, bytes = b.Cost(s, n)
		}
	}
	room.Points -= points
	room.Bytes -= bytes
	return n, true
}

// stamp moves the first n points of a series to those that leave.
func (b *Box[S]) stamp(dst []Item[S], s *Series[S], n int) []Item[S] {
	from := len(dst)
	for i := range s.waiting[:n] {
		p := &s.waiting[i]
		b.discount(p)
		var before *Point
		if len(dst) > from {
			before = &dst[len(dst)-1].Point
		}
		switch f := b.Stamp(s, p, before); f.what {
		case send:
			dst = append(dst, Item[S]{Series: s, Point: *p})
		case replaces:
			if p.Kept {
				p.N += before.N
				p.seq = min(p.seq, before.seq)
				p.Group = max(p.Group, before.Group)
			} else {
				b.lose(before, ReasonSameTime)
			}
			*before = *p
		case taken:
		default:
			b.record(p, f)
		}
	}
	rest := copy(s.waiting, s.waiting[n:])
	clear(s.waiting[rest:])
	s.waiting = s.waiting[:rest]
	s.flight = true
	return dst
}

func (b *Box[S]) discount(p *Point) {
	if p.Kept {
		b.kept -= p.weight()
	} else {
		b.absolute--
	}
}

// Now is the clock's, for Stamp.
func (b *Box[S]) Now() timefix.Instant { return b.Clock.Now() }

// runs calls f with the items of each series.
func runs[S any](items []Item[S], f func(s *Series[S], run []Item[S])) {
	for len(items) > 0 {
		n := 1
		for n < len(items) && items[n].Series == items[0].Series {
			n++
		}
		f(items[0].Series, items[:n])
		items = items[n:]
	}
}

// Deliver settles items that the receiver has.
func (b *Box[S]) Deliver(items []Item[S]) {
	b.mu.Lock()
	defer b.unlock()
	runs(items, func(s *Series[S], run []Item[S]) {
		s.flight = false
		b.accept(s)
		for i := range run {
			run[i].done = true
			b.record(&run[i].Point, Fate{})
		}
	})
}

// Settle settles items that are not to be sent again.
func (b *Box[S]) Settle(items []Item[S], f Fate) {
	b.mu.Lock()
	defer b.unlock()
	runs(items, func(s *Series[S], run []Item[S]) {
		s.flight = false
		for i := range run {
			run[i].done = true
			b.record(&run[i].Point, f)
		}
	})
}

// Doubt notes that items may have been stored, whatever becomes of them later.
func (b *Box[S]) Doubt(items []Item[S]) {
	b.mu.Lock()
	defer b.mu.Unlock()
	runs(items, func(_ *Series[S], run []Item[S]) {
		last := run[0].Group
		b.groups++
		for i := range run {
			if g := run[i].Group; g != last {
				last = g
				b.groups++
			}
			run[i].Group = b.groups
		}
	})
}

// PutBack has items wait for the next Send. Kept ones that cannot have been stored
// lose their time.
func (b *Box[S]) PutBack(items []Item[S]) {
	b.mu.Lock()
	defer b.unlock()
	var points []Point
	runs(items, func(s *Series[S], run []Item[S]) {
		s.flight = false
		points = points[:0]
		for i := range run {
			run[i].done = true
			points = append(points, run[i].Point)
		}
		b.Unstamp(s, points)
		b.putBack(s, points)
	})
}

// Rescue puts back what a panic has kept from being settled.
func (b *Box[S]) Rescue(items []Item[S]) {
	for i := range items {
		if !items[i].done {
			b.PutBack(items[i : i+1])
		}
	}
}

func (b *Box[S]) putBack(s *Series[S], points []Point) {
	kept := make([]Point, 0, len(points)+len(s.waiting))
	for _, p := range points {
		switch {
		case p.N == 0 && p.Kept && !p.Marker: // Unstamp has merged it
		case p.Stamped:
			b.put(s, p)
		default:
			kept = append(kept, p)
			b.kept += p.weight()
		}
	}
	if len(kept) == 0 {
		return
	}
	b.enqueue(s)
	i := 0
	for i < len(s.waiting) && s.waiting[i].Stamped {
		i++
	}
	kept = append(kept, s.waiting[i:]...)
	s.waiting = append(s.waiting[:i:i], kept...)
	b.mergeAll(s)
}

// standing is what the receiver makes of a series, in the order in which they are
// sent while bad ones are looked for.
type standing uint8

const (
	accepted standing = iota
	unknown           // the zero Series is made with this
	onTrial           // was aside, and is tried again
	stoodAside
)

// How long a refused series is set aside, and after a refusal those that are known
// to be good go by themselves. At most maxWidth series are tried again at once.
const (
	asideFor  = 5 * time.Minute
	searchFor = 10 * time.Minute
	maxWidth  = 256
)

// aside is what is known of refused series.
type aside struct {
	refused bool          // ever
	last    time.Duration // when one was refused last
	width   int           // how many may be on trial
	trials  int           // how many are
}

func (a *aside) searching(now time.Duration) bool { return a.refused && now-a.last < searchFor }

// isAside says whether a sample of a series is not even asked for.
func (b *Box[S]) isAside(s *Series[S], now time.Duration) bool {
	if s.standing != stoodAside {
		return false
	}
	if now < s.until || b.trials >= b.width {
		return true
	}
	b.trials++
	s.standing = onTrial
	return false
}

// accept notes that the receiver has taken points of a series.
func (b *Box[S]) accept(s *Series[S]) {
	if s.standing == onTrial {
		b.trials--
		b.width = min(2*b.width, maxWidth)
	}
	s.standing = accepted
}

// Refuse gives up items of a series that the receiver refuses, and sets the series
// aside, with all that waits of it.
func (b *Box[S]) Refuse(items []Item[S], reason string) {
	b.mu.Lock()
	defer b.unlock()
	now := b.Clock.Now().Elapsed()
	b.refused, b.last = true, now
	runs(items, func(s *Series[S], run []Item[S]) {
		if s.standing == onTrial {
			b.trials--
			b.width = max(1, b.width/2)
		}
		s.flight = false
		s.standing, s.until, s.reason = stoodAside, now+asideFor, reason
		for i := range run {
			run[i].done = true
			b.record(&run[i].Point, Dropped(reason))
		}
		for i := range s.waiting {
			b.discount(&s.waiting[i])
			b.record(&s.waiting[i], Dropped(reason))
		}
		clear(s.waiting)
		s.waiting = s.waiting[:0]
	})
}

// IsTrial says whether items are of series that are tried again: when they are
// refused, nobody looks for the bad ones among them.
func (b *Box[S]) IsTrial(items []Item[S]) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(items) > 0 && items[0].standing == onTrial
}
