package outbox

import (
	"slices"
	"time"
)

// Limit is the maximum size of one request.
type Limit struct{ Points, Bytes int }

// Begin starts a Send with all series that have waiting points: accepted ones first, so
// that a search for bad ones does not affect good ones.
func (b *Box[S]) Begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sending = append(b.sending, b.queue...)
	b.queue = nil
	if b.searching(b.Clock.Now().Elapsed()) {
		slices.SortStableFunc(b.sending, func(x, y *Series[S]) int { return int(x.status) - int(y.status) })
	}
}

// Take appends the points of as many series as fit one request, at least one, stamped;
// none means that nothing is left in this Send. Series of different standing are not
// mixed while bad ones are searched.
func (b *Box[S]) Take(dst []Item[S], room Limit) []Item[S] {
	b.mu.Lock()
	defer b.unlock()
	now := b.Clock.Now()
	var first seriesStatus
	for i := 0; len(b.sending) > 0; i++ {
		s := b.sending[0]
		switch {
		case i == 0:
			first = s.status
		case s.status != first && b.searching(now.Elapsed()):
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
		b.sending = b.sending[1:]
		if i == 0 && len(dst) == 0 { // nothing of it is sent
			i = -1
		}
	}
	return dst
}

// fit returns how many points of a series fit, and reserves that room.
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

// stamp moves the first n points of a series to dst.
func (b *Box[S]) stamp(dst []Item[S], s *Series[S], n int) []Item[S] {
	from := len(dst)
	for i := range s.waiting[:n] {
		p := &s.waiting[i]
		b.uncount(p)
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
				b.absorbPoint(before, ReasonSameTime)
			}
			*before = *p
		case taken:
		default:
			b.recordOutcome(p, f)
		}
	}
	rest := copy(s.waiting, s.waiting[n:])
	clear(s.waiting[rest:])
	s.waiting = s.waiting[:rest]
	s.inFlight = true
	return dst
}

func (b *Box[S]) uncount(p *Point) {
	if p.Kept {
		b.kept -= p.weight()
	} else {
		b.absolute--
	}
}

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

// Deliver settles items that the receiver has accepted.
func (b *Box[S]) Deliver(items []Item[S]) {
	b.mu.Lock()
	defer b.unlock()
	runs(items, func(s *Series[S], run []Item[S]) {
		s.inFlight = false
		b.accept(s)
		for i := range run {
			run[i].done = true
			b.recordOutcome(&run[i].Point, SampleOutcome{})
		}
	})
}

// Settle settles items that are not to be sent again.
func (b *Box[S]) Settle(items []Item[S], f SampleOutcome) {
	b.mu.Lock()
	defer b.unlock()
	runs(items, func(s *Series[S], run []Item[S]) {
		s.inFlight = false
		for i := range run {
			run[i].done = true
			b.recordOutcome(&run[i].Point, f)
		}
	})
}

// MarkUncertain notes that items may have been stored, whatever is reported about them later.
func (b *Box[S]) MarkUncertain(items []Item[S]) {
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

// PutBack returns items to wait for the next Send. Kept ones that cannot have been
// stored lose their time.
func (b *Box[S]) PutBack(items []Item[S]) {
	b.mu.Lock()
	defer b.unlock()
	var points []Point
	runs(items, func(s *Series[S], run []Item[S]) {
		s.inFlight = false
		points = points[:0]
		for i := range run {
			run[i].done = true
			points = append(points, run[i].Point)
		}
		b.Unstamp(s, points)
		b.putBack(s, points)
	})
}

// Rescue puts back items that a panic has left unsettled.
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

// seriesStatus is the receiver's judgement of a series. While bad series are searched, they
// are sent in this order.
type seriesStatus uint8

const (
	accepted seriesStatus = iota
	unknown               // the zero Series is made with this
	onTrial               // was set aside, and is tried again
	setAside
)

// asideTime is how long a refused series is set aside, searchTime how long after a
// refusal good series are sent separately. At most maxWidth series are tried again at
// once.
const (
	asideTime  = 5 * time.Minute
	searchTime = 10 * time.Minute
	maxWidth   = 256
)

// aside is the state for refused series.
type aside struct {
	refused bool          // a series was refused at some time
	last    time.Duration // time of the last refusal
	width   int           // how many may be tried at once
	trials  int           // how many are being tried
}

func (a *aside) searching(now time.Duration) bool { return a.refused && now-a.last < searchTime }

// isAside reports whether a sample of a series is dropped without sending it.
func (b *Box[S]) isAside(s *Series[S], now time.Duration) bool {
	if s.status != setAside {
		return false
	}
	if now < s.until || b.trials >= b.width {
		return true
	}
	b.trials++
	s.status = onTrial
	return false
}

// accept notes that the receiver has accepted points of a series.
func (b *Box[S]) accept(s *Series[S]) {
	if s.status == onTrial {
		b.trials--
		b.width = min(2*b.width, maxWidth)
	}
	s.status = accepted
}

// Refuse drops items of a series that the receiver refuses, and sets the series aside
// with all its waiting points.
func (b *Box[S]) Refuse(items []Item[S], reason string) {
	b.mu.Lock()
	defer b.unlock()
	now := b.Clock.Now().Elapsed()
	b.refused, b.last = true, now
	runs(items, func(s *Series[S], run []Item[S]) {
		if s.status == onTrial {
			b.trials--
			b.width = max(1, b.width/2)
		}
		s.inFlight = false
		s.status, s.until, s.reason = setAside, now+asideTime, reason
		for i := range run {
			run[i].done = true
			b.recordOutcome(&run[i].Point, Dropped(reason))
		}
		for i := range s.waiting {
			b.uncount(&s.waiting[i])
			b.recordOutcome(&s.waiting[i], Dropped(reason))
		}
		clear(s.waiting)
		s.waiting = s.waiting[:0]
	})
}

// IsTrial reports whether items are of series that are tried again: if they are
// refused, the bad ones are not searched.
func (b *Box[S]) IsTrial(items []Item[S]) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(items) > 0 && items[0].status == onTrial
}
