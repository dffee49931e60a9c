package rules

import (
	"fmt"
	"math"
	"slices"

	"go.yaml.in/yaml/v3"

	"out_edge/plugin/metric"
)

// native configures a histogram's native form. The zero value has none.
type native struct {
	factor  float64 // as the file has it
	schema  int8    // at first
	buckets int     // of one series, at most
}

// The limits of native histograms. Schemas and the zero threshold, 2^-128, are
// those of Prometheus and its client libraries. The default factor is the one
// that client_golang recommends, the default number of buckets that of
// OpenTelemetry's exponential histograms. Each observation copies the buckets of
// its sign, 8 bytes each, hence maxNativeBuckets.
const (
	minSchema, maxSchema = -4, 8
	zeroThreshold        = 0x1p-128
	defaultFactor        = 1.1
	maxFactor            = 65536
	defaultNativeBuckets = 160
	minNativeBuckets     = 8
	maxNativeBuckets     = 1000
)

// native reads the settings of a histogram's native form.
func (r *reader) native(n *yaml.Node) native {
	o := native{factor: defaultFactor, buckets: defaultNativeBuckets}
	if m := r.mapping(n, &nativeSection); m != nil {
		r.bucketFactor(m.values["bucket_factor"], &o)
		r.maxBuckets(m.values["max_buckets"], &o)
	}
	o.schema = schemaOf(o.factor)
	return o
}

func (r *reader) bucketFactor(n *yaml.Node, o *native) {
	if n == nil {
		return
	}
	switch v, ok := r.number(n, "bucket_factor"); {
	case !ok:
	case v <= 1 || v > maxFactor:
		r.at(n, "bucket_factor is %v: write a number above 1 and up to %d, like %v", v, maxFactor, defaultFactor)
	default:
		o.factor = v
	}
}

func (r *reader) maxBuckets(n *yaml.Node, o *native) {
	if n == nil {
		return
	}
	switch v, ok := r.number(n, "max_buckets"); {
	case !ok:
	case v != math.Trunc(v) || v < minNativeBuckets || v > maxNativeBuckets:
		r.at(n, "max_buckets is %v: write a whole number from %d to %d, like %d", v, minNativeBuckets, maxNativeBuckets, defaultNativeBuckets)
	default:
		o.buckets = int(v)
	}
}

// String returns the settings as written in the file.
func (o native) String() string {
	if o == (native{}) {
		return "no native"
	}
	return fmt.Sprintf("{bucket_factor: %v, max_buckets: %d}", o.factor, o.buckets)
}

// schemaOf returns the coarsest schema whose buckets grow by the factor at most, or the
// finest one.
func schemaOf(factor float64) int8 {
	n := -math.Floor(math.Log2(math.Log2(factor)))
	return int8(min(max(n, minSchema), maxSchema))
}

// snapshot returns an empty Distribution with n classic counts.
func (o native) snapshot(n int) *metric.Distribution {
	s := &struct {
		metric.Distribution
		native metric.Native
	}{}
	if n > 0 {
		s.Counts = make([]uint64, n)
	}
	s.native.Schema, s.native.ZeroThreshold = o.schema, zeroThreshold
	s.Native = &s.native
	return &s.Distribution
}

// observe counts v, which is finite. Others may still use the slices of h, so it gets
// new ones.
func (o native) observe(h *metric.Native, v float64) {
	switch {
	case math.Abs(v) <= h.ZeroThreshold:
		h.ZeroCount++
	case v > 0:
		h.Positive = counted(h.Positive, bucketOf(v, h.Schema))
	default:
		h.Negative = counted(h.Negative, bucketOf(-v, h.Schema))
	}
	for h.Schema > minSchema && len(h.Positive.Indices)+len(h.Negative.Indices) > o.buckets {
		h.Schema--
		h.Positive, h.Negative = widened(h.Positive), widened(h.Negative)
	}
}

// bucketOf returns the index of the bucket for v, which is above 0.
func bucketOf(v float64, schema int8) int32 {
	frac, exp := math.Frexp(v)
	i, _ := slices.BinarySearch(finest[:], frac)
	return coarser(int32(i+(exp-1)*len(finest)), maxSchema-schema)
}

// coarser returns the index in a schema that is lower by n: divided by 2^n and rounded
// up, because a bucket contains its upper bound.
func coarser(index int32, n int8) int32 { return (index + 1<<n - 1) >> n }

// counted returns b with one more at index. If the bucket exists, the indices are
// reused.
func counted(b metric.NativeBuckets, index int32) metric.NativeBuckets {
	i, known := slices.BinarySearch(b.Indices, index)
	if !known {
		return metric.NativeBuckets{
			Indices: slices.Concat(b.Indices[:i], []int32{index}, b.Indices[i:]),
			Counts:  slices.Concat(b.Counts[:i], []uint64{1}, b.Counts[i:]),
		}
	}
	b.Counts = slices.Clone(b.Counts)
	b.Counts[i]++
	return b
}

// widened returns the buckets of the next lower schema, which are twice as wide.
func widened(b metric.NativeBuckets) metric.NativeBuckets {
	var w metric.NativeBuckets
	for i, index := range b.Indices {
		index = coarser(index, 1)
		if n := len(w.Indices); n > 0 && w.Indices[n-1] == index {
			w.Counts[n-1] += b.Counts[i]
			continue
		}
		w.Indices = append(w.Indices, index)
		w.Counts = append(w.Counts, b.Counts[i])
	}
	return w
}
