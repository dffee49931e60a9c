package metric

import (
	"math"
	"slices"
)

// The schemas of Prometheus' exponential histograms.
const (
	MinSchema = -4
	MaxSchema = 8
	// maxBuckets is how many buckets of one sign a histogram keeps: OpenTelemetry's
	// default. One with more gets a coarser schema.
	maxBuckets = 160
)

// coarsen lowers the schema by one: two neighbours become one bucket.
func (n *Native) coarsen() {
	n.Schema--
	n.Positive, n.Negative = n.Positive.coarser(), n.Negative.coarser()
}

func (b NativeBuckets) coarser() (c NativeBuckets) {
	for i, index := range b.Indices {
		half := int32((int64(index) + 1) >> 1) // rounded up: bucket i ends at base^i
		if k := len(c.Indices) - 1; k >= 0 && c.Indices[k] == half {
			c.Counts[k] += b.Counts[i]
			continue
		}
		c.Indices, c.Counts = append(c.Indices, half), append(c.Counts, b.Counts[i])
	}
	return c
}

// width returns how many buckets there are from the first to the last.
func (b NativeBuckets) width() int64 {
	if len(b.Indices) == 0 {
		return 0
	}
	return int64(b.Indices[len(b.Indices)-1]) - int64(b.Indices[0]) + 1
}

// Fit lowers the schema to at most limit, and until no sign has more than 160 buckets,
// empty ones included. Changed slices are new.
func (n *Native) Fit(limit int8) {
	for n.Schema > MinSchema && (n.Schema > limit || max(n.Positive.width(), n.Negative.width()) > maxBuckets) {
		n.coarsen()
	}
}

// Plus returns the sum of two histograms, in a schema that fits both. Neither is
// changed.
func (n *Native) Plus(o *Native) *Native {
	a, b := *n, *o
	for a.Schema > b.Schema {
		a.coarsen()
	}
	for b.Schema > a.Schema {
		b.coarsen()
	}
	sum := &Native{Schema: a.Schema, ZeroThreshold: max(a.ZeroThreshold, b.ZeroThreshold), ZeroCount: a.ZeroCount + b.ZeroCount,
		Positive: a.Positive.plus(b.Positive), Negative: a.Negative.plus(b.Negative)}
	sum.Fit(sum.Schema)
	return sum
}

func (b NativeBuckets) plus(o NativeBuckets) (sum NativeBuckets) {
	i, k := 0, 0
	for i < len(b.Indices) || k < len(o.Indices) {
		switch {
		case k == len(o.Indices) || i < len(b.Indices) && b.Indices[i] < o.Indices[k]:
			sum.Indices, sum.Counts = append(sum.Indices, b.Indices[i]), append(sum.Counts, b.Counts[i])
			i++
		case i == len(b.Indices) || o.Indices[k] < b.Indices[i]:
			sum.Indices, sum.Counts = append(sum.Indices, o.Indices[k]), append(sum.Counts, o.Counts[k])
			k++
		default:
			sum.Indices, sum.Counts = append(sum.Indices, b.Indices[i]), append(sum.Counts, b.Counts[i]+o.Counts[k])
			i, k = i+1, k+1
		}
	}
	return sum
}

// Classic returns the histogram as upper bounds and cumulative counts, from the first
// bucket to the last: the form in which Fluent Bit's own outputs send it.
func (n *Native) Classic() (bounds []float64, counts []uint64) {
	var total uint64
	add := func(bound float64, count uint64) {
		total += count
		if k := len(bounds) - 1; k >= 0 && bound <= bounds[k] { // too small to be distinguished
			counts[k] = total
			return
		}
		if !math.IsInf(bound, 0) {
			bounds, counts = append(bounds, bound), append(counts, total)
		}
	}
	for _, b := range slices.Backward(n.Negative.dense()) {
		add(-n.bound(b.index-1), b.count)
	}
	if n.ZeroCount > 0 || len(n.Negative.Indices) > 0 || len(n.Positive.Indices) == 0 {
		zero := 0.0
		if n.ZeroThreshold > NoZeroThreshold {
			zero = n.ZeroThreshold
		}
		add(zero, n.ZeroCount)
	}
	for _, b := range n.Positive.dense() {
		add(n.bound(b.index), b.count)
	}
	return bounds, counts
}

// NoZeroThreshold is the width that Prometheus uses for a zero bucket with only zeros.
const NoZeroThreshold = 1e-128

type nativeBucket struct {
	index int32
	count uint64
}

// dense returns the buckets from the first to the last, including empty ones. There are
// few after a Fit.
func (b NativeBuckets) dense() []nativeBucket {
	all := make([]nativeBucket, 0, b.width())
	for i, index := range b.Indices {
		for len(all) > 0 && all[len(all)-1].index+1 < index {
			all = append(all, nativeBucket{index: all[len(all)-1].index + 1})
		}
		all = append(all, nativeBucket{index, b.Counts[i]})
	}
	return all
}

// bound returns the upper bound of a bucket.
func (n *Native) bound(index int32) float64 {
	return math.Exp2(math.Ldexp(float64(index), -int(n.Schema)))
}
