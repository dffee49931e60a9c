package registry

import (
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"

	"out_edge/plugin/metric"
)

// addNative adds the native form, which only the protobuf format has.
func addNative(h *dto.Histogram, n *metric.Native) {
	schema := int32(n.Schema)
	h.Schema, h.ZeroThreshold, h.ZeroCount = &schema, &n.ZeroThreshold, &n.ZeroCount
	h.PositiveSpan, h.PositiveDelta = spansOf(n.Positive)
	h.NegativeSpan, h.NegativeDelta = spansOf(n.Negative)
}

// maxGap is how many empty buckets are written rather than starting another span, which
// takes more bytes; client_golang does the same.
const maxGap = 2

// spansOf returns buckets as spans of neighbours and the differences between their
// counts.
func spansOf(b metric.NativeBuckets) (spans []*dto.BucketSpan, deltas []int64) {
	var span *dto.BucketSpan
	var next int32
	var before int64
	put := func(count int64) {
		*span.Length++
		deltas = append(deltas, count-before)
		before = count
	}
	for i, index := range b.Indices {
		gap := index - next
		if span == nil || gap > maxGap {
			span = &dto.BucketSpan{Offset: proto.Int32(gap), Length: proto.Uint32(0)}
			spans = append(spans, span)
			gap = 0
		}
		for range gap {
			put(0)
		}
		put(int64(b.Counts[i]))
		next = index + 1
	}
	return spans, deltas
}

// The bounds of Prometheus' exponential schemas, and of the indices of the
// finest one: a float64 lies between 2^-1074 and 2^1024.
const (
	minSchema, maxSchema = -4, 8
	maxIndex             = 1075 << maxSchema
)

// isValidNative reports whether n is valid and has count observations.
func isValidNative(n *metric.Native, count uint64) bool {
	if n.Schema < minSchema || n.Schema > maxSchema || !(n.ZeroThreshold > 0) || n.ZeroCount > count {
		return false
	}
	left, ok := subtractCounts(count-n.ZeroCount, &n.Positive)
	if !ok {
		return false
	}
	left, ok = subtractCounts(left, &n.Negative)
	return ok && left == 0
}

// subtractCounts subtracts the counts of b from count; ok is false if they are more, or the
// indices are not ascending.
func subtractCounts(count uint64, b *metric.NativeBuckets) (left uint64, ok bool) {
	if len(b.Counts) != len(b.Indices) {
		return 0, false
	}
	for i, index := range b.Indices {
		if index < -maxIndex || index > maxIndex || i > 0 && index <= b.Indices[i-1] || b.Counts[i] > count {
			return 0, false
		}
		count -= b.Counts[i]
	}
	return count, true
}
