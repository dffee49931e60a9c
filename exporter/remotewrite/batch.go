package remotewrite

import (
	"cmp"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"out_edge/plugin/delivery"
	"out_edge/plugin/delivery/outbox"
)

// batch is the points of one request. Each part is points of one series that are, as
// far as is known, either all stored or none.
type batch struct {
	sink  *Sink
	items []item // by series, then by time
	parts []part
	// trial is set for series that had been set aside: if they are refused, the bad ones
	// are not searched.
	trial  bool
	asked  int // requests
	lo, hi int // parts of the last request
	// retake is set when refused points were put back to be sent one by one.
	retake bool
	sorted []item // for a request with late points
}

type part struct {
	lo, hi int32 // in items
	sealed bool  // it may have been stored by a request
}

// Load makes each group of a series' points a part.
func (b *batch) Load(items []item, trial bool) (parts int) {
	b.items, b.trial, b.asked, b.parts = items, trial, 0, b.parts[:0]
	for i := range b.items {
		it := &b.items[i]
		if n := len(b.parts) - 1; i > 0 && b.items[i-1].Series == it.Series && b.items[i-1].Group == it.Group && !it.Own.single {
			b.parts[n].hi++
			continue
		}
		b.parts = append(b.parts, part{lo: int32(i), hi: int32(i + 1), sealed: it.Sealed()})
	}
	return len(b.parts)
}

// of returns the points of some parts.
func (b *batch) of(lo, hi int) []item { return b.items[b.parts[lo].lo:b.parts[hi-1].hi] }

// Body encodes parts.
func (b *batch) Body(lo, hi int) []byte {
	if b.asked > 0 && b.sink.storesPart {
		b.seal(b.lo, b.hi)
	}
	b.asked, b.lo, b.hi = b.asked+1, lo, hi
	return b.sink.encode(b.of(lo, hi))
}

// Delivered settles parts that the receiver has accepted.
func (b *batch) Delivered(lo, hi int, a delivery.Answer) {
	items := b.of(lo, hi)
	if b.sink.cfg.DryRun {
		b.sink.encoded = nil
		b.sink.box.Settle(items, outbox.Absorbed(delivery.ReasonDryRun))
		return
	}
	b.sink.box.Do(func() {
		for i := range items {
			o := &items[i].Own
			o.stored = max(o.stored, items[i].At)
			o.single, o.disorders = false, 0
			o.exemplars = max(o.exemplars, newestExemplar(items[i].Exemplars))
		}
	})
	if b.sink.lostHistograms(items, a.Header) {
		items = b.keepHistograms(items)
	}
	lost := b.notWritten(items, a.Header)
	b.sink.box.Deliver(items[:len(items)-lost])
	if lost > 0 {
		b.sink.box.Settle(items[len(items)-lost:], outbox.Dropped(reasonNotWritten))
		b.sink.sender.LogRefused(reasonNotWritten)
	}
}

// notWritten returns how many of the points the receiver reports as not written.
func (b *batch) notWritten(items []item, h http.Header) int {
	written, err := strconv.Atoi(h.Get(headerWritten))
	if err != nil || written < 0 || !b.sink.sentVersion2 {
		return 0
	}
	values := 0
	for i := range items {
		samples, _ := b.sink.encoder.written(&items[i])
		values += samples
	}
	return min(max(values-written, 0), len(items))
}

// keepHistograms puts exponential histograms back, which then go in their classic form,
// and returns the other points.
func (b *batch) keepHistograms(items []item) (others []item) {
	for i := range items {
		if _, histograms := b.sink.encoder.written(&items[i]); histograms == 0 {
			others = append(others, items[i])
			continue
		}
		b.sink.box.Do(func() { items[i].Own.stored = never })
		b.sink.box.PutBack(items[i : i+1])
	}
	b.sink.giveUpNative("it does not say that it has written them")
	b.retake = true
	return others
}

// Refused settles a part that is refused on its own, for its time or for its series.
func (b *batch) Refused(i int, reason string) (lost bool) {
	items, p, s := b.of(i, i+1), &b.parts[i], b.sink
	o := &items[0].Own
	switch {
	case !isOrder(reason):
		s.box.Refuse(items, reason)
		return true
	case b.stored(p, items, reason):
		s.box.Do(func() { o.stored = max(o.stored, items[len(items)-1].At) })
		s.box.Settle(items, outbox.Absorbed(reasonResent))
		return false
	case len(items) > 1:
		o.single, b.retake = true, true
		s.box.PutBack(items)
		return false
	}
	b.disorder(items, reason)
	return true
}

// stored reports whether a part that is refused for its time is already stored: when it
// was sent first, it was newer than everything that the receiver had, and one of its
// requests may have stored it.
func (b *batch) stored(p *part, items []item, reason string) bool {
	return p.sealed && reason != reasonTooNew && items[0].At > items[0].Own.stored
}

// asideDisorders is how often in a row the newest point of a series must be refused for
// its time until the series is set aside: another sender writes it, or the clock is
// wrong.
const asideDisorders = 3

// disorder drops a point that is refused for its time.
func (b *batch) disorder(one []item, reason string) {
	s, it := b.sink, &one[0]
	o := &it.Own
	if reason == reasonOutOfOrder || reason == reasonTooOld {
		o.floor = max(o.floor, it.At)
		if o.stored == never {
			s.oldUntil = max(s.oldUntil, it.At)
		}
	}
	if it.At > o.stored && it.At == o.given {
		if o.disorders++; o.disorders >= asideDisorders {
			s.box.Refuse(one, reason)
			return
		}
	}
	s.box.Settle(one, outbox.Dropped(reason))
}

// Kept returns parts to wait for the next Send.
func (b *batch) Kept(lo, hi int) { b.sink.box.PutBack(b.of(lo, hi)) }

// Uncertain notes that parts may have been stored.
func (b *batch) Uncertain(lo, hi int) {
	b.sink.box.MarkUncertain(b.of(lo, hi))
	b.seal(lo, hi)
}

func (b *batch) seal(lo, hi int) {
	for i := range b.parts[lo:hi] {
		b.parts[lo+i].sealed = true
	}
}

// Trim settles points at either end that need no request: series on trial of which one
// was refused, and points older than one that was refused as out of order.
func (b *batch) Trim(lo, hi int) (int, int) {
	if b.trial && b.asked > 0 && lo < hi {
		b.sink.box.Refuse(b.of(lo, hi), b.sink.reason)
		return hi, hi
	}
	for lo < hi && b.isOld(lo) {
		b.sink.box.Settle(b.of(lo, lo+1), outbox.Dropped(reasonOutOfOrder))
		lo++
	}
	for lo < hi && b.isOld(hi-1) {
		hi--
		b.sink.box.Settle(b.of(hi, hi+1), outbox.Dropped(reasonOutOfOrder))
	}
	return lo, hi
}

func (b *batch) isOld(i int) bool {
	it := &b.items[b.parts[i].lo]
	return b.parts[i].hi-b.parts[i].lo == 1 && !it.Kept && !b.parts[i].sealed && it.At < it.Own.floor
}

// NewerFirst sends the newest of the points first that a restart seems to have made
// late: if it is refused, the older ones need not be sent.
func (b *batch) NewerFirst(lo, hi int) bool {
	for _, it := range b.of(lo, hi) {
		if it.At > b.sink.oldUntil || it.Own.stored != never {
			return false
		}
	}
	return true
}

// lateBatch is points that are older than what the receiver has of their series, the
// least late first: a receiver that refuses one refuses later ones too.
type lateBatch struct{ batch }

// lateFor is how long the plugin assumes that a receiver refuses late points.
const lateFor = 5 * time.Minute

func lateness(it *item) int64 { return it.Own.stored - it.At }

// sendLate sends late points, if the receiver accepts them. The least late one shows
// whether it does.
func (s *Sink) sendLate() {
	slices.SortFunc(s.late, func(a, b item) int { return cmp.Compare(lateness(&a), lateness(&b)) })
	if s.clock.Now().Elapsed() > s.lateUntil {
		s.minLate = math.MaxInt64
	}
	for len(s.late) > 0 {
		n := min(len(s.late), maxRequestPoints/4)
		b := lateBatch{batch{sink: s, items: s.late[:n]}}
		s.late = s.late[n:]
		for i := range b.items {
			b.parts = append(b.parts, part{lo: int32(i), hi: int32(i + 1), sealed: b.items[i].Sealed()})
		}
		s.run.Deliver(&b, n)
	}
	s.late = nil
}

// Body sorts the points of each series by time.
func (b *lateBatch) Body(lo, hi int) []byte {
	b.sorted = append(b.sorted[:0], b.of(lo, hi)...)
	slices.SortStableFunc(b.sorted, func(x, y item) int {
		return cmp.Or(slices.Compare(x.Own.fields[0], y.Own.fields[0]), cmp.Compare(x.At, y.At))
	})
	return b.sink.encode(b.sorted)
}

// Trim drops what is later than a point that was refused.
func (b *lateBatch) Trim(lo, hi int) (int, int) {
	cut := hi
	for cut > lo && lateness(&b.items[cut-1]) >= b.sink.minLate {
		cut--
	}
	if cut < hi {
		b.sink.box.Settle(b.of(cut, hi), outbox.Dropped(reasonOutOfOrder))
	}
	return lo, cut
}

// NewerFirst is false: the least late one is the first.
func (b *lateBatch) NewerFirst(int, int) bool { return false }

// Refused drops a point.
func (b *lateBatch) Refused(i int, reason string) (lost bool) {
	it := b.of(i, i+1)
	switch {
	case !isOrder(reason):
		b.sink.box.Refuse(it, reason)
	case b.parts[i].sealed && reason == reasonDuplicate:
		b.sink.box.Settle(it, outbox.Absorbed(reasonResent))
		return false
	default:
		if reason == reasonOutOfOrder || reason == reasonTooOld {
			b.sink.minLate = min(b.sink.minLate, lateness(&it[0]))
			b.sink.lateUntil = b.sink.clock.Now().Elapsed() + lateFor
		}
		b.sink.box.Settle(it, outbox.Dropped(reason))
	}
	return true
}

func stale() float64 { return math.Float64frombits(staleNaN) }
