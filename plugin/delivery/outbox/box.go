package outbox

import (
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// Reasons for which samples are not sent by themselves, or not at all; they are
// values of the `reason` label.
const (
	// ReasonSuperseded: a later sample of the same series and chunk went.
	ReasonSuperseded = "superseded"
	// ReasonSameTime: another sample has the series' place at that time.
	ReasonSameTime = "same_time"
	// ReasonForgotten: it had to make room in memory, and its chunk no longer gives
	// it.
	ReasonForgotten = "forgotten"
)

// The bounds of what waits. A point takes 48 bytes, so that the two come to some
// 4 MiB. Beyond the first, kept points are merged; beyond the second, absolute
// ones stay with their chunks until there is room.
const (
	maxKept     = 32 << 10
	maxAbsolute = 48 << 10
	// firstGrain is that of the first merging, lastGrain the coarsest.
	firstGrain = int64(time.Second)
	lastGrain  = int64(2 * time.Hour)
)

// keepSeries is how long a series is remembered that has nothing waiting;
// sweepFrom is how many there are before anybody looks.
const (
	keepSeries = time.Hour
	sweepFrom  = 4096
)

// Rules are what a receiver makes of points. All but Clock are called with the Box
// locked, and must not call it.
type Rules[S any] struct {
	Clock timefix.Clock
	// Key appends what tells a series from all others at the receiver.
	Key func(dst []byte, id *metric.Series) []byte
	// New makes the receiver's own state of a series.
	New func(id *metric.Series) S
	// Read makes the point of a sample, with Value and Dist, and for an absolute
	// one At.
	Read func(s *Series[S], sample *metric.Sample) (Point, Fate)
	// IsKept says of a sample that its point is a kept one.
	IsKept func(sample *metric.Sample) bool
	// Merge adds to newer what an older kept point of the series holds, neither
	// of them stamped.
	Merge func(newer *Point, older *Point)
	// Stamp gives a point that is about to leave its time at the receiver, At,
	// if it has none yet, and says what becomes of it. A series' points come
	// in order. before is the one that was stamped last of those that leave now,
	// or nil.
	Stamp func(s *Series[S], p, before *Point) Fate
	// Unstamp takes back from points of a series that certainly did not arrive
	// what Stamp has given them. Those of which Sealed is true keep it.
	Unstamp func(s *Series[S], points []Point)
	// Cost is what n points of a series take in a request.
	Cost func(s *Series[S], n int) (points, bytes int)
	// Remember, if not nil, says of a series that has been silent for long that
	// its state must not be forgotten.
	Remember func(s *Series[S]) bool
	// Grain is the time, in ns of arrival, in which a kept series has one point
	// at most; points of one chunk are always one.
	Grain int64
}

// Fate is what becomes of a sample or a point. The zero value is to send it.
type Fate struct {
	what   fate
	reason string
}

type fate uint8

const (
	send fate = iota
	drop
	absorb
	taken
	replaces
)

// Dropped gives it up, and counts that under the reason.
func Dropped(reason string) Fate { return Fate{drop, reason} }

// Absorbed has it not sent by itself, and counts that under the reason.
func Absorbed(reason string) Fate { return Fate{absorb, reason} }

// Taken leaves it to the caller of Stamp, who has kept a copy.
func Taken() Fate { return Fate{what: taken} }

// Replaces sends it in place of the one stamped before, which it holds too if it
// is kept; an absolute one is absorbed.
func Replaces() Fate { return Fate{what: replaces} }

// Point is one value of one series that waits.
type Point struct {
	// At is the receiver's time once Stamped is set. Before, it is a kept
	// point's arrival, in ns as timefix.Instant.Elapsed has it.
	At    int64
	Value float64
	Dist  *metric.Distribution
	// Exemplars are those of the sample, nil without.
	Exemplars *metric.Exemplars
	// Group is not 0 once the point may have been stored: points of one series
	// with the same one have been in the same requests.
	Group uint32
	// N is how many samples a kept point stands for.
	N             int32
	Kept, Stamped bool
	// Marker is set by a sink for a point that stands for no sample.
	Marker bool

	seq   uint32 // the job's: of a kept point the oldest
	index int32  // an absolute sample's position
}

// Sealed says that the point may have been stored: its time and value stand.
func (p *Point) Sealed() bool { return p.Group != 0 }

// Cover has a kept point stand for an older one's samples too, which then stands for
// none, and is not put back.
func (p *Point) Cover(older *Point) {
	p.N += older.N
	p.seq = min(p.seq, older.seq)
	older.N = 0
}

// Series is one series at one receiver, and what of it waits.
type Series[S any] struct {
	ID  *metric.Series
	Own S

	waiting  []Point // stamped ones by time, then kept ones by arrival
	queued   bool
	flight   bool   // points of it are on their way
	gathered uint32 // the job that had an absolute point of it last
	used     time.Duration
	standing standing
	until    time.Duration // of standing aside
	reason   string        // why it is aside
}

// First is the first point that waits; there must be one.
func (s *Series[S]) First() *Point { return &s.waiting[0] }

// Item is a point that is on its way.
type Item[S any] struct {
	*Series[S]
	Point
	done bool // it is not on its way any more
}

// Box is what waits for one receiver. It is safe for concurrent use; Begin to End
// are one goroutine's.
type Box[S any] struct {
	Rules[S]

	mu     sync.Mutex
	byRef  map[*metric.Series]*Series[S]
	byKey  map[uint64]*Series[S]
	sweep  int // how many series there may be until they are looked through
	key    []byte
	jobs   map[*delivery.Job]*job
	order  []*job // by seq
	seq    uint32
	queue  []*Series[S] // that have points waiting, in the order in which they got them
	turn   []*Series[S] // of them, those that leave in this Send
	kept   int          // points that wait, by what they weigh
	limit  int          // of kept, beyond which it is worth while to merge
	grain  int64
	offset int64 // from elapsed to wall, when a job was admitted last
	// absolute is how many points wait, ungathered how many jobs have some that do
	// not.
	absolute, ungathered int
	groups               uint32
	aside
	credits []credit
	ledger  ledger
	out     []Item[S] // of the last Request
}

// New makes an empty Box.
func New[S any](r Rules[S]) *Box[S] {
	return &Box[S]{
		Rules: r, byRef: map[*metric.Series]*Series[S]{}, byKey: map[uint64]*Series[S]{},
		jobs: map[*delivery.Job]*job{}, sweep: sweepFrom, limit: maxKept, grain: r.Grain, aside: aside{width: 1},
	}
}

// Admit takes a chunk's kept points, and its absolute ones if there is room and none of
// an earlier chunk are missing. It settles what cannot be sent. It does not block.
func (b *Box[S]) Admit(j *delivery.Job) {
	samples := j.Samples()
	b.mu.Lock()
	defer b.unlock()
	b.seq++
	st := &job{Job: j, seq: b.seq, positions: len(samples), gathered: true}
	b.jobs[j] = st
	b.order = append(b.order, st)
	b.offset = j.Arrived.Wall - int64(j.Arrived.Elapsed())
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

// keep puts a kept point behind all that waits of its series.
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

// mergeable tells whether two kept points are of one grain of time, and neither
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

// weight is the memory of a point, in that of a plain one.
func (p *Point) weight() int {
	if p.Dist == nil {
		return 1
	}
	return 4 + (len(p.Dist.Counts)+2*len(p.Dist.Values))/6
}

// coarsen makes the grain coarser until what is kept fits, or nothing is left to
// merge.
func (b *Box[S]) coarsen() {
	for grain := max(2*b.grain, firstGrain); grain <= lastGrain && b.kept > maxKept*3/4; grain *= 2 {
		b.grain = grain
		for _, s := range append(b.queue, b.turn...) {
			b.mergeAll(s)
		}
	}
	b.limit = max(maxKept, 2*b.kept)
}

func (b *Box[S]) mergeAll(s *Series[S]) {
	kept := s.waiting[:0]
	for _, p := range s.waiting {
		if n := len(kept); n > 0 && p.Kept && !p.Stamped && b.mergeable(&kept[n-1], &p) {
			before := kept[n-1].weight() + p.weight()
			b.merge(&p, &kept[n-1])
			kept[n-1] = p
			b.kept += p.weight() - before
			continue
		}
		kept = append(kept, p)
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

// seriesOf is the series at the receiver that an identity stands for.
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
		b.forget(now)
		s = &Series[S]{ID: id, Own: b.New(id), standing: unknown}
		b.byKey[h] = s
	}
	if len(b.byRef) > 2*len(b.byKey)+sweepFrom {
		clear(b.byRef) // identities that nobody has any more
	}
	b.byRef[id] = s
	return s
}

// forget lets go of series that have been silent for long, each time that there
// are twice as many as were left the last time.
func (b *Box[S]) forget(now time.Duration) {
	if len(b.byKey) < b.sweep {
		return
	}
	for h, s := range b.byKey {
		if now-s.used > keepSeries && !s.queued && !s.flight && (b.Remember == nil || !b.Remember(s)) {
			delete(b.byKey, h)
		}
	}
	clear(b.byRef)
	b.sweep = max(sweepFrom, 2*len(b.byKey))
}

// Waits says whether anything is to be sent.
func (b *Box[S]) Waits() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.queue)+len(b.turn) > 0
}

// Do calls f with the Box locked: a series' own state is read and written there.
func (b *Box[S]) Do(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

// Mark puts a marker behind what waits of a series that is known. From marker.At
// on, in the receiver's time, a sample of the series takes it away again.
func (b *Box[S]) Mark(id *metric.Series, marker func(s *Series[S]) Point) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.key = b.Key(b.key[:0], id)
	s := b.byKey[xxhash.Sum64(b.key)]
	if s == nil || s.standing == stoodAside {
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
