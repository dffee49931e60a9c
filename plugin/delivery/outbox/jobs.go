package outbox

import (
	"cmp"
	"slices"
	"time"

	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
)

// job is the state of a chunk's job until it is settled.
type job struct {
	*delivery.Job
	seq  uint32
	kept delivery.Set // positions included in a kept point
	// positions is how many samples there were, including those for other sinks.
	positions int
	gathered  bool // its absolute points have been added
	// shared is a position that further points belong to.
	shared  int
	further int
}

// pendingDrop counts kept samples that were dropped: they are reported when a job that may
// have had them is settled.
type pendingDrop struct {
	reason string
	n      int
}

// settlements lists positions of jobs to settle. Jobs are called without a lock.
type settlements struct {
	lines []settlement
	spare []settlement // the memory of settled lines
}

// maxSpare is the longest list kept as spare.
const maxSpare = 4096

type settlement struct {
	*job
	index int
	SampleOutcome
}

func (l *settlements) add(j *job, index int, f SampleOutcome) {
	l.lines = append(l.lines, settlement{j, index, f})
}

// unlock unlocks, and settles the positions of jobs that were recorded.
func (b *Box[S]) unlock() {
	lines := b.settlements.lines
	b.settlements.lines, b.settlements.spare = b.settlements.spare[:0], nil
	b.mu.Unlock()
	slices.SortStableFunc(lines, func(x, y settlement) int {
		return cmp.Or(cmp.Compare(x.seq, y.seq), cmp.Compare(x.what, y.what), cmp.Compare(x.reason, y.reason))
	})
	all := lines
	for len(lines) > 0 {
		n := 1
		for n < len(lines) && lines[n].job == lines[0].job && lines[n].SampleOutcome == lines[0].SampleOutcome {
			n++
		}
		settle(lines[:n])
		lines = lines[n:]
	}
	b.mu.Lock()
	if b.settlements.spare == nil && cap(all) <= maxSpare {
		clear(all)
		b.settlements.spare = all[:0]
	}
	b.mu.Unlock()
}

// settle settles positions of one job that have the same outcome.
func settle(lines []settlement) {
	j, f := lines[0].Job, lines[0].SampleOutcome
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

// Gather adds the absolute points of jobs for which Admit had no room, oldest first and
// each once, while there is room. It reports whether there are more.
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
		} else if samples, ok := j.Again(); ok { // this takes time
			b.gatherAgain(st, samples)
		}
	}
	return false
}

// toGather returns a job that has not been gathered, and whether there is no room now.
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

// gatherAgain adds samples that were made again. Each takes the place of one of the
// former samples that is missing. If there are more, they all share the last position;
// if there are fewer, the rest is dropped.
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
		b.settlements.add(st, i, Dropped(ReasonForgotten))
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

// isGathered notes that a job's absolute points are added.
func (b *Box[S]) isGathered(st *job) (now time.Duration) {
	st.gathered = true
	b.ungathered--
	return b.Clock.Now().Elapsed()
}

// isMissing reports whether a position is open and has no point.
func (st *job) isMissing(i int) bool { return !st.kept.Has(i) && !st.IsDone(i) }

// note records what happens to a position, once all of its points are settled.
func (b *Box[S]) note(st *job, i int, f SampleOutcome) {
	if st.further > 0 && i == st.shared {
		st.further--
		return
	}
	b.settlements.add(st, i, f)
}

// putNewest adds an absolute point, unless a newer one of its chunk is waiting; an
// older one of its chunk is replaced. With All both are kept.
func (b *Box[S]) putNewest(s *Series[S], p Point) {
	if s.gathered == p.seq && !b.All {
		for i := len(s.waiting) - 1; i >= 0; i-- {
			old := &s.waiting[i]
			if old.Kept || old.seq != p.seq {
				continue
			}
			if old.At > p.At {
				b.absorbPoint(&p, ReasonSuperseded)
				return
			}
			b.absorbPoint(old, ReasonSuperseded)
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
			b.absolute--
			break
		}
	}
	s.gathered = p.seq
	b.put(s, p)
}

// put inserts a stamped point by time. Of two at the same time the later to arrive is
// used, unless the earlier one may have been stored.
func (b *Box[S]) put(s *Series[S], p Point) {
	b.enqueue(s)
	if n := len(s.waiting) - 1; n >= 0 && s.waiting[n].Marker && !s.waiting[n].Stamped && p.At > s.waiting[n].At {
		b.uncount(&s.waiting[n])
		s.waiting = s.waiting[:n]
	}
	i := len(s.waiting)
	for i > 0 && (!s.waiting[i-1].Stamped || s.waiting[i-1].At > p.At) {
		i--
	}
	if i > 0 && s.waiting[i-1].At == p.At && !p.Kept {
		if same := &s.waiting[i-1]; same.Kept || same.Sealed() {
			b.absorbPoint(&p, ReasonSameTime)
		} else {
			b.absorbPoint(same, ReasonSameTime)
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

// absorbPoint absorbs an absolute point.
func (b *Box[S]) absorbPoint(p *Point, reason string) { b.recordOutcome(p, Absorbed(reason)) }

// recordOutcome records what happened to a point that has left the Box.
func (b *Box[S]) recordOutcome(p *Point, f SampleOutcome) {
	switch {
	case p.Marker:
	case !p.Kept:
		if j := b.jobOf(p.seq); j != nil {
			b.note(j, int(p.index), f)
		}
	case f.what == drop:
		b.pendingDrops = append(b.pendingDrops, pendingDrop{f.reason, int(p.N)})
	}
}

func (b *Box[S]) jobOf(seq uint32) *job {
	i, found := slices.BinarySearchFunc(b.order, seq, func(j *job, seq uint32) int { return cmp.Compare(j.seq, seq) })
	if !found {
		return nil
	}
	return b.order[i]
}

// End settles the kept samples of the jobs without waiting ones, and removes the jobs
// that are settled. Nothing may be in flight.
func (b *Box[S]) End() {
	var positions []int
	for _, st := range b.takeKept() {
		positions = slices.AppendSeq(positions[:0], st.kept.All())
		st.settleKept(positions)
	}
	b.removeSettled()
}

// keptOf is a job's kept samples when none is waiting, and how many of them were
// dropped.
type keptOf struct {
	*delivery.Job
	kept  delivery.Set
	drops []pendingDrop
}

func (k *keptOf) settleKept(positions []int) {
	for _, c := range k.drops {
		k.Drop(c.reason, positions[:c.n]...)
		positions = positions[c.n:]
	}
	k.Deliver(positions...)
}

// takeKept returns those of all such jobs.
func (b *Box[S]) takeKept() (all []keptOf) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queue = append(b.sending, b.queue...)
	b.sending = nil
	oldest := b.oldestKept()
	for _, st := range b.order {
		if st.seq < oldest && !st.kept.IsEmpty() {
			all = append(all, keptOf{st.Job, st.kept, b.takePendingDrops(st.kept.Len())})
			st.kept = delivery.Set{}
		}
	}
	return all
}

// oldestKept returns the oldest job with a waiting kept point.
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

// takePendingDrops takes up to n dropped samples, by reason.
func (b *Box[S]) takePendingDrops(n int) (drops []pendingDrop) {
	for n > 0 && len(b.pendingDrops) > 0 {
		last := &b.pendingDrops[len(b.pendingDrops)-1]
		c := pendingDrop{last.reason, min(n, last.n)}
		drops = append(drops, c)
		n -= c.n
		if last.n -= c.n; last.n == 0 {
			b.pendingDrops = b.pendingDrops[:len(b.pendingDrops)-1]
		}
	}
	return drops
}

// removeSettled removes the jobs that are settled or dropped.
func (b *Box[S]) removeSettled() {
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
