package outbox

import (
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// Reasons for not sending a sample on its own, or at all; values of the `reason` label.
const (
	// ReasonSuperseded: a later sample of the same series and chunk was sent.
	ReasonSuperseded = "superseded"
	// ReasonSameTime: another sample of the series has the same time.
	ReasonSameTime = "same_time"
	// ReasonForgotten: it was evicted from memory, and its chunk does not return it
	// again.
	ReasonForgotten = "forgotten"
)

// The limits of what waits. A point takes 48 bytes, so the two come to about 4 MiB.
// Above the first, kept points are merged; above the second, absolute ones stay with
// their chunks until there is room.
const (
	maxKept     = 32 << 10
	maxAbsolute = 48 << 10
	// firstGrain is the grain of the first merging, lastGrain the coarsest.
	firstGrain = int64(time.Second)
	lastGrain  = int64(2 * time.Hour)
)

// keepSeries is how long a series without waiting points is remembered; eviction begins
// at sweepFrom series.
const (
	keepSeries = time.Hour
	sweepFrom  = 4096
)

// Rules are how a receiver handles points. All but Clock are called with the Box
// locked, and must not call it.
type Rules[S any] struct {
	Clock timefix.Clock
	// Key appends what identifies a series at the receiver.
	Key func(dst []byte, id *metric.Series) []byte
	// New creates the receiver's own state of a series.
	New func(id *metric.Series) S
	// Read returns the point of a sample, with Value and Dist, and At for an absolute
	// one.
	Read func(s *Series[S], sample *metric.Sample) (Point, SampleOutcome)
	// IsKept reports whether a sample's point is a kept one.
	IsKept func(sample *metric.Sample) bool
	// Merge adds an older kept point of the series to newer; neither of them is stamped.
	Merge func(newer *Point, older *Point)
	// Stamp sets At, the time at the receiver, of a point that is about to be sent, if
	// it has none yet, and returns what happens to it. It gets a series' points in
	// order. before is the point of this request that was stamped last, or nil.
	Stamp func(s *Series[S], p, before *Point) SampleOutcome
	// Unstamp reverses Stamp for points of a series that certainly did not arrive.
	// Sealed points stay stamped.
	Unstamp func(s *Series[S], points []Point)
	// Cost returns the size of n points of a series in a request.
	Cost func(s *Series[S], n int) (points, bytes int)
	// Remember, if not nil, reports whether the state of a series must be kept although
	// it has been silent for long.
	Remember func(s *Series[S]) bool
	// All keeps each absolute point of a chunk, and not the newest of each series alone.
	All bool
	// Grain is the time, in ns of arrival, in which a kept series has one point at most;
	// points of one chunk are always merged.
	Grain int64
}

// SampleOutcome is what happens to a sample or a point. The zero value is to send it.
type SampleOutcome struct {
	what   outcomeKind
	reason string
}

type outcomeKind uint8

const (
	send outcomeKind = iota
	drop
	absorb
	taken
	replaces
)

// Dropped drops it, and counts it under the reason.
func Dropped(reason string) SampleOutcome { return SampleOutcome{drop, reason} }

// Absorbed does not send it on its own, and counts it under the reason.
func Absorbed(reason string) SampleOutcome { return SampleOutcome{absorb, reason} }

// Taken leaves it to the caller of Stamp, which has kept a copy.
func Taken() SampleOutcome { return SampleOutcome{what: taken} }

// Replaces sends it instead of the one stamped before. A kept one includes that one's
// samples; an absolute one is absorbed.
func Replaces() SampleOutcome { return SampleOutcome{what: replaces} }

// Point is one waiting value of one series.
type Point struct {
	// At is the receiver's time once Stamped is set. Before, it is a kept point's
	// arrival, in ns of timefix.Instant.Elapsed.
	At    int64
	Value float64
	Dist  *metric.Distribution
	// Exemplars are those of the sample, nil without.
	Exemplars *metric.Exemplars
	// Group is not 0 once the point may have been stored: points of one series with the
	// same group have been in the same requests.
	Group uint32
	// N is how many samples a kept point includes.
	N             int32
	Kept, Stamped bool
	// Marker is set by a sink for a point without a sample.
	Marker bool

	seq   uint32 // the job's; of a kept point the oldest one's
	index int32  // an absolute sample's position
}

// Sealed reports whether the point may have been stored: its time and value must not
// change.
func (p *Point) Sealed() bool { return p.Group != 0 }

// Cover adds an older point's samples to a kept point; the older one then has none, and
// is not put back.
func (p *Point) Cover(older *Point) {
	p.N += older.N
	p.seq = min(p.seq, older.seq)
	older.N = 0
}

// Series is one series at one receiver, with its waiting points.
type Series[S any] struct {
	ID  *metric.Series
	Own S

	waiting  []Point // stamped ones by time, then kept ones by arrival
	queued   bool
	inFlight bool   // points of it are being sent
	gathered uint32 // the last job with an absolute point of it
	used     time.Duration
	status   seriesStatus
	until    time.Duration // end of being set aside
	reason   string        // why it is set aside
}

// First is the first waiting point; there must be one.
func (s *Series[S]) First() *Point { return &s.waiting[0] }

// Item is a point that is being sent.
type Item[S any] struct {
	*Series[S]
	Point
	done bool // it is not being sent any more
}

// Box holds what waits for one receiver. It is safe for concurrent use; Begin to End
// belong to one goroutine.
type Box[S any] struct {
	Rules[S]

	mu sync.Mutex
	contents[S]
	key []byte
	out []Item[S] // of the last Request
}

// contents is what another Box can inherit.
type contents[S any] struct {
	byRef   map[*metric.Series]*Series[S]
	byKey   map[uint64]*Series[S]
	sweep   int // evict series above this number
	jobs    map[*delivery.Job]*job
	order   []*job // by seq
	seq     uint32
	queue   []*Series[S] // that have waiting points, in the order in which they got them
	sending []*Series[S] // those that are sent in this Send
	kept    int          // waiting points, by weight
	limit   int          // of kept, above which merging is worthwhile
	grain   int64
	offset  int64 // from elapsed to wall, when the last job was admitted
	// absolute is how many absolute points are waiting, ungathered how many jobs have
	// some that are not added yet.
	absolute, ungathered int
	groups               uint32
	aside
	pendingDrops []pendingDrop
	settlements  settlements
}

// New makes an empty Box.
func New[S any](r Rules[S]) *Box[S] {
	return &Box[S]{Rules: r, contents: contents[S]{
		byRef: map[*metric.Series]*Series[S]{}, byKey: map[uint64]*Series[S]{},
		jobs: map[*delivery.Job]*job{}, sweep: sweepFrom, limit: maxKept, grain: r.Grain, aside: aside{width: 1},
	}}
}

// Inherit takes over all that old holds, with what is known of its series. Both have
// the same Rules, this one is new, and nobody uses old any more.
func (b *Box[S]) Inherit(old *Box[S]) {
	old.mu.Lock()
	defer old.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.contents, old.contents = old.contents, New(old.Rules).contents
}

// Admit adds a chunk's kept points, and its absolute ones if there is room and no
// earlier chunk has any left. It settles what cannot be sent. It does not block.
func (b *Box[S]) Admit(j *delivery.Job) {
	samples := j.Samples()
	b.mu.Lock()
	defer b.unlock()
	b.seq++
	st := &job{Job: j, seq: b.seq, positions: len(samples), gathered: true}
	b.jobs[j] = st
	b.order = append(b.order, st)
	b.offset = j.Arrived.Offset()
	now := b.Clock.Now().Elapsed()
	inTurn := !j.Provisional && b.ungathered == 0 && b.absolute < maxAbsolute
	for i := range samples {
		switch {
		case j.IsDone(i):
		case inTurn || b.IsKept(&samples[i]):
			b.admit(st, i, &samples[i], now)
		default:
			st.gathered = false
		}
	}
	if !st.gathered {
		b.ungathered++
	}
	if b.kept > b.limit {
		b.coarsen()
	}
}

func (b *Box[S]) admit(st *job, i int, sample *metric.Sample, now time.Duration) {
	s := b.seriesOf(sample.Series, now)
	p, f := b.Read(s, sample)
	switch {
	case f.what != send:
		b.note(st, i, f)
	case b.isAside(s, now):
		b.note(st, i, Dropped(s.reason))
	case b.IsKept(sample):
		p.Kept = true
		p.At, p.seq, p.N = int64(st.Arrived.Elapsed()), st.seq, 1
		st.kept.Add(i)
		b.keep(s, p)
	default:
		p.seq, p.index, p.Stamped = st.seq, int32(i), true
		b.putNewest(s, p)
	}
}

// keep adds a kept point after all waiting ones of its series.
func (b *Box[S]) keep(s *Series[S], p Point) {
	b.enqueue(s)
	if n := len(s.waiting); n > 0 && b.mergeable(&s.waiting[n-1], &p) {
		b.kept -= s.waiting[n-1].weight()
		b.merge(&p, &s.waiting[n-1])
		s.waiting = s.waiting[:n-1]
	}
	s.waiting = append(s.waiting, p)
	b.kept += p.weight()
}

// mergeable reports whether two kept points are in the same grain of time, and neither
// has a time of its own.
func (b *Box[S]) mergeable(older, newer *Point) bool {
	if !older.Kept || older.Stamped || older.Marker || newer.Marker {
		return false
	}
	if older.At == newer.At {
		return true
	}
	return b.grain > 0 && (older.At+b.offset)/b.grain == (newer.At+b.offset)/b.grain
}

func (b *Box[S]) merge(newer, older *Point) {
	b.Merge(newer, older)
	newer.N += older.N
	newer.seq = older.seq
}

// weight is the memory of a point, relative to that of a plain one.
func (p *Point) weight() int {
	if p.Dist == nil {
		return 1
	}
	return 4 + (len(p.Dist.Counts)+2*len(p.Dist.Values))/6
}

// coarsen increases the grain until the kept points fit, or nothing is left to merge.
func (b *Box[S]) coarsen() {
	var several []*Series[S] // one point of a series has none to merge with
	for _, s := range append(b.queue, b.sending...) {
		if len(s.waiting) > 1 {
			several = append(several, s)
		}
	}
	for grain := max(2*b.grain, firstGrain); grain <= lastGrain && b.kept > maxKept*3/4 && len(several) > 0; grain *= 2 {
		b.grain = grain
		for _, s := range several {
			b.mergeAll(s)
		}
	}
	b.limit = max(maxKept, 2*b.kept)
}

func (b *Box[S]) mergeAll(s *Series[S]) {
	kept := s.waiting[:0]
	for i := range s.waiting {
		p := &s.waiting[i]
		if n := len(kept); n > 0 && p.Kept && !p.Stamped && b.mergeable(&kept[n-1], p) {
			before := kept[n-1].weight() + p.weight()
			b.merge(p, &kept[n-1])
			kept[n-1] = *p
			b.kept += p.weight() - before
			continue
		}
		kept = append(kept, *p)
	}
	clear(s.waiting[len(kept):])
	s.waiting = kept
}

func (b *Box[S]) enqueue(s *Series[S]) {
	if !s.queued {
		s.queued = true
		b.queue = append(b.queue, s)
	}
}

// seriesOf returns the receiver's series for an identity.
func (b *Box[S]) seriesOf(id *metric.Series, now time.Duration) *Series[S] {
	s := b.byRef[id]
	if s == nil {
		s = b.find(id, now)
	}
	s.used = now
	return s
}

func (b *Box[S]) find(id *metric.Series, now time.Duration) *Series[S] {
	b.key = b.Key(b.key[:0], id)
	h := xxhash.Sum64(b.key)
	s := b.byKey[h]
	if s == nil {
		b.evictSilent(now)
		s = &Series[S]{ID: id, Own: b.New(id), status: unknown}
		b.byKey[h] = s
	}
	if len(b.byRef) > 2*len(b.byKey)+sweepFrom {
		clear(b.byRef) // identities that are not in use any more
	}
	b.byRef[id] = s
	return s
}

// evictSilent evicts series that have been silent for long, whenever the number has doubled.
func (b *Box[S]) evictSilent(now time.Duration) {
	if len(b.byKey) < b.sweep {
		return
	}
	for h, s := range b.byKey {
		if now-s.used > keepSeries && !s.queued && !s.inFlight && (b.Remember == nil || !b.Remember(s)) {
			delete(b.byKey, h)
		}
	}
	clear(b.byRef)
	b.sweep = max(sweepFrom, 2*len(b.byKey))
}

// Waits reports whether anything is to be sent.
func (b *Box[S]) Waits() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.queue)+len(b.sending) > 0
}

// Do calls f with the Box locked, to read and write a series' own state.
func (b *Box[S]) Do(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

// Mark adds a marker after the waiting points of a known series. A later sample of the
// series, from marker.At on in the receiver's time, removes it.
func (b *Box[S]) Mark(id *metric.Series, marker func(s *Series[S]) Point) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.key = b.Key(b.key[:0], id)
	s := b.byKey[xxhash.Sum64(b.key)]
	if s == nil || s.status == setAside {
		return
	}
	p := marker(s)
	p.Kept, p.Marker = true, true
	if n := len(s.waiting); n > 0 {
		if last := s.waiting[n-1]; last.Marker || last.Stamped && last.At > p.At {
			return
		}
	}
	b.keep(s, p)
}
