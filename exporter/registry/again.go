package registry

import (
	"math"

	"out_edge/plugin/metric"
)

// Note is what Apply made of the samples of an event, in little room: by it, ApplyAgain
// makes the same of them once more. The zero Note is empty.
type Note struct {
	samples int  // that came
	left    bits // those that were left out
	moved   bits // those that were given another time
	times   []stretch
}

// stretch is the time of moved samples that follow one another.
type stretch struct {
	n        int
	unixNano int64
}

type bits []uint64

func (b *bits) add(i int) {
	for len(*b) <= i>>6 {
		*b = append(*b, 0)
	}
	(*b)[i>>6] |= 1 << (i & 63)
}

func (b bits) has(i int) bool { return i>>6 < len(b) && b[i>>6]&(1<<(i&63)) != 0 }

// sawTime notes the time that sample i was given.
func (n *Note) sawTime(i int, came, given int64) {
	if n == nil || came == given {
		return
	}
	n.moved.add(i)
	if last := len(n.times) - 1; last >= 0 && n.times[last].unixNano == given {
		n.times[last].n++
		return
	}
	n.times = append(n.times, stretch{1, given})
}

func (n *Note) sawLeft(i int) {
	if n != nil {
		n.left.add(i)
	}
}

// ApplyAgain takes samples that were made again of what Apply has had, and changes
// nothing. Of an event, b.Note says what Apply made of them. Of others it leaves out
// what comes from a second source; totals that are kept here mean nothing, and stay.
// The answer has b.Samples' memory.
func (r *Registry) ApplyAgain(b Batch) (kept []metric.Sample) {
	if b.Note != nil && b.Note.samples == len(b.Samples) {
		return b.Note.replay(b.Samples)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	tag := r.rules
	if b.Origin != FromRule {
		tag = r.tags[b.Tag]
	}
	kept = b.Samples[:0]
	for i, sm := range b.Samples {
		from := sm.Series
		if b.From != nil {
			from = b.From[i]
		}
		if sm.Dist == nil && metric.IsStale(sm.Value) || tag != nil && !tag.from[from].holds() {
			continue
		}
		kept = append(kept, sm)
	}
	return kept
}

// replay leaves out what Apply has left out, and gives the others the times that it
// has given them.
func (n *Note) replay(samples []metric.Sample) (kept []metric.Sample) {
	kept = samples[:0]
	at, used := 0, 0 // in times
	for i, sm := range samples {
		if n.moved.has(i) {
			if used == n.times[at].n {
				at, used = at+1, 0
			}
			used++
			sm.UnixNano = n.times[at].unixNano
		}
		if !n.left.has(i) {
			kept = append(kept, sm)
		}
	}
	return kept
}

// holds tells whether samples of a source are those of its series; of one that is not
// remembered nothing else is known.
func (src *source) holds() bool {
	return src == nil || !src.abandoned && (src.series == nil || src.series.owner == nil || src.series.owner.isSame(src))
}

// maxNoted bounds the times that a Note has; one that would need more is of no use.
const maxNoted = 256

// close ends a Note of n samples.
func (n *Note) close(samples int) {
	if n == nil {
		return
	}
	if n.samples = samples; len(n.times) > maxNoted {
		*n = Note{samples: math.MinInt}
	}
}
