package remotewrite

import (
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"out_edge/plugin/metric"
)

// encoder writes requests. Its buffers are reused.
//
// The fields are those of prometheus.WriteRequest (version 1) and of
// io.prometheus.write.v2.Request (version 2).
type encoder struct {
	body  []byte
	sink  *Sink
	other outputs           // for bounds that are not those of the series
	table map[string]uint32 // version 2's symbols
	count uint32
	refs  []byte // labels_refs of one series
	// native has exponential histograms go as such.
	native bool
	spans  []byte // of one sign of one histogram
	deltas []byte
	one    []byte // an exemplar or a histogram
	fields []byte // those of one output
}

// encode writes items, which must be sorted by series, then by time. The result
// is valid until the next encode.
func (e *encoder) encode(items []item, version2 bool) []byte {
	e.body = e.body[:0]
	if version2 {
		e.appendTable(items)
	}
	e.eachRun(items, func(run []item, o *outputs) {
		if e.sendsNative(o) {
			e.appendSeries(run, nativeOutput, o.native, version2)
			return
		}
		for output, labels := range o.fields {
			if output == sumOutput && hasNoSum(&run[0]) {
				continue
			}
			e.appendSeries(run, output, labels, version2)
		}
	})
	return e.body
}

// sumOutput is the index of _sum among outputs; nativeOutput means the histogram as a
// whole.
const (
	sumOutput    = 1
	nativeOutput = -1
)

// sendsNative reports whether a series is sent as an exponential histogram.
func (e *encoder) sendsNative(o *outputs) bool { return e.native && o.native != nil }

// written returns how many samples and histograms a point had when it was encoded last.
func (e *encoder) written(it *item) (samples, histograms int) {
	switch o := &it.Own.outputs; {
	case e.sendsNative(o) && it.Dist != nil:
		return 0, 1
	case e.sendsNative(o):
		return 1, 0
	case hasNoSum(it):
		return len(o.fields) - 1, 0
	default:
		return len(o.fields), 0
	}
}

// hasNoSum reports whether a point has no _sum; for a marker, whether the last point
// had none.
func hasNoSum(it *item) bool {
	if it.Dist == nil {
		return it.Own.noSum
	}
	return it.Dist.NoSum
}

// appendSeries appends the points of one output.
func (e *encoder) appendSeries(run []item, output int, labels []byte, version2 bool) {
	if version2 {
		e.appendSeries2(run, output, labels)
	} else {
		e.appendSeries1(run, output, labels)
	}
}

// eachRun yields the items of one series after the other, split where the bounds of
// their distributions change, with the outputs.
func (e *encoder) eachRun(items []item, f func(run []item, o *outputs)) {
	for len(items) > 0 {
		first, n := &items[0], 1
		for n < len(items) && items[n].Series == first.Series && sameBounds(items[n].Dist, first.Dist) {
			n++
		}
		o := &first.Own.outputs
		if first.Dist != nil && !slices.Equal(first.Dist.Bounds, o.bounds) {
			e.other = outputs{}
			e.sink.fit(&e.other, first.ID, first.Dist)
			o = &e.other
		}
		f(items[:n], o)
		items = items[n:]
	}
}

func sameBounds(a, b *metric.Distribution) bool {
	return a == b || a != nil && b != nil && a.NoSum == b.NoSum && slices.Equal(a.Bounds, b.Bounds)
}

// appendSeries1 appends field 1 of a WriteRequest: a TimeSeries with its labels
// (field 1) and samples (field 2).
func (e *encoder) appendSeries1(run []item, output int, labels []byte) {
	e.body = protowire.AppendTag(e.body, 1, protowire.BytesType)
	values := e.values(run, output, false)
	e.body = protowire.AppendVarint(e.body, uint64(len(labels)+samplesSize(run, output)+len(values)))
	e.body = append(e.body, labels...)
	e.appendSamples(run, output)
	e.body = append(e.body, values...)
}

// samplesSize is what appendSamples will append.
func samplesSize(run []item, output int) (size int) {
	for i := range run {
		if !isHistogram(&run[i], output) {
			size += fieldSize(sampleSize(run[i].At))
		}
	}
	return size
}

// isHistogram reports whether a point is sent as a histogram of an output, and not as a
// sample.
func isHistogram(it *item, output int) bool { return output == nativeOutput && it.Dist != nil }

// sampleSize is the size of a Sample: value (field 1, fixed64), timestamp in ms
// (field 2, varint). Both versions write it in the same way.
func sampleSize(ms int64) int { return 1 + 8 + 1 + protowire.SizeVarint(uint64(ms)) }

// appendSamples appends field 2 of a TimeSeries for each item.
func (e *encoder) appendSamples(run []item, output int) {
	dst := e.body
	for i := range run {
		it := &run[i]
		if isHistogram(it, output) {
			continue
		}
		dst = protowire.AppendTag(dst, 2, protowire.BytesType)
		dst = protowire.AppendVarint(dst, uint64(sampleSize(it.At)))
		dst = protowire.AppendTag(dst, 1, protowire.Fixed64Type)
		dst = protowire.AppendFixed64(dst, math.Float64bits(value(it.ID.Kind, &it.Point, output)))
		dst = protowire.AppendTag(dst, 2, protowire.VarintType)
		dst = protowire.AppendVarint(dst, uint64(it.At))
	}
	e.body = dst
}

// appendTable assigns each text of the items' series an index in the table, and appends
// the table (field 4). Its first entry is the empty text.
func (e *encoder) appendTable(items []item) {
	if e.table == nil {
		e.table = map[string]uint32{}
	}
	clear(e.table)
	e.count = 0
	e.appendText("")
	e.eachRun(items, func(run []item, o *outputs) {
		fields := o.fields
		if e.sendsNative(o) {
			fields = [][]byte{o.native}
		}
		for _, labels := range fields {
			eachLabelText(labels, func(text []byte) {
				if _, has := e.table[string(text)]; !has {
					e.place(string(text))
				}
			})
		}
		for i := range run {
			e.placeExemplars(&run[i])
		}
		e.place(labelValue(run[0].ID.Help))
		e.place(unitOf(run[0].ID.Name))
	})
}

// eachLabelText yields names and values of label fields.
func eachLabelText(labels []byte, f func(text []byte)) {
	for len(labels) > 0 {
		label, n := protowire.ConsumeBytes(labels[1:])
		labels = labels[1+n:]
		name, n := protowire.ConsumeBytes(label[1:])
		f(name)
		text, _ := protowire.ConsumeBytes(label[1+n+1:])
		f(text)
	}
}

func (e *encoder) place(text string) {
	if _, has := e.table[text]; has || text == "" {
		return
	}
	e.count++
	e.table[text] = e.count
	e.appendText(text)
}

func (e *encoder) appendText(text string) {
	e.body = protowire.AppendTag(e.body, 4, protowire.BytesType)
	e.body = protowire.AppendString(e.body, text)
}

// appendSeries2 appends field 5 of a Request: a TimeSeries with labels_refs
// (field 1), samples (field 2) and metadata (field 5: type 1, help_ref 3,
// unit_ref 4).
func (e *encoder) appendSeries2(run []item, output int, labels []byte) {
	values := e.values(run, output, true)
	e.refs = e.refs[:0]
	eachLabelText(labels, func(text []byte) {
		e.refs = protowire.AppendVarint(e.refs, uint64(e.table[string(text)]))
	})
	id := run[0].ID
	kind, help, unit := uint64(typeOf(id.Kind)), uint64(e.table[labelValue(id.Help)]), uint64(e.table[unitOf(id.Name)])
	meta := optionalSize(kind) + optionalSize(help) + optionalSize(unit)
	e.body = protowire.AppendTag(e.body, 5, protowire.BytesType)
	e.body = protowire.AppendVarint(e.body, uint64(fieldSize(len(e.refs))+samplesSize(run, output)+len(values)+fieldSize(meta)))
	e.body = protowire.AppendTag(e.body, 1, protowire.BytesType)
	e.body = protowire.AppendBytes(e.body, e.refs)
	e.appendSamples(run, output)
	e.body = append(e.body, values...)
	e.body = protowire.AppendTag(e.body, 5, protowire.BytesType)
	e.body = protowire.AppendVarint(e.body, uint64(meta))
	e.appendOptional(1, kind)
	e.appendOptional(3, help)
	e.appendOptional(4, unit)
}

func optionalSize(v uint64) int {
	if v == 0 {
		return 0
	}
	return 1 + protowire.SizeVarint(v)
}

func (e *encoder) appendOptional(field protowire.Number, v uint64) {
	if v != 0 {
		e.body = protowire.AppendTag(e.body, field, protowire.VarintType)
		e.body = protowire.AppendVarint(e.body, v)
	}
}
