package ddsink

import (
	"encoding/hex"
	"strconv"

	"out_edge/plugin/chunk"
	"out_edge/plugin/wire"
)

// What OTLP says of a record lands where Datadog's own OTLP intake puts it:
//
//	severity_text, else severity_number   status
//	trace_id, span_id                     otel.trace_id, otel.span_id (hex) and
//	                                      dd.trace_id, dd.span_id (decimal, the
//	                                      low 64 bits), which link to traces
//	attributes, resource, scope           attributes
//	service.name, host.name               service, hostname (see reserved)

// metadata appends what stands in a record's metadata: OTLP's attributes as
// attributes, anything else as the object "metadata".
func (w *entryWriter) metadata(dst []byte, rec *chunk.Record, otlp wire.Value) []byte {
	n := rec.Metadata.Len()
	if n == 0 {
		return dst
	}
	if otlp == nil {
		return w.named(dst, "", "metadata", rec.Metadata)
	}
	dst = w.fields(dst, otlp.Get("attributes"), true)
	if n == 1 {
		return dst
	}
	return w.otherMetadata(dst, rec.Metadata)
}

// otherMetadata appends the metadata without "otlp".
func (w *entryWriter) otherMetadata(dst []byte, m wire.Value) []byte {
	before := len(dst)
	if dst = w.name(dst, "", "metadata"); len(dst) == before {
		return dst
	}
	dst = append(dst, '{')
	object := w.values.object()
	for it := m.Map(); ; {
		key, value, ok := it.Next()
		if !ok {
			return append(dst, '}')
		}
		if b, isText := key.Bytes(); isText && string(b) == "otlp" {
			continue
		}
		dst = w.pair(dst, object, key, value)
	}
}

// pair appends a key and its value within an object; nothing where there is no
// room, or the key is there already.
func (w *entryWriter) pair(dst []byte, object int, key, value wire.Value) []byte {
	before := len(dst)
	if dst[before-1] != '{' {
		dst = append(dst, ',')
	}
	k, v := key.Reader(), value.Reader()
	from := len(dst)
	dst, ok := appendKeyWithin(dst, &k, k.Next(), w.limit())
	if !ok || len(dst) > w.limit() {
		w.dropped++
		return dst[:before]
	}
	if !w.values.keys.add(dst, from, object) {
		return dst[:before]
	}
	dst = append(dst, ':')
	head := len(dst)
	dst, ok = w.values.append(dst, &v, w.limit())
	if !ok || len(dst) > w.limit() {
		w.dropped++
		return append(dst[:head], "null"...)
	}
	return dst
}

// group appends the attributes of the group that the record stands in.
func (w *entryWriter) group(dst []byte, g *chunk.Group) []byte {
	dst = w.fields(dst, g.Resource, true)
	dst = w.fields(dst, g.Scope, true)
	if len(g.ScopeName) > 0 && len(g.ScopeName) <= maxReservedBytes {
		dst = w.bytes(dst, "otel.scope.name", g.ScopeName)
	}
	if len(g.ScopeVersion) > 0 && len(g.ScopeVersion) <= maxReservedBytes {
		dst = w.bytes(dst, "otel.scope.version", g.ScopeVersion)
	}
	return dst
}

func (w *entryWriter) bytes(dst []byte, name string, text []byte) []byte {
	before := len(dst)
	if dst = w.name(dst, "", name); len(dst) == before {
		return dst
	}
	return appendString(dst, text)
}

// status appends OTLP's severity, unless the record says its status itself.
func (w *entryWriter) status(dst []byte, otlp wire.Value) []byte {
	if otlp == nil {
		return dst
	}
	if text := otlp.Get("severity_text"); usable(text) {
		return w.scalar(dst, "status", text)
	}
	if n, ok := otlp.Get("severity_number").Int64(); ok && n >= 1 && n <= 24 {
		return w.text(dst, "status", severityName(n))
	}
	return dst
}

// severityName is the name of OTLP's severity number n, 1 to 24.
func severityName(n int64) string {
	names := [...]string{"trace", "debug", "info", "warn", "error", "fatal"}
	return names[(n-1)/4]
}

// trace appends the trace's and the span's id.
func (w *entryWriter) trace(dst []byte, otlp wire.Value) []byte {
	if otlp == nil {
		return dst
	}
	dst = w.id(dst, "trace_id", otlp.Get("trace_id"), 16)
	return w.id(dst, "span_id", otlp.Get("span_id"), 8)
}

// id appends one id in both its forms. Fluent Bit gives the size bytes, other
// senders their hex.
func (w *entryWriter) id(dst []byte, name string, v wire.Value, size int) []byte {
	text, ok := v.Bytes()
	if !ok {
		return dst
	}
	var raw [16]byte
	switch len(text) {
	case size:
		copy(raw[:], text)
	case 2 * size:
		if _, err := hex.Decode(raw[:], text); err != nil {
			return dst
		}
	default:
		return dst
	}
	id := raw[:size]
	low := beUint64(id[size-8:])
	if low == 0 && beUint64(id) == 0 {
		return dst // "no id", says OTLP
	}
	before := len(dst)
	if dst = w.name(dst, "dd.", name); len(dst) > before {
		dst = append(dst, '"')
		dst = strconv.AppendUint(dst, low, 10)
		dst = append(dst, '"')
	}
	before = len(dst)
	if dst = w.name(dst, "otel.", name); len(dst) > before {
		dst = append(dst, '"')
		dst = hex.AppendEncode(dst, id)
		dst = append(dst, '"')
	}
	return dst
}

func beUint64(b []byte) (u uint64) {
	for _, c := range b[:8] {
		u = u<<8 | uint64(c)
	}
	return u
}
