package ddsink

import (
	"bytes"
	"math/bits"
	"strconv"
	"time"
	"unicode/utf8"

	"out_edge/plugin/chunk"
	"out_edge/plugin/wire"
)

// The intake's limit for one entry, in bytes; it truncates longer ones itself, at any
// point. Source: Datadog's "Send logs" API page.
const maxEntryBytes = 1_000_000

const (
	// maxAttributeBytes is the most that an entry's attributes may take together, so
	// that the message and the reserved fields fit too.
	maxAttributeBytes = 800_000
	// maxReservedBytes is the longest value of a record's own service, hostname, source
	// or ECS field that is used as such.
	maxReservedBytes = 1 << 10
	// maxTagsBytes is the same for its own ddtags.
	maxTagsBytes = 8 << 10
)

// The attributes that report what the sink changed.
const (
	attrTruncated = "edge.truncated_bytes"    // bytes cut off the message
	attrDropped   = "edge.dropped_attributes" // attributes that are null or missing because of their size
	attrTrueTime  = "edge.original_timestamp" // ms since 1970, if the arrival time was sent
	// kept is the prefix for a field of the record whose name conflicts with a reserved
	// one: record.timestamp, record.message, ...
	conflictPrefix = "record."
	// isoDate is the first name under which Datadog looks for a log's time, before
	// "timestamp". Source: its page on pipelines' reserved attributes.
	isoDate = "@timestamp"
)

// entryFormat is the part of a Config that determines how entries look. It is
// immutable.
type entryFormat struct {
	messageKey, dateKey, tagKey string
	includeTag, ecs             bool
	tags                        string

	dateHead string // `{"timestamp"`
	// Properties as whole fields, as `,"service":"x"`.
	sourceJSON, serviceJSON, hostnameJSON, tagsJSON string
	reservedJSON                                    string // all of them

	reservedNames [64][]reservedName // by the length of the name, modulo 64
}

// reservedField is a reserved field. Those up to fieldECSEnd are set aside until the end of the
// entry; the others are written where they occur, and also remembered.
type reservedField uint8

const (
	fieldPrimary reservedField = iota // dd_message_key
	fieldMessage
	fieldService
	fieldHostname
	fieldSource
	fieldTags
	fieldDate
	fieldISODate // @timestamp
	fieldTag
	fieldGroupService // service.name of a group
	fieldGroupHost    // host.name of a group
	fieldContainerID  // the ECS fields, in the order of ecsFields
	fieldECSEnd       = fieldContainerID + numECSFields
)

const (
	fieldHost        = fieldECSEnd + iota
	fieldServiceName // service.name of a record in Elastic's schema
	fieldHostName    // host.name there, and what journald and Windows call it
	fieldEnvName     // deployment.environment.name of a group
	fieldEnv         // deployment.environment of a group, its older name
	fieldVersion     // service.version of a group
	fieldTrace       // a trace's and a span's id in hex
	fieldSpan
	fieldStatus   // what Datadog itself reads as the status
	fieldLevel    // the same if it is a word; pino's and bunyan's is a number
	fieldPriority // of syslog, 0 to 7
	fieldWord     // a level under a name that Datadog does not know
	fieldText     // the first of messageKeys, in their order
	notReserved   = fieldText + numMessageKeys
	numReserved   = int(notReserved)
)

// ownReserved has the bits of the slots that may take the place of a property.
const ownReserved = 1<<fieldService | 1<<fieldHostname | 1<<fieldSource | 1<<fieldTags | 1<<fieldGroupService | 1<<fieldGroupHost |
	1<<fieldHost | 1<<fieldServiceName | 1<<fieldHostName | 1<<fieldEnvName | 1<<fieldEnv | 1<<fieldVersion

// messageKeys are the names that loggers use for the message, besides dd_message_key
// and "message": zap, slog, logrus, pino and bunyan; journald; Windows events; docker
// and CRI files; GELF; hclog; Serilog. The first that is not blank is used.
func messageKeys() [numMessageKeys]string {
	return [...]string{"msg", "MESSAGE", "Message", "log", "short_message", "@message", "@m", "RenderedMessage"}
}

// numMessageKeys is len(messageKeys()).
const numMessageKeys = 8

// place is where a field must be to fill a slot.
type place uint8

const (
	anywhere place = iota
	inGroup        // in OTLP's attributes alone
	inRecord       // in the record alone
)

// reservedName is the name of a reserved field.
type reservedName struct {
	name  string
	field reservedField
	place place
}

func newEntryFormat(c Config) *entryFormat {
	f := &entryFormat{
		messageKey: c.MessageKey, dateKey: c.DateKey, tagKey: c.TagKey,
		includeTag: c.IncludeTagKey, ecs: c.Provider == "ecs",
		tags:         c.Tags,
		sourceJSON:   fragment("ddsource", c.Source),
		serviceJSON:  fragment("service", c.Service),
		hostnameJSON: fragment("hostname", c.Hostname),
		tagsJSON:     fragment("ddtags", c.Tags),
	}
	f.dateHead = "{" + string(appendString(nil, []byte(f.dateKey)))
	f.reservedJSON = f.sourceJSON + f.serviceJSON + f.hostnameJSON + f.tagsJSON
	f.addSlots()
	return f
}

func (f *entryFormat) addSlots() {
	add := func(s reservedField, where place, names ...string) {
		for _, name := range names {
			at := &f.reservedNames[len(name)%len(f.reservedNames)]
			*at = append(*at, reservedName{name, s, where})
		}
	}
	add(fieldPrimary, anywhere, f.messageKey) // the first of two with the same name is used
	if f.includeTag {
		add(fieldTag, anywhere, f.tagKey)
	}
	add(fieldDate, anywhere, f.dateKey)
	add(fieldISODate, anywhere, isoDate)
	add(fieldMessage, anywhere, "message")
	add(fieldService, anywhere, "service")
	add(fieldHostname, anywhere, "hostname")
	add(fieldSource, anywhere, "ddsource")
	add(fieldTags, anywhere, "ddtags")
	add(fieldHost, anywhere, "host")
	add(fieldGroupService, inGroup, "service.name")
	add(fieldGroupHost, inGroup, "host.name")
	add(fieldEnvName, inGroup, "deployment.environment.name")
	add(fieldEnv, inGroup, "deployment.environment")
	add(fieldVersion, inGroup, "service.version")
	add(fieldServiceName, inRecord, "service.name")
	add(fieldHostName, inRecord, "host.name", "_HOSTNAME", "Computer", "ComputerName")
	add(fieldTrace, inRecord, "trace_id", "trace.id", "traceId", "TraceId")
	add(fieldSpan, inRecord, "span_id", "span.id", "spanId", "SpanId")
	for i, name := range messageKeys() {
		add(fieldText+reservedField(i), inRecord, name)
	}
	add(fieldStatus, inRecord, "status", "severity")
	add(fieldLevel, inRecord, "level")
	add(fieldPriority, inRecord, "PRIORITY", "priority")
	add(fieldWord, inRecord, "log.level", "@level", "@l", "Level", "lvl", "levelname", "LevelDisplayName")
	if f.ecs {
		for i, field := range ecsFields() {
			add(fieldContainerID+reservedField(i), anywhere, field.name)
		}
	}
}

// fragment is a field that is the same in each entry, or "".
func fragment(name, value string) string {
	if value == "" {
		return ""
	}
	return `,"` + name + `":` + string(appendString(nil, []byte(value)))
}

// fieldOf returns the slot of a field's name, or notReserved.
func (f *entryFormat) fieldOf(name []byte, group bool) reservedField {
	for _, s := range f.reservedNames[len(name)%len(f.reservedNames)] {
		if string(name) == s.name && (s.place == anywhere || group == (s.place == inGroup)) {
			return s.field
		}
	}
	return notReserved
}

// entryWriter writes records as entries of the logs intake. It is reused; its fields
// describe the entry that it wrote last.
type entryWriter struct {
	f        *entryFormat
	values   valueWriter
	keys     keySet // of the entry itself
	known    knownShapes
	reserved [numReserved]wire.Value // views into the payload, of the current record
	filled   uint64                  // bit n: slot n was set
	tags     []byte                  // scratch
	// second and secondText are those of the last entry's time, in s since 1970.
	second     int64
	secondText []byte
	start      int // offset of the entry in dst
	cut        int // bytes cut off its message
	// dropped counts attributes that were omitted because of their size.
	dropped int
}

func newEntryWriter(f *entryFormat) entryWriter {
	return entryWriter{f: f, keys: newKeySet(), values: valueWriter{keys: newKeySet()}}
}

// stamp is the time of an entry.
type stamp struct {
	ms       int64 // the time that is sent, in ms since 1970
	trueTime int64 // the original time if that is another one
	replaced bool
}

// append appends rec as one JSON object. Each field name is used once: the record's own
// service, hostname, ddsource and ddtags take precedence over the properties, and these
// over the group's attributes. Any other field of the record that conflicts with a
// reserved one is renamed to "record.<name>". Of two fields with the same name the
// first is used.
func (w *entryWriter) append(dst []byte, rec *chunk.Record, tag string, at stamp) []byte {
	w.start, w.cut, w.dropped = len(dst), 0, 0
	w.keys.reset()
	w.values.reset()
	w.clearReserved()

	dst = append(dst, w.f.dateHead...)
	w.keys.add(dst, w.start+1, 0)
	dst = append(dst, ':')
	dst = w.appendTime(dst, at.ms)
	dst = w.fields(dst, rec.Body, false)
	var otlp wire.Value
	if len(rec.Metadata) > 1 { // not just an empty map
		otlp = rec.Metadata.Get("otlp")
		dst = w.metadata(dst, rec, otlp)
	}
	if rec.Group != nil {
		dst = w.group(dst, rec.Group)
	}
	dst = w.date(dst, at)
	dst = w.tag(dst, tag)
	if w.filled&ownReserved == 0 && !w.f.ecs {
		dst = append(dst, w.f.reservedJSON...)
	} else {
		dst = w.ownOrProperties(dst)
	}
	dst = w.status(dst, otlp)
	dst = w.trace(dst, otlp)
	dst = w.message(dst)
	return append(dst, '}')
}

// ownOrProperties appends the reserved fields for which there are properties, of the
// record, the group or the properties.
func (w *entryWriter) ownOrProperties(dst []byte) []byte {
	dst = w.source(dst)
	dst = w.service(dst)
	dst = w.hostname(dst)
	dst = w.appendUnused(dst, fieldGroupService, "service.name")
	dst = w.appendUnused(dst, fieldGroupHost, "host.name")
	return w.ddtags(dst)
}

// appendTime appends ms. The text of the last entry's seconds is reused, because most
// entries share them.
func (w *entryWriter) appendTime(dst []byte, ms int64) []byte {
	if ms < 1000 {
		return strconv.AppendInt(dst, ms, 10)
	}
	sec := ms / 1000
	if sec != w.second {
		w.second = sec
		w.secondText = strconv.AppendInt(w.secondText[:0], sec, 10)
	}
	rest := int(ms - sec*1000)
	dst = append(dst, w.secondText...)
	return append(dst, '0'+byte(rest/100), '0'+byte(rest/10%10), '0'+byte(rest%10))
}

// clearReserved empties the slots; few of them are ever set.
func (w *entryWriter) clearReserved() {
	for ; w.filled != 0; w.filled &= w.filled - 1 {
		w.reserved[bits.TrailingZeros64(w.filled)] = nil
	}
}

// limit is the end of the attributes' room in dst.
func (w *entryWriter) limit() int { return w.start + maxAttributeBytes }

// fields appends the pairs of a map as attributes, and keeps a view of those that have a
// slot.
func (w *entryWriter) fields(dst []byte, m wire.Value, group bool) []byte {
	r := m.Reader()
	if r.Next() != wire.Map {
		return dst
	}
	var known *knownNames
	if !group {
		known = w.known.of(m)
	}
	for i, n := 0, r.Len(); i < n; i++ {
		before := len(dst)
		var field reservedField
		dst, field = w.fieldName(dst, &r, i, known)
		begin, head := r.Offset(), len(dst)
		if head == before {
			r.Next()
			r.Skip()
		} else if out, ok := w.values.append(dst, &r, w.limit()); ok && len(out) <= w.limit() {
			dst = out
		} else {
			dst = append(out[:head], "null"...)
			w.dropped++
			r = after(m, i)
		}
		if field < notReserved {
			w.keep(field, r.Since(begin))
		}
	}
	return dst
}

// fieldName returns the slot of the name of pair i, which r is before, and skips it. It
// appends the name, unless the field is set aside or cannot be written. known are the
// names of a record like this one; nil is for a group.
func (w *entryWriter) fieldName(dst []byte, r *wire.Reader, i int, known *knownNames) ([]byte, reservedField) {
	if known != nil && w.limit()-len(dst) >= maxReservedBytes {
		if k := known.match(r, i); k != nil {
			if len(k.json) > 0 {
				w.keys.addNew(len(dst)+1, len(dst)+len(k.json)-1, k.bit)
			}
			return k.append(dst), k.field
		}
	}
	kind, before, field := r.Next(), len(dst), notReserved
	var text []byte
	if kind == wire.Str || kind == wire.Bin {
		text = r.Bytes()
		if field = w.f.fieldOf(text, known == nil); field >= fieldHost {
			dst = w.key(dst, r, kind, text)
		}
	} else {
		dst = w.key(dst, r, kind, text)
	}
	switch {
	case known == nil:
	case kind == wire.Str && len(text) < maxKnownBytes && (field < fieldHost || len(dst) > before):
		known.learn(i, r.Skip(), dst[before:], field)
	default:
		known.forget(i)
	}
	return dst, field
}

// keep keeps a view of the value of a slot, if it is the first for it.
func (w *entryWriter) keep(s reservedField, v wire.Value) {
	if old := w.reserved[s]; old != nil && (s != fieldWord || hasText(old)) {
		return
	}
	w.reserved[s] = v
	w.filled |= 1 << s
}

// after returns a reader of map m behind pair i.
func after(m wire.Value, i int) wire.Reader {
	r := m.Reader()
	r.Next()
	for range 2 * (i + 1) {
		r.Next()
		r.Skip()
	}
	return r
}

// key appends a comma, the key that r has just returned, and a colon; or nothing if the
// key is already there or does not fit. text is the key's if it is str or bin.
func (w *entryWriter) key(dst []byte, r *wire.Reader, kind wire.TokenKind, text []byte) []byte {
	before := len(dst)
	if len(text) > w.limit()-before || kind == wire.Ext && len(r.Bytes()) > w.limit()-before {
		w.dropped++
		return dst
	}
	dst = append(dst, ',')
	if kind == wire.Str {
		dst = appendString(dst, text)
	} else {
		dst = appendKeyToken(dst, r, kind)
	}
	if len(dst) > w.limit() {
		w.dropped++
		return dst[:before]
	}
	if !w.keys.add(dst, before+1, 0) {
		return dst[:before]
	}
	return append(dst, ':')
}

// named appends value as the attribute prefix+name.
func (w *entryWriter) named(dst []byte, prefix, name string, value wire.Value) []byte {
	before := len(dst)
	dst = w.name(dst, prefix, name)
	if len(dst) == before {
		return dst
	}
	head := len(dst)
	r := value.Reader()
	dst, ok := w.values.append(dst, &r, w.limit())
	if !ok || len(dst) > w.limit() {
		w.dropped++
		return append(dst[:head], "null"...)
	}
	return dst
}

// name is key for one of our own names.
func (w *entryWriter) name(dst []byte, prefix, name string) []byte {
	before := len(dst)
	dst = append(dst, ',', '"')
	dst = append(dst, prefix...)
	dst = appendEscaped(dst, []byte(name))
	dst = append(dst, '"')
	if !w.keys.add(dst, before+1, 0) {
		return dst[:before]
	}
	return append(dst, ':')
}

// text appends one of our own strings under a name.
func (w *entryWriter) text(dst []byte, name, text string) []byte {
	before := len(dst)
	if dst = w.name(dst, "", name); len(dst) == before {
		return dst
	}
	dst = append(dst, '"')
	dst = appendEscaped(dst, []byte(text))
	return append(dst, '"')
}

// date handles the record's own field with the name that is used for the time.
func (w *entryWriter) date(dst []byte, at stamp) []byte {
	if at.replaced {
		before := len(dst)
		if dst = w.name(dst, "", attrTrueTime); len(dst) > before {
			dst = strconv.AppendInt(dst, at.trueTime, 10)
		}
	}
	if v := w.reserved[fieldISODate]; v != nil {
		prefix := conflictPrefix
		if sameSecond(v, at.ms) {
			prefix = ""
		}
		dst = w.named(dst, prefix, isoDate, v)
	}
	own := w.reserved[fieldDate]
	if own == nil {
		return dst
	}
	if ms, ok := own.Int64(); ok && ms == at.ms {
		return dst
	}
	return w.named(dst, conflictPrefix, w.f.dateKey, own)
}

// sameSecond reports whether v, as ISO 8601 text or as ms since 1970, is less than a
// second from ms: a record's own time may have been truncated to seconds.
func sameSecond(v wire.Value, ms int64) bool {
	own, ok := v.Int64()
	if text, isText := v.Bytes(); isText && len(text) <= 40 {
		t, err := time.Parse(time.RFC3339, string(text))
		if err != nil {
			t, err = time.Parse("2006-01-02T15:04:05Z0700", string(text))
		}
		own, ok = t.UnixMilli(), err == nil
	}
	return ok && own > ms-1000 && own < ms+1000
}

// tag appends Fluent Bit's tag if the user asked for it.
func (w *entryWriter) tag(dst []byte, tag string) []byte {
	if !w.f.includeTag {
		return dst
	}
	dst = w.text(dst, w.f.tagKey, tag)
	if own := w.reserved[fieldTag]; own != nil {
		dst = w.named(dst, conflictPrefix, w.f.tagKey, own)
	}
	return dst
}

// own appends a reserved field from the record itself, if its value is usable.
func (w *entryWriter) own(dst []byte, s reservedField, name string) (out []byte, found bool) {
	switch v := w.reserved[s]; {
	case v == nil:
	case hasName(v):
		return w.scalar(dst, name, v), true
	case !isBlank(v):
		dst = w.named(dst, conflictPrefix, name, v)
	}
	return dst, false
}

// first appends a reserved field from the sources after the record's own field: other
// names in the record, the property, then the group, whose value is then used up. These
// names come from nowhere else, so the keys need not be checked.
func (w *entryWriter) first(dst []byte, name string, other wire.Value, property string, group reservedField) (out []byte, found bool) {
	switch {
	case hasName(other):
		return w.scalar(dst, name, other), true
	case property != "":
		return append(dst, property...), true
	case group != notReserved && hasName(w.reserved[group]):
		dst = w.scalar(dst, name, w.reserved[group])
		w.reserved[group] = nil
		return dst, true
	}
	return dst, false
}

func (w *entryWriter) source(dst []byte) []byte {
	dst, found := w.own(dst, fieldSource, "ddsource")
	if !found {
		dst, _ = w.first(dst, "ddsource", nil, w.f.sourceJSON, notReserved)
	}
	return dst
}

// service also reads Elastic's service.name, flat or as an object.
func (w *entryWriter) service(dst []byte) []byte {
	dst, found := w.own(dst, fieldService, "service")
	if !found {
		name := nameOf(w.reserved[fieldService], w.reserved[fieldServiceName])
		dst, _ = w.first(dst, "service", name, w.f.serviceJSON, fieldGroupService)
	}
	return dst
}

// hostname adds nothing if the record has a usable field named host, which Datadog
// reads. The group's host takes precedence over the device that sends it.
func (w *entryWriter) hostname(dst []byte) []byte {
	dst, found := w.own(dst, fieldHostname, "hostname")
	if found || hasName(w.reserved[fieldHost]) {
		return dst
	}
	name := nameOf(w.reserved[fieldHost], w.reserved[fieldHostName])
	if dst, found = w.first(dst, "hostname", name, "", fieldGroupHost); found {
		return dst
	}
	return append(dst, w.f.hostnameJSON...)
}

// nameOf returns the name from an object, as in Elastic's schema, or else the flat
// field.
func nameOf(object, flat wire.Value) wire.Value {
	if object.IsMap() {
		if name := object.Get("name"); hasName(name) {
			return name
		}
	}
	return flat
}

// appendUnused appends a field that was set aside and not used.
func (w *entryWriter) appendUnused(dst []byte, s reservedField, name string) []byte {
	if w.reserved[s] == nil {
		return dst
	}
	return w.named(dst, "", name, w.reserved[s])
}

// scalar appends a scalar as a string under a name.
func (w *entryWriter) scalar(dst []byte, name string, v wire.Value) []byte {
	before := len(dst)
	if dst = w.name(dst, "", name); len(dst) == before {
		return dst
	}
	r := v.Reader()
	return appendKeyToken(dst, &r, r.Next())
}

// usable reports whether v can be a reserved field: a scalar that is not blank and not
// much longer than such a field is.
func usable(v wire.Value) bool {
	return v != nil && len(v) <= maxReservedBytes && isScalar(v) && !isBlank(v)
}

// hasName reports whether v can name a service or a host.
func hasName(v wire.Value) bool {
	if len(v) == 0 {
		return false
	}
	b, isText := v.Bytes()
	return usable(v) && (!isText || !isSpace(b) && string(b) != "-")
}

// hasText reports whether v is a text that is not blank.
func hasText(v wire.Value) bool {
	b, isText := v.Bytes()
	return isText && !isSpace(b)
}

// isSpace reports whether b has nothing but white space.
func isSpace(b []byte) bool {
	if len(b) > 0 && b[0] > ' ' && b[0] < utf8.RuneSelf { // as usual
		return false
	}
	return len(bytes.TrimSpace(b)) == 0
}

func isScalar(v wire.Value) bool {
	k := v.Kind()
	return k > wire.Nil && k < wire.Array
}

// isBlank reports whether v is nil or an empty text.
func isBlank(v wire.Value) bool {
	if len(v) == 0 || v.Kind() == wire.Nil {
		return true
	}
	b, isText := v.Bytes()
	return isText && len(b) == 0
}

// message appends the message, truncated if necessary: the first non-blank text of
// dd_message_key's field, the field "message", and messageKeys. A record without any
// has no message. The fields of messageKeys are also kept under their own names.
func (w *entryWriter) message(dst []byte) []byte {
	chosen, found := w.chooseMessage()
	if chosen != fieldPrimary {
		dst = w.unused(dst, fieldPrimary, w.f.messageKey)
	}
	if chosen != fieldMessage {
		dst = w.unused(dst, fieldMessage, "message")
	}
	dst = w.notes(dst)
	if !found {
		return dst
	}
	dst = append(dst, `,"message":`...)
	return w.messageText(dst, w.reserved[chosen])
}

// chooseMessage returns the slot of the message. A number or a blank text is used only
// if there is nothing better.
func (w *entryWriter) chooseMessage() (chosen reservedField, found bool) {
	if hasText(w.reserved[fieldPrimary]) {
		return fieldPrimary, true
	}
	if hasText(w.reserved[fieldMessage]) {
		return fieldMessage, true
	}
	for others := w.filled >> fieldText; others != 0; others &= others - 1 {
		if s := fieldText + reservedField(bits.TrailingZeros64(others)); hasText(w.reserved[s]) {
			return s, true
		}
	}
	for _, s := range [...]reservedField{fieldPrimary, fieldMessage} {
		if v := w.reserved[s]; v != nil && isScalar(v) && !isBlank(v) {
			return s, true
		}
	}
	for _, s := range [...]reservedField{fieldPrimary, fieldMessage} {
		if v := w.reserved[s]; v != nil && v.Kind() < wire.Array { // it was blank
			return s, true
		}
	}
	return notReserved, false
}

// unused keeps a field that did not become the message under its own name, unless that
// is "message", which has a meaning at the intake.
func (w *entryWriter) unused(dst []byte, s reservedField, name string) []byte {
	v := w.reserved[s]
	switch {
	case v == nil || isBlank(v):
		return dst
	case name == "message":
		return w.named(dst, conflictPrefix, "message", v)
	default:
		return w.named(dst, "", name, v)
	}
}

// notes appends what happened to attributes that were too large.
func (w *entryWriter) notes(dst []byte) []byte {
	if w.dropped == 0 {
		return dst
	}
	before := len(dst)
	if dst = w.name(dst, "", attrDropped); len(dst) == before {
		return dst
	}
	return strconv.AppendInt(dst, int64(w.dropped), 10)
}

// messageText appends the message itself, and how much of it was cut.
func (w *entryWriter) messageText(dst []byte, v wire.Value) []byte {
	r := v.Reader()
	kind := r.Next()
	if kind == wire.Nil {
		return append(dst, '"', '"')
	}
	if kind != wire.Str && kind != wire.Bin {
		return appendKeyToken(dst, &r, kind)
	}
	const note = len(`,"`+attrTruncated+`":`) + 20
	room := max(maxEntryBytes-(len(dst)-w.start)-len(`}`), 2)
	text := r.Bytes()
	if kind == wire.Bin && len(text)*6+2 <= room {
		return appendBin(dst, text)
	}
	head := len(dst)
	dst, used := appendStringMax(dst, text, room)
	if used == len(text) {
		return dst
	}
	dst, used = appendStringMax(dst[:head], text, max(room-note, 2))
	w.cut = len(text) - used
	before := len(dst)
	if dst = w.name(dst, "", attrTruncated); len(dst) == before {
		return dst
	}
	return strconv.AppendInt(dst, int64(w.cut), 10)
}
