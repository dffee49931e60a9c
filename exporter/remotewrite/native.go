package remotewrite

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// The fields of a TimeSeries besides labels and samples, by version.
const (
	exemplars1, histograms1 = 3, 4
	histograms2, exemplars2 = 3, 4
)

// values returns the fields of a TimeSeries for the histograms and exemplars of one
// output, valid until the next call.
func (e *encoder) values(run []item, output int, version2 bool) []byte {
	histograms, exemplars := protowire.Number(histograms1), protowire.Number(exemplars1)
	if version2 {
		histograms, exemplars = histograms2, exemplars2
	}
	dst := e.fields[:0]
	for i := range run {
		if it := &run[i]; isHistogram(it, output) {
			e.one = e.appendHistogram(e.one[:0], it)
			dst = protowire.AppendTag(dst, histograms, protowire.BytesType)
			dst = protowire.AppendBytes(dst, e.one)
		}
	}
	for i := range run {
		for _, x := range exemplarsOf(&run[i], output) {
			e.one = e.appendExemplar(e.one[:0], x, version2)
			dst = protowire.AppendTag(dst, exemplars, protowire.BytesType)
			dst = protowire.AppendBytes(dst, e.one)
		}
	}
	e.fields = dst
	return dst
}

// appendHistogram appends the content of a Histogram, which is the same in both
// versions.
func (e *encoder) appendHistogram(dst []byte, it *item) []byte {
	d, n := it.Dist, it.Dist.Native
	dst = protowire.AppendVarint(protowire.AppendTag(dst, 1, protowire.VarintType), d.Count)
	dst = appendDouble(dst, 3, canonical(d.Sum))
	dst = protowire.AppendVarint(protowire.AppendTag(dst, 4, protowire.VarintType), protowire.EncodeZigZag(int64(n.Schema)))
	dst = appendDouble(dst, 5, n.ZeroThreshold)
	dst = protowire.AppendVarint(protowire.AppendTag(dst, 6, protowire.VarintType), n.ZeroCount)
	dst = e.appendBuckets(dst, 8, n.Negative)
	dst = e.appendBuckets(dst, 11, n.Positive)
	return protowire.AppendVarint(protowire.AppendTag(dst, 15, protowire.VarintType), uint64(it.At))
}

func appendDouble(dst []byte, field protowire.Number, v float64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(dst, field, protowire.Fixed64Type), math.Float64bits(v))
}

// appendBuckets appends the spans (field) and the differences between the counts (field
// + 1) of one sign. A span is a run of neighbours.
func (e *encoder) appendBuckets(dst []byte, field protowire.Number, b metric.NativeBuckets) []byte {
	e.deltas = e.deltas[:0]
	var before, next int64
	for i := 0; i < len(b.Indices); {
		first := i
		for ; i < len(b.Indices) && (i == first || b.Indices[i] == b.Indices[i-1]+1); i++ {
			count := int64(b.Counts[i])
			e.deltas = protowire.AppendVarint(e.deltas, protowire.EncodeZigZag(count-before))
			before = count
		}
		offset := int64(b.Indices[first]) - next
		next = int64(b.Indices[i-1]) + 1
		e.spans = protowire.AppendVarint(protowire.AppendTag(e.spans[:0], 1, protowire.VarintType), protowire.EncodeZigZag(offset))
		e.spans = protowire.AppendVarint(protowire.AppendTag(e.spans, 2, protowire.VarintType), uint64(i-first))
		dst = protowire.AppendBytes(protowire.AppendTag(dst, field, protowire.BytesType), e.spans)
	}
	if len(e.deltas) > 0 {
		dst = protowire.AppendBytes(protowire.AppendTag(dst, field+1, protowire.BytesType), e.deltas)
	}
	return dst
}

// exemplarsOf returns those of one output that the receiver does not have yet: all of a
// counter and an exponential histogram, of a histogram each bucket's own.
func exemplarsOf(it *item, output int) (all []*metric.Exemplar) {
	if it.Exemplars == nil {
		return nil
	}
	low, high := math.Inf(-1), math.Inf(1)
	if it.Dist != nil && output != nativeOutput {
		const firstBucket = 2
		bucket := output - firstBucket
		if bucket < 0 || it.ID.Kind != metric.Histogram {
			return nil
		}
		if bucket > 0 {
			low = it.Dist.Bounds[bucket-1]
		}
		if bucket < len(it.Dist.Bounds) {
			high = it.Dist.Bounds[bucket]
		}
	}
	for i := range *it.Exemplars {
		x := &(*it.Exemplars)[i]
		if x.UnixNano > it.Own.exemplars && (x.Value > low && x.Value <= high) {
			all = append(all, x)
		}
	}
	return all
}

// newestExemplar returns the time of a point's newest exemplar, in ns.
func newestExemplar(e *metric.Exemplars) (newest int64) {
	if e == nil {
		return 0
	}
	return (*e)[len(*e)-1].UnixNano
}

// placeExemplars assigns the texts of a point's exemplars their indices in the table.
func (e *encoder) placeExemplars(it *item) {
	if it.Exemplars == nil || newestExemplar(it.Exemplars) <= it.Own.exemplars {
		return
	}
	for i := range *it.Exemplars {
		for _, l := range (*it.Exemplars)[i].Labels {
			e.place(l.Name)
			e.place(l.Value)
		}
	}
}

// appendExemplar appends labels or labels_refs (1), the value (2) and the time in ms
// (3).
func (e *encoder) appendExemplar(dst []byte, x *metric.Exemplar, version2 bool) []byte {
	if version2 {
		e.refs = e.refs[:0]
		for _, l := range x.Labels {
			e.refs = protowire.AppendVarint(e.refs, uint64(e.table[l.Name]))
			e.refs = protowire.AppendVarint(e.refs, uint64(e.table[l.Value]))
		}
		dst = protowire.AppendBytes(protowire.AppendTag(dst, 1, protowire.BytesType), e.refs)
	} else {
		for _, l := range x.Labels {
			dst = appendLabel(dst, l)
		}
	}
	dst = appendDouble(dst, 2, x.Value)
	return protowire.AppendVarint(protowire.AppendTag(dst, 3, protowire.VarintType), uint64(timefix.FloorDiv(x.UnixNano, 1e6)))
}
