package remotewrite

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// encoder writes requests. Its buffers are reused.
//
// The fields are those of prometheus.WriteRequest (version 1) and of
// io.prometheus.write.v2.Request (version 2).
type encoder struct {
	body    []byte
	request uint32    // number of the request, for symbol.request
	table   []*symbol // version 2's table, in order
	refs    []byte    // labels_refs of one series
}

// encode writes items, which must be sorted by series, then by time. The result
// is valid until the next encode.
func (e *encoder) encode(items []item, version2 bool) []byte {
	e.body = e.body[:0]
	if version2 {
		e.appendTable(items)
	}
	for len(items) > 0 {
		n := 1
		for n < len(items) && items[n].out == items[0].out {
			n++
		}
		if version2 {
			e.appendSeries2(items[:n])
		} else {
			e.appendSeries1(items[:n])
		}
		items = items[n:]
	}
	return e.body
}

// appendSeries1 appends field 1 of a WriteRequest: a TimeSeries with its labels
// (field 1) and samples (field 2).
func (e *encoder) appendSeries1(items []item) {
	labels := items[0].out.labels
	e.body = protowire.AppendTag(e.body, 1, protowire.BytesType)
	e.body = protowire.AppendVarint(e.body, uint64(len(labels)+samplesSize(items)))
	e.body = append(e.body, labels...)
	e.appendSamples(items)
}

// samplesSize is what appendSamples will append.
func samplesSize(items []item) (size int) {
	for i := range items {
		size += fieldSize(sampleSize(items[i].ms))
	}
	return size
}

// sampleSize is the size of a Sample: value (field 1, fixed64), timestamp in ms
// (field 2, varint). Both versions write it in the same way.
func sampleSize(ms int64) int { return 1 + 8 + 1 + protowire.SizeVarint(uint64(ms)) }

// appendSamples appends field 2 of a TimeSeries for each item.
func (e *encoder) appendSamples(items []item) {
	dst := e.body
	for i := range items {
		it := &items[i]
		dst = protowire.AppendTag(dst, 2, protowire.BytesType)
		dst = protowire.AppendVarint(dst, uint64(sampleSize(it.ms)))
		dst = protowire.AppendTag(dst, 1, protowire.Fixed64Type)
		dst = protowire.AppendFixed64(dst, math.Float64bits(it.value))
		dst = protowire.AppendTag(dst, 2, protowire.VarintType)
		dst = protowire.AppendVarint(dst, uint64(it.ms))
	}
	e.body = dst
}

// appendTable gives each text of the items' series its place in the table, and
// appends the table (field 4). Its first entry is the empty text.
func (e *encoder) appendTable(items []item) {
	e.request++
	e.table = e.table[:0]
	e.appendText("")
	var last *output
	for i := range items {
		o := items[i].out
		if o == last {
			continue
		}
		last = o
		for _, s := range o.symbols {
			e.place(s)
		}
		e.place(o.help)
		e.place(o.unit)
	}
}

func (e *encoder) place(s *symbol) {
	if s == nil || s.request == e.request {
		return
	}
	e.table = append(e.table, s)
	s.request, s.ref = e.request, uint32(len(e.table))
	e.appendText(s.text)
}

func (e *encoder) appendText(text string) {
	e.body = protowire.AppendTag(e.body, 4, protowire.BytesType)
	e.body = protowire.AppendString(e.body, text)
}

// appendSeries2 appends field 5 of a Request: a TimeSeries with labels_refs
// (field 1), samples (field 2) and metadata (field 5: type 1, help_ref 3,
// unit_ref 4).
func (e *encoder) appendSeries2(items []item) {
	o := items[0].out
	e.refs = e.refs[:0]
	for _, s := range o.symbols {
		e.refs = protowire.AppendVarint(e.refs, uint64(s.ref))
	}
	meta := metadataSize(o)
	e.body = protowire.AppendTag(e.body, 5, protowire.BytesType)
	e.body = protowire.AppendVarint(e.body, uint64(fieldSize(len(e.refs))+samplesSize(items)+fieldSize(meta)))
	e.body = protowire.AppendTag(e.body, 1, protowire.BytesType)
	e.body = protowire.AppendBytes(e.body, e.refs)
	e.appendSamples(items)
	e.body = protowire.AppendTag(e.body, 5, protowire.BytesType)
	e.body = protowire.AppendVarint(e.body, uint64(meta))
	e.appendOptional(1, uint64(o.kind))
	e.appendOptional(3, refOf(o.help))
	e.appendOptional(4, refOf(o.unit))
}

func metadataSize(o *output) int {
	return optionalSize(uint64(o.kind)) + optionalSize(refOf(o.help)) + optionalSize(refOf(o.unit))
}

func refOf(s *symbol) uint64 {
	if s == nil {
		return 0
	}
	return uint64(s.ref)
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
