package remotewrite

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"out_edge/plugin/delivery"
)

// The bounds of one request. Prometheus itself sends up to 2,000 samples; 1 MiB is
// far under what receivers take.
const (
	maxRequestPoints = 2000
	maxRequestBytes  = 1 << 20
	// probePoints bounds the first request after a failure: while a receiver is
	// down, or a link is, each try costs little.
	probePoints = 64
)

// The bounds on the search for refused points, in requests that were refused. What
// is left is tried again later. The lower one holds while the receiver has never
// accepted anything: it may be none.
const (
	maxRefusals         = 64
	maxRefusalsUnproven = 16
)

// item is one point on its way, or a staleness marker, which has no entry.
type item struct {
	out   *output
	ms    int64
	value float64
	entry *entry
	index int32 // in entry.points
	tried bool
}

func compareItems(a, b item) int {
	return cmp.Or(cmp.Compare(a.out.id, b.out.id), cmp.Compare(a.ms, b.ms))
}

// batch sends what waits. It is used by one Send at a time, and reused.
type batch struct {
	sender  *Sender
	ctx     context.Context
	number  uint32
	entries []*entry
	// items are newer than all that was accepted of their series, late are
	// not. Both are sorted by series, then by time.
	items, late []item
	failed      *delivery.RetryError
	refusals    int
	// proven is set once the receiver has accepted something, or refused it
	// for a reason that only a receiver gives.
	proven bool
	// probing is set after a failure.
	probing bool

	// below is what a refusal has told of other points: those of this series
	// that are older than belowMs have the fate belowFate.
	below     *output
	belowMs   int64
	belowFate fate
	// oldUntil is the newest time (ms) at which a point of a series that this
	// process had not sent was refused as out of order: a restart has let an
	// old chunk come after newer ones.
	oldUntil int64
	// there is the series of which a point turned out to have arrived with an
	// earlier try.
	there *output

	counts tally
}

// run sends all entries, and returns why not everything is settled, or nil. What
// it has taken of them is handed back even if it panics.
func (b *batch) run(ctx context.Context) *delivery.RetryError {
	b.ctx, b.failed, b.refusals = ctx, nil, 0
	b.below, b.there = nil, nil
	defer b.finish()
	if hold := b.begin(); hold > 0 {
		return &delivery.RetryError{After: hold, Err: errHold}
	}
	defer b.counts.report(b.sender.meter)
	b.sendAll(b.items, false)
	b.sendAll(b.late, true)
	return b.failed
}

// begin gathers what waits, unless the receiver must not be asked yet: then it
// tells for how long.
func (b *batch) begin() (hold time.Duration) {
	s := b.sender
	s.mu.Lock()
	defer s.mu.Unlock()
	if hold = s.holdUntil - s.elapsed(); hold > 0 {
		return hold
	}
	b.gather()
	return 0
}

// errHold says that the receiver has asked not to be asked.
var errHold = errors.New("send metrics: the receiver asked to wait, and the wait is not over")

// gather takes the points of all entries, and markers for series that have ended.
func (b *batch) gather() {
	s := b.sender
	b.number++
	b.entries = append(b.entries[:0], s.entries...)
	b.items, b.late = b.items[:0], b.late[:0]
	for _, e := range b.entries {
		e.batched = true
		for i := range e.points {
			p := &e.points[i]
			if p.out == nil {
				continue
			}
			p.out.join(b.number, p.ms)
			b.items = append(b.items, item{p.out, p.ms, p.value, e, int32(i), p.tried})
		}
	}
	b.addMarkers()
	if !slices.IsSortedFunc(b.items, compareItems) {
		slices.SortStableFunc(b.items, compareItems)
	}
	b.unique()
}

// addMarkers adds a marker for each series that has expired and not come back. It
// follows the points that have waited since before.
func (b *batch) addMarkers() {
	now := b.sender.clock.Now().Wall / 1e6
	for o, expired := range b.sender.stale {
		waits, last := o.batch == b.number, o.last
		if waits {
			last = max(last, o.newest)
		}
		if waits && o.newest > expired || last == never {
			delete(b.sender.stale, o)
			continue
		}
		b.items = append(b.items, item{out: o, ms: max(now, last+1), value: math.Float64frombits(staleNaN), index: -1})
	}
}

// unique leaves one item for each series and millisecond, the last, and none where
// one was accepted before; and takes the late ones out.
func (b *batch) unique() {
	kept := b.items[:0]
	for i, it := range b.items {
		twice := i+1 < len(b.items) && b.items[i+1].out == it.out && b.items[i+1].ms == it.ms
		switch {
		case twice || it.ms == it.out.last:
			b.settleItem(it, sameTime)
		case it.ms < it.out.last:
			b.late = append(b.late, it)
		default:
			kept = append(kept, it)
		}
	}
	b.items = kept
}

// settleItem gives an item its fate. The caller holds the Sender's mutex.
func (b *batch) settleItem(it item, f fate) {
	if it.entry == nil {
		delete(b.sender.stale, it.out)
		return
	}
	it.entry.settle(it.index, f, &b.counts)
}

// sendAll sends items, a request at a time.
func (b *batch) sendAll(items []item, late bool) {
	for len(items) > 0 && b.failed == nil {
		n := b.cut(items)
		b.send(items[:n], late)
		items = items[n:]
	}
}

// cut is how many items the next request takes.
func (b *batch) cut(items []item) int {
	const pointBytes = 24
	limit := maxRequestPoints
	if b.probing {
		limit = probePoints
	}
	size, n := 0, 0
	for ; n < len(items) && n < limit; n++ {
		if n == 0 || items[n].out != items[n-1].out {
			size += len(items[n].out.labels)
		}
		if size += pointBytes; size > maxRequestBytes && n > 0 {
			break
		}
	}
	return n
}

// send settles items, in as many requests as that takes: what is refused is
// halved. In-order items go oldest first. Late ones go newest first: when the
// newest of a series is refused, the older ones need not be tried.
func (b *batch) send(items []item, late bool) {
	items = b.trim(items)
	if len(items) == 0 || b.failed != nil {
		return
	}
	res := b.sender.target.post(b.ctx, items)
	if res.uncertain {
		b.tried(items)
	}
	switch {
	case res.Action == delivery.Delivered:
		b.accepted(items, res.written)
	case res.Action != delivery.Split:
		b.fail(res)
	case len(items) == 1:
		b.refused(items[0], res, late)
	case b.tooManyRefusals(res):
	default:
		older, newer := items[:len(items)/2], items[len(items)/2:]
		late = late || b.areOld(items)
		if late {
			older, newer = newer, older
		}
		b.send(older, late)
		b.send(newer, late)
	}
}

// areOld tells whether items are what a refusal has shown to be old: points of
// series that this process has not sent, no newer than one that was refused.
func (b *batch) areOld(items []item) bool {
	b.sender.mu.Lock()
	defer b.sender.mu.Unlock()
	for i := range items {
		if items[i].ms > b.oldUntil || items[i].out.last != never {
			return false
		}
	}
	return true
}

// trim settles at either end what needs no request.
func (b *batch) trim(items []item) []item {
	if b.below == nil && b.there == nil {
		return items
	}
	b.sender.mu.Lock()
	defer b.sender.mu.Unlock()
	for n := len(items); n > 0 && items[n-1].out == b.below && items[n-1].ms < b.belowMs; n-- {
		b.settleItem(items[n-1], b.belowFate)
		items = items[:n-1]
	}
	for len(items) > 0 && items[0].out == b.there && items[0].tried {
		b.settleItem(items[0], resent)
		items = items[1:]
	}
	return items
}

// accepted settles items that the receiver has taken. written is how many samples
// it says it has written, or -1.
func (b *batch) accepted(items []item, written int) {
	b.proven, b.probing = true, false
	b.settleAccepted(items, written)
	if written >= 0 && written < len(items) {
		b.sender.target.tellRefused(notWritten)
	}
}

func (b *batch) settleAccepted(items []item, written int) {
	b.sender.mu.Lock()
	defer b.sender.mu.Unlock()
	before := b.counts[delivered]
	for _, it := range items {
		it.out.last = max(it.out.last, it.ms)
		b.settleItem(it, delivered)
	}
	if written >= 0 && written < len(items) {
		lost := min(len(items)-written, b.counts[delivered]-before)
		b.counts[delivered] -= lost
		b.counts[notWritten] += lost
	}
}

// refused settles a point that is refused by itself.
func (b *batch) refused(it item, res result, late bool) {
	b.refusals++
	f := res.fate
	switch {
	case !f.isVerdict() && !b.proven:
		// A receiver that has never accepted anything may be none, and this
		// no verdict on the point.
		b.failed = res.retry(errUnproven)
		return
	case f.isVerdict():
		b.proven = true
	}
	if it.tried && (f.isOrder() || f == duplicate) {
		b.there, f = it.out, resent
	}
	if late && f.isOrder() {
		b.below, b.belowMs, b.belowFate = it.out, it.ms, f
	}
	if f != resent {
		b.sender.target.tellRefused(f)
	}
	b.settleRefused(it, f)
}

func (b *batch) settleRefused(it item, f fate) {
	b.sender.mu.Lock()
	defer b.sender.mu.Unlock()
	if f.isOrder() && it.out.last == never {
		b.oldUntil = max(b.oldUntil, it.ms)
	}
	b.settleItem(it, f)
}

var (
	// errUnproven says why a refused point is kept.
	errUnproven = errors.New("send metrics: even a single point is refused, and nothing has been accepted so far: check `remote_write_url`")
	// errManyRefused ends a search for bad points that has cost enough.
	errManyRefused = errors.New("send metrics: many points are refused; the rest is tried again later")
)

// tooManyRefusals counts a refused request, and ends the search if it has cost
// enough.
func (b *batch) tooManyRefusals(res result) bool {
	b.refusals++
	limit := maxRefusals
	if !b.proven {
		limit = maxRefusalsUnproven
	}
	if b.refusals < limit {
		return false
	}
	b.failed = res.retry(errManyRefused)
	return true
}

// tried notes that items may have arrived, whatever an answer says of them.
func (b *batch) tried(items []item) {
	b.sender.mu.Lock()
	defer b.sender.mu.Unlock()
	for i := range items {
		it := &items[i]
		it.tried = true
		if it.entry != nil {
			it.entry.points[it.index].tried = true
		}
	}
}

// fail keeps what is not settled.
func (b *batch) fail(res result) {
	b.failed, b.probing = res.err, true
	if res.err.After > 0 {
		s := b.sender
		s.mu.Lock()
		defer s.mu.Unlock()
		s.holdUntil = s.elapsed() + res.err.After
	}
}

// finish hands the entries back.
func (b *batch) finish() {
	s := b.sender
	s.mu.Lock()
	defer s.mu.Unlock()
	shared := b.failed
	if b.ctx.Err() != nil { // the time of one chunk was up, not of all
		shared = nil
	}
	for _, e := range b.entries {
		e.batched = false
		e.compact()
		e.failed = shared
	}
	s.series.sweep(s.elapsed(), func(o *output) bool {
		_, stale := s.stale[o]
		return stale || o.batch == b.number
	})
	clear(b.entries)
	clear(b.items)
	clear(b.late)
	b.entries, b.items, b.late, b.ctx = b.entries[:0], b.items[:0], b.late[:0], nil
}
