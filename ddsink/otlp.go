package ddsink

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"out_edge/plugin/chunk"
	"out_edge/plugin/wire"
)

// OTLP's fields are mapped like in Datadog's own OTLP intake:
//
//	severity_text, else severity_number   status
//	trace_id, span_id                     otel.trace_id, otel.span_id (hex) and
//	                                      dd.trace_id, dd.span_id (decimal, the
//	                                      low 64 bits), which link to traces
//	attributes, resource, scope           attributes
//	service.name, host.name               service, hostname (see reserved)

// metadata appends a record's metadata: OTLP's attributes as attributes, anything else
// as the object "metadata".
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

// pair appends a key and its value in an object; nothing if there is no room, or the
// key is already there.
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

// group appends the attributes of the record's group.
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

// status appends OTLP's severity, or the level that loggers write where Datadog does
// not look for a status: in a field of another name, pino's and bunyan's numbers,
// syslog's priority. A record that has its status where Datadog looks for it keeps it.
func (w *entryWriter) status(dst []byte, otlp wire.Value) []byte {
	if otlp != nil {
		if text := otlp.Get("severity_text"); usable(text) {
			return w.scalar(dst, "status", text)
		}
		if n, ok := otlp.Get("severity_number").Int64(); ok && n >= 1 && n <= 24 {
			return w.text(dst, "status", severityName(n))
		}
	}
	if w.filled>>fieldLevel == 0 && !w.reserved[fieldPrimary].IsMap() || hasName(w.reserved[fieldStatus]) || hasText(w.reserved[fieldLevel]) {
		return dst
	}
	if n, ok := w.reserved[fieldLevel].Int64(); ok {
		if n >= 10 && n <= 60 && n%10 == 0 { // pino's and bunyan's; syslog's Datadog reads itself
			return w.text(dst, "status", severityName(n/10*4-3))
		}
		return dst
	}
	if word := w.levelWord(); usable(word) && hasText(word) {
		return w.scalar(dst, "status", word)
	}
	if name := priorityName(w.reserved[fieldPriority]); name != "" {
		return w.text(dst, "status", name)
	}
	return dst
}

// levelWord returns a level under another name, or in Elastic's object log.
func (w *entryWriter) levelWord() wire.Value {
	if v := w.reserved[fieldWord]; v != nil {
		return v
	}
	if v := w.reserved[fieldPrimary]; v.IsMap() {
		return v.Get("level")
	}
	return nil
}

// priorityName returns the name of syslog's priority: a number, or journald's text of
// one digit; "" for anything else.
func priorityName(v wire.Value) string {
	names := [...]string{"emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"}
	n, ok := v.Int64()
	if text, isText := v.Bytes(); isText && len(text) == 1 {
		n, ok = int64(text[0])-'0', true
	}
	if !ok || n < 0 || n >= int64(len(names)) {
		return ""
	}
	return names[n]
}

// severityName returns the name of OTLP's severity number n, 1 to 24.
func severityName(n int64) string {
	names := [...]string{"trace", "debug", "info", "warn", "error", "fatal"}
	return names[(n-1)/4]
}

// trace appends the trace's and the span's id: OTLP's in both forms, hex ids of the
// record in Datadog's, which links to traces.
func (w *entryWriter) trace(dst []byte, otlp wire.Value) []byte {
	if otlp != nil {
		dst = w.id(dst, "trace_id", otlp.Get("trace_id"), 16, true)
		return w.id(dst, "span_id", otlp.Get("span_id"), 8, true)
	}
	dst = w.id(dst, "trace_id", w.reserved[fieldTrace], 16, false)
	return w.id(dst, "span_id", w.reserved[fieldSpan], 8, false)
}

// id appends one id, OTLP's also in its own form. Fluent Bit passes the size bytes,
// other senders their hex form.
func (w *entryWriter) id(dst []byte, name string, v wire.Value, size int, both bool) []byte {
	if len(v) == 0 {
		return dst
	}
	var raw [16]byte
	text, _ := v.Bytes()
	switch {
	case len(text) == size && both:
		copy(raw[:], text)
	case len(text) != 2*size:
		return dst
	default:
		if _, err := hex.Decode(raw[:], text); err != nil {
			return dst
		}
	}
	id := raw[:size]
	low := binary.BigEndian.Uint64(id[size-8:])
	if low == 0 && binary.BigEndian.Uint64(id) == 0 {
		return dst // "no id" in OTLP
	}
	before := len(dst)
	if dst = w.name(dst, "dd.", name); len(dst) > before {
		dst = append(strconv.AppendUint(append(dst, '"'), low, 10), '"')
	}
	before = len(dst)
	if !both {
		return dst
	}
	if dst = w.name(dst, "otel.", name); len(dst) > before {
		dst = append(hex.AppendEncode(append(dst, '"'), id), '"')
	}
	return dst
}
