package registry

import (
	"math"

	"out_edge/plugin/metric"
)

// Note is a compact record of what Apply did with the samples of an event, so that
// ApplyAgain can repeat it. The zero Note is empty.
type Note struct {
	samples int  // number of samples passed to Apply
	left    bits // samples that were left out
	moved   bits // samples whose time was changed
	times   []stretch
}

// stretch is the time of consecutive moved samples.
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

// sawTime records the time that was set on sample i.
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

// ApplyAgain repeats Apply for samples that were made again, without side effects. For
// an event, b.Note is what Apply did with them. Otherwise it leaves out samples of a
// second source; totals that are kept here have no meaning, and stay. The result uses
// b.Samples' memory.
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

// replay leaves out what Apply left out, and sets the times that Apply set.
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

// holds reports whether the samples of a source are those of its series; for a source
// that is not stored it cannot know.
func (src *source) holds() bool {
	return src == nil || !src.abandoned && (src.series == nil || src.series.owner == nil || src.series.owner.isSame(src))
}

// maxNoted is the most times of a Note; one that needs more is not used.
const maxNoted = 256

// close completes a Note of n samples.
func (n *Note) close(samples int) {
	if n == nil {
		return
	}
	if n.samples = samples; len(n.times) > maxNoted {
		*n = Note{samples: math.MinInt}
	}
}
