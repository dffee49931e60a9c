package cmetrics

import (
	"math"

	"out_edge/plugin/metric"
	"out_edge/plugin/wire"
)

// expHistogram reads {scale, zero_count, zero_threshold, positive_offset,
// positive_buckets: [count, ...], negative_offset, negative_buckets, count, sum_set,
// sum: bits}: the native form, and the classic one as well.
func (f *family) expHistogram(v wire.Value) (*metric.Distribution, bool) {
	scale, ok := v.Get("scale").Int64()
	if !ok || scale < metric.MinSchema || scale > math.MaxInt32 {
		return nil, false
	}
	d := &metric.Distribution{Exponential: true, Native: &metric.Native{Schema: int8(min(scale, metric.MaxSchema)), ZeroThreshold: metric.NoZeroThreshold}}
	n := d.Native
	d.Count, _ = v.Get("count").Uint64()
	d.Sum, _ = floatBits(v.Get("sum"))
	if set, isSet := v.Get("sum_set").Uint64(); isSet && set == 0 {
		d.Sum, d.NoSum = 0, true
	}
	n.ZeroCount, _ = v.Get("zero_count").Uint64()
	if width, _ := v.Get("zero_threshold").Float64(); width > 0 && !math.IsInf(width, 0) {
		n.ZeroThreshold = width
	}
	shift := scale - int64(n.Schema)
	var okNegative bool
	n.Positive, ok = nativeBuckets(v.Get("positive_offset"), v.Get("positive_buckets"), n.Schema, shift)
	n.Negative, okNegative = nativeBuckets(v.Get("negative_offset"), v.Get("negative_buckets"), n.Schema, shift)
	if !ok || !okNegative {
		return nil, false
	}
	n.Fit(n.Schema)
	d.Bounds, d.Counts = n.Classic()
	for _, count := range d.Counts { // read while it counted
		d.Count = max(d.Count, count)
	}
	return d, true
}

// nativeBuckets returns those of one sign, without the empty ones. OpenTelemetry
// numbers a bucket by its lower bound, Prometheus by its upper one. Buckets outside
// float64 are not accepted.
func nativeBuckets(offset, counts wire.Value, schema int8, shift int64) (b metric.NativeBuckets, ok bool) {
	index, _ := offset.Int64()
	most := int64(math.Ldexp(1075, int(schema))) + 1
	it := counts.Array()
	for v, more := it.Next(); more; v, more = it.Next() {
		count, isCount := v.Uint64()
		if !isCount {
			return b, false
		}
		i := index>>min(shift, 62) + 1
		index++
		switch last := len(b.Indices) - 1; {
		case count == 0:
		case i < -most || i > most:
			return b, false
		case last >= 0 && int64(b.Indices[last]) == i:
			b.Counts[last] += count
		default:
			b.Indices, b.Counts = append(b.Indices, int32(i)), append(b.Counts, count)
		}
	}
	return b, true
}
