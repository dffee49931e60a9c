package outbox

import (
	"cmp"
	"slices"
	"time"

	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
)

// job is what is known of a chunk's job until it is settled.
type job struct {
	*delivery.Job
	seq  uint32
	kept delivery.Set // positions that a kept point stands for
	// positions is how many samples there were, those of other sinks among them.
	positions int
	gathered  bool // its absolute points have been taken
	// shared is a position that so many further points than one stand for.
	shared  int
	further int
}

// credit is kept samples that were given up: they are counted when a job is
// settled that may have had them.
type credit struct {
	reason string
	n      int
}

// ledger is what becomes of positions of jobs. Jobs are told with nothing locked.
type ledger struct {
	lines []line
	spare []line // the memory of lines that are done
}

// maxSpare is how many of those are kept.
const maxSpare = 4096

type line struct {
	*job
	index int
	Fate
}

func (l *ledger) add(j *job, index int, f Fate) { l.lines = append(l.lines, line{j, index, f}) }

// unlock tells the jobs what became of their positions, and counts it.
func (b *Box[S]) unlock() {
	lines := b.ledger.lines
	b.ledger.lines, b.ledger.spare = b.ledger.spare[:0], nil
	b.mu.Unlock()
	slices.SortStableFunc(lines, func(x, y line) int {
		return cmp.Or(cmp.Compare(x.seq, y.seq), cmp.Compare(x.what, y.what), cmp.Compare(x.reason, y.reason))
	})
	all := lines
	for len(lines) > 0 {
		n := 1
		for n < len(lines) && lines[n].job == lines[0].job && lines[n].Fate == lines[0].Fate {
			n++
		}
		settle(lines[:n])
		lines = lines[n:]
	}
	b.mu.Lock()
	if b.ledger.spare == nil && cap(all) <= maxSpare {
		clear(all)
		b.ledger.spare = all[:0]
	}
	b.mu.Unlock()
}

// settle settles positions of one job that have one fate.
func settle(lines []line) {
	j, f := lines[0].Job, lines[0].Fate
	at := func(k int) int { return lines[k].index }
	switch f.what {
	case drop:
		j.DropEach(f.reason, len(lines), at)
	case absorb:
		for _, l := range lines {
			j.Absorb(f.reason, l.index)
		}
	default:
		j.DeliverEach(len(lines), at)
	}
}

// Gather takes the absolute points of jobs that Admit had no room for, the oldest
// first, as far as there is room now, each once. It says whether there are more to come.
func (b *Box[S]) Gather(jobs []*delivery.Job) (more bool) {
	for _, j := range jobs {
		st, full := b.toGather(j)
		if full {
			return true
		}
		if st == nil {
			continue
		}
		if samples := j.Samples(); samples != nil {
			b.gather(st, samples)
		} else if samples, ok := j.Again(); ok { // which takes its time
			b.gatherAgain(st, samples)
		}
	}
	return false
}

// toGather is a job that has not been gathered, and whether there is no room now.
func (b *Box[S]) toGather(j *delivery.Job) (st *job, full bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	st = b.jobs[j]
	if st == nil || st.gathered {
		return nil, false
	}
	return st, b.absolute >= maxAbsolute
}

func (b *Box[S]) gather(st *job, samples []metric.Sample) {
	b.mu.Lock()
	defer b.unlock()
	now := b.isGathered(st)
	for i := range samples {
		if st.isMissing(i) {
			b.admit(st, i, &samples[i], now)
		}
	}
}

// gatherAgain takes samples that were made anew. Each stands for one that is missing of
// those that there were; where there are more, the last one is settled with the last of
// them, and what is missing still is given up.
func (b *Box[S]) gatherAgain(st *job, samples []metric.Sample) {
	b.mu.Lock()
	defer b.unlock()
	now := b.isGathered(st)
	samples = slices.DeleteFunc(samples, func(s metric.Sample) bool { return b.IsKept(&s) })
	var missing []int
	for i := range st.positions {
		if st.isMissing(i) {
			missing = append(missing, i)
		}
	}
	for _, i := range missing[min(len(samples), len(missing)):] {
		b.ledger.add(st, i, Dropped(ReasonForgotten))
	}
	if len(missing) == 0 {
		return
	}
	last := len(missing) - 1
	st.shared, st.further = missing[last], max(0, len(samples)-len(missing))
	for k := range samples {
		b.admit(st, missing[min(k, last)], &samples[k], now)
	}
}

// isGathered notes that a job's absolute points are taken, now.
func (b *Box[S]) isGathered(st *job) (now time.Duration) {
	st.gathered = true
	b.ungathered--
	return b.Clock.Now().Elapsed()
}

// isMissing says of a position that it is open, and that nothing stands for it.
func (st *job) isMissing(i int) bool { return !st.kept.Has(i) && !st.IsDone(i) }

// note notes what becomes of a position, once all that stands for it is settled.
func (b *Box[S]) note(st *job, i int, f Fate) {
	if st.further > 0 && i == st.shared {
		st.further--
		return
	}
	b.ledger.add(st, i, f)
}

// putNewest puts an absolute point among those that wait, unless a newer one of
// its chunk does, which it else takes the place of.
func (b *Box[S]) putNewest(s *Series[S], p Point) {
	if s.gathered == p.seq {
		for i := len(s.waiting) - 1; i >= 0; i-- {
			old := &s.waiting[i]
			if old.Kept || old.seq != p.seq {
				continue
			}
			if old.At > p.At {
				b.lose(&p, ReasonSuperseded)
				return
			}
			b.lose(old, ReasonSuperseded)
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
			b.absolute--
			break
		}
	}
	s.gathered = p.seq
	b.put(s, p)
}

// put puts a stamped point in its place by time. Of two at one time the later one
// to come counts, unless the earlier one may have been stored.
func (b *Box[S]) put(s *Series[S], p Point) {
	b.enqueue(s)
	if n := len(s.waiting) - 1; n >= 0 && s.waiting[n].Marker && !s.waiting[n].Stamped && p.At > s.waiting[n].At {
		b.discount(&s.waiting[n])
		s.waiting = s.waiting[:n]
	}
	i := len(s.waiting)
	for i > 0 && (!s.waiting[i-1].Stamped || s.waiting[i-1].At > p.At) {
		i--
	}
	if i > 0 && s.waiting[i-1].At == p.At && !p.Kept {
		if same := &s.waiting[i-1]; same.Kept || same.Sealed() {
			b.lose(&p, ReasonSameTime)
		} else {
			b.lose(same, ReasonSameTime)
			*same = p
		}
		return
	}
	s.waiting = append(s.waiting, Point{})
	copy(s.waiting[i+1:], s.waiting[i:])
	s.waiting[i] = p
	if p.Kept {
		b.kept += p.weight()
	} else {
		b.absolute++
	}
}

// lose absorbs an absolute point.
func (b *Box[S]) lose(p *Point, reason string) { b.record(p, Absorbed(reason)) }

// record notes what became of a point that is gone from the Box.
func (b *Box[S]) record(p *Point, f Fate) {
	switch {
	case p.Marker:
	case !p.Kept:
		if j := b.jobOf(p.seq); j != nil {
			b.note(j, int(p.index), f)
		}
	case f.what == drop:
		b.credits = append(b.credits, credit{f.reason, int(p.N)})
	}
}

func (b *Box[S]) jobOf(seq uint32) *job {
	lo, hi := 0, len(b.order)
	for lo < hi {
		if mid := (lo + hi) / 2; b.order[mid].seq < seq {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(b.order) && b.order[lo].seq == seq {
		return b.order[lo]
	}
	return nil
}

// End settles the kept samples of the jobs that have none waiting, and lets go of
// the jobs that are settled. Nothing is on its way any more.
func (b *Box[S]) End() {
	var positions []int
	for _, st := range b.takeKept() {
		positions = slices.AppendSeq(positions[:0], st.kept.All())
		st.settleKept(positions)
	}
	b.letGo()
}

// keptOf is the kept samples of a job that has none waiting, and how many of them
// were given up.
type keptOf struct {
	*delivery.Job
	kept  delivery.Set
	drops []credit
}

func (k *keptOf) settleKept(positions []int) {
	for _, c := range k.drops {
		k.Drop(c.reason, positions[:c.n]...)
		positions = positions[c.n:]
	}
	k.Deliver(positions...)
}

// takeKept is those of all such jobs.
func (b *Box[S]) takeKept() (all []keptOf) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queue = append(b.turn, b.queue...)
	b.turn = nil
	oldest := b.oldestKept()
	for _, st := range b.order {
		if st.seq < oldest && !st.kept.IsEmpty() {
			all = append(all, keptOf{st.Job, st.kept, b.takeCredits(st.kept.Len())})
			st.kept = delivery.Set{}
		}
	}
	return all
}

// oldestKept is the oldest job of which a kept point waits.
func (b *Box[S]) oldestKept() uint32 {
	oldest := b.seq + 1
	for _, s := range b.queue {
		for i := range s.waiting {
			if p := &s.waiting[i]; p.Kept && !p.Marker {
				oldest = min(oldest, p.seq)
				break
			}
		}
	}
	return oldest
}

// takeCredits is n samples at most that were given up, by reason.
func (b *Box[S]) takeCredits(n int) (drops []credit) {
	for n > 0 && len(b.credits) > 0 {
		last := &b.credits[len(b.credits)-1]
		c := credit{last.reason, min(n, last.n)}
		drops = append(drops, c)
		n -= c.n
		if last.n -= c.n; last.n == 0 {
			b.credits = b.credits[:len(b.credits)-1]
		}
	}
	return drops
}

// letGo forgets the jobs that are settled, or were given up.
func (b *Box[S]) letGo() {
	b.mu.Lock()
	defer b.mu.Unlock()
	open := b.order[:0]
	for _, st := range b.order {
		if st.Open() > 0 {
			open = append(open, st)
			continue
		}
		delete(b.jobs, st.Job)
		if !st.gathered {
			b.ungathered--
		}
	}
	clear(b.order[len(open):])
	b.order = open
	if b.kept == 0 {
		b.grain, b.limit = b.Grain, maxKept
	}
}
