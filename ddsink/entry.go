package ddsink

import (
	"bytes"
	"math/bits"
	"strconv"
	"time"

	"out_edge/plugin/chunk"
	"out_edge/plugin/wire"
)

// The intake's limit of one entry, in bytes; beyond it, it cuts by itself, in the
// middle of anything. Source: Datadog's "Send logs" API page.
const maxEntryBytes = 1_000_000

const (
	// maxAttributeBytes is what an entry's attributes may take together, so
	// that the message and the reserved fields have room beside them.
	maxAttributeBytes = 800_000
	// maxReservedBytes is how long a record's own service, hostname, source or
	// ECS field may be to be taken for one.
	maxReservedBytes = 1 << 10
	// maxTagsBytes is the same for its own ddtags.
	maxTagsBytes = 8 << 10
)

// The attributes that tell what the sink changed.
const (
	attrTruncated = "edge.truncated_bytes"    // bytes of the message that were cut off
	attrDropped   = "edge.dropped_attributes" // attributes that are null or missing for their size
	attrTrueTime  = "edge.original_timestamp" // ms since 1970, where the arrival time stands in
	// kept is put before the name of a field of the record that had to make
	// room for a reserved one: record.timestamp, record.message, ...
	kept = "record."
	// isoDate is the first of the names under which Datadog looks for a log's
	// time, before "timestamp". Source: its page on pipelines' reserved attributes.
	isoDate = "@timestamp"
)

// entryFormat is what of a Config shapes an entry. It is immutable.
type entryFormat struct {
	messageKey, dateKey, tagKey string
	includeTag, ecs             bool
	tags                        string

	dateHead string // `{"timestamp"`
	// Properties as whole fields, as `,"service":"x"`.
	sourceJSON, serviceJSON, hostnameJSON, tagsJSON string

	specials [64][]special // by the length of the name, modulo 64
}

// slot is a field with a meaning of its own. Those up to slotECSEnd are set aside
// until the end of the entry; the others are written where they stand, and only
// remembered.
type slot uint8

const (
	slotPrimary slot = iota // dd_message_key
	slotMessage
	slotService
	slotHostname
	slotSource
	slotTags
	slotDate
	slotISODate // @timestamp
	slotTag
	slotGroupService // service.name of a group
	slotGroupHost    // host.name of a group
	slotContainerID  // the ECS fields, in the order of ecsFields
	slotECSEnd       = slotContainerID + numECSFields
)

const (
	slotHost        = slotECSEnd + iota
	slotServiceName // service.name of a record in Elastic's schema
	slotHostName    // host.name there, and what journald and Windows call it
	slotEnvName     // deployment.environment.name of a group
	slotEnv         // deployment.environment of a group, its older name
	slotVersion     // service.version of a group
	slotTrace       // a trace's and a span's id in hex
	slotSpan
	slotStatus   // what Datadog takes the status from by itself
	slotLevel    // the same where it is a word; pino's and bunyan's is a number
	slotPriority // of syslog, 0 to 7
	slotWord     // a level under a name that Datadog does not know
	slotText     // the first of messageKeys, in their order
	noSlot       = slotText + numMessageKeys
	numSlots     = int(noSlot)
)

// messageKeys are where loggers put the message, beside dd_message_key and
// "message": zap, slog, logrus, pino and bunyan; journald; Windows events; docker
// and CRI files; GELF; hclog; Serilog. The first that says something counts.
func messageKeys() [numMessageKeys]string {
	return [...]string{"msg", "MESSAGE", "Message", "log", "short_message", "@message", "@m", "RenderedMessage"}
}

// numMessageKeys is len(messageKeys()).
const numMessageKeys = 8

// place says where a field must stand to lead to a slot.
type place uint8

const (
	anywhere place = iota
	inGroup        // in OTLP's attributes alone
	inRecord       // in the record alone
)

// special is the name that leads to a slot.
type special struct {
	name  string
	slot  slot
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
	f.addSlots()
	return f
}

func (f *entryFormat) addSlots() {
	add := func(s slot, where place, names ...string) {
		for _, name := range names {
			at := &f.specials[len(name)%len(f.specials)]
			*at = append(*at, special{name, s, where})
		}
	}
	add(slotPrimary, anywhere, f.messageKey) // of two with one name the first counts
	if f.includeTag {
		add(slotTag, anywhere, f.tagKey)
	}
	add(slotDate, anywhere, f.dateKey)
	add(slotISODate, anywhere, isoDate)
	add(slotMessage, anywhere, "message")
	add(slotService, anywhere, "service")
	add(slotHostname, anywhere, "hostname")
	add(slotSource, anywhere, "ddsource")
	add(slotTags, anywhere, "ddtags")
	add(slotHost, anywhere, "host")
	add(slotGroupService, inGroup, "service.name")
	add(slotGroupHost, inGroup, "host.name")
	add(slotEnvName, inGroup, "deployment.environment.name")
	add(slotEnv, inGroup, "deployment.environment")
	add(slotVersion, inGroup, "service.version")
	add(slotServiceName, inRecord, "service.name")
	add(slotHostName, inRecord, "host.name", "_HOSTNAME", "Computer", "ComputerName")
	add(slotTrace, inRecord, "trace_id", "trace.id", "traceId", "TraceId")
	add(slotSpan, inRecord, "span_id", "span.id", "spanId", "SpanId")
	for i, name := range messageKeys() {
		add(slotText+slot(i), inRecord, name)
	}
	add(slotStatus, inRecord, "status", "severity")
	add(slotLevel, inRecord, "level")
	add(slotPriority, inRecord, "PRIORITY", "priority")
	add(slotWord, inRecord, "log.level", "@level", "@l", "Level", "lvl", "levelname", "LevelDisplayName")
	if f.ecs {
		for i, field := range ecsFields() {
			add(slotContainerID+slot(i), anywhere, field.name)
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

// slotOf is the slot that a field's name leads to, or noSlot.
func (f *entryFormat) slotOf(name []byte, group bool) slot {
	for _, s := range f.specials[len(name)%len(f.specials)] {
		if string(name) == s.name && (s.place == anywhere || group == (s.place == inGroup)) {
			return s.slot
		}
	}
	return noSlot
}

// entryWriter writes records as entries of the logs intake. It is reused; the
// entry that it wrote last is described by its fields.
type entryWriter struct {
	f      *entryFormat
	values valueWriter
	keys   keySet               // of the entry itself
	slots  [numSlots]wire.Value // views into the payload, of the current record
	filled uint64               // bit n: slot n was set
	tags   []byte               // scratch
	// second and secondText are those of the last entry's time, in s since 1970.
	second     int64
	secondText []byte
	start      int // where the entry begins in dst
	cut        int // bytes cut off its message
	// dropped counts attributes that were too large to go along.
	dropped int
}

func newEntryWriter(f *entryFormat) entryWriter {
	return entryWriter{f: f, keys: newKeySet(), values: valueWriter{keys: newKeySet()}}
}

// stamp is when an entry happened.
type stamp struct {
	ms       int64 // what Datadog is told, in ms since 1970
	trueTime int64 // the true time where that is another one
	replaced bool
}

// append appends rec as one JSON object. A field's own name is used once: what
// the record says of service, hostname, ddsource and ddtags wins over the
// properties, these over the group's attributes; any other field of the record
// that would get in the way of a reserved one is kept under "record.<name>". Of
// two fields with one name the first counts.
func (w *entryWriter) append(dst []byte, rec *chunk.Record, tag string, at stamp) []byte {
	w.start, w.cut, w.dropped = len(dst), 0, 0
	w.keys.reset()
	w.values.reset()
	w.clearSlots()

	dst = append(dst, w.f.dateHead...)
	w.keys.add(dst, w.start+1, 0)
	dst = append(dst, ':')
	dst = w.appendTime(dst, at.ms)
	dst = w.fields(dst, rec.Body, false)
	var otlp wire.Value
	if len(rec.Metadata) > 1 { // more than an empty map
		otlp = rec.Metadata.Get("otlp")
		dst = w.metadata(dst, rec, otlp)
	}
	if rec.Group != nil {
		dst = w.group(dst, rec.Group)
	}
	dst = w.date(dst, at)
	dst = w.tag(dst, tag)
	dst = w.source(dst)
	dst = w.service(dst)
	dst = w.hostname(dst)
	dst = w.leftOver(dst, slotGroupService, "service.name")
	dst = w.leftOver(dst, slotGroupHost, "host.name")
	dst = w.ddtags(dst)
	dst = w.status(dst, otlp)
	dst = w.trace(dst, otlp)
	dst = w.message(dst)
	return append(dst, '}')
}

// appendTime appends ms; the seconds of the entry before are kept as text, as most
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

// clearSlots empties the slots; few of them are ever set.
func (w *entryWriter) clearSlots() {
	for ; w.filled != 0; w.filled &= w.filled - 1 {
		w.slots[bits.TrailingZeros64(w.filled)] = nil
	}
}

// limit is how far attributes may go in dst.
func (w *entryWriter) limit() int { return w.start + maxAttributeBytes }

// fields appends the pairs of a map as attributes, and sets those aside that have
// a slot.
func (w *entryWriter) fields(dst []byte, m wire.Value, group bool) []byte {
	r := m.Reader()
	if r.Next() != wire.Map {
		return dst
	}
	for i, n := 0, r.Len(); i < n; i++ {
		kind := r.Next()
		var text []byte
		if kind == wire.Str || kind == wire.Bin {
			text = r.Bytes()
			switch s := w.f.slotOf(text, group); {
			case s < slotHost:
				w.setAside(s, &r)
				continue
			case s < noSlot: // only remembered
				ahead := r
				w.setAside(s, &ahead)
			}
		}
		before := len(dst)
		dst = w.key(dst, &r, kind, text)
		if len(dst) == before {
			r.Next()
			r.Skip()
			continue
		}
		var ok bool
		head := len(dst)
		if dst, ok = w.values.append(dst, &r, w.limit()); !ok || len(dst) > w.limit() {
			dst = append(dst[:head], "null"...)
			w.dropped++
			r = after(m, i)
		}
	}
	return dst
}

// setAside steps over the value that r stands before, and keeps a view of it if
// it is the first for its slot.
func (w *entryWriter) setAside(s slot, r *wire.Reader) {
	r.Next()
	v := r.Skip()
	if old := w.slots[s]; old != nil && (s != slotWord || saysText(old)) {
		return
	}
	w.slots[s] = v
	w.filled |= 1 << s
}

// after is a reader of map m that stands behind pair i.
func after(m wire.Value, i int) wire.Reader {
	r := m.Reader()
	r.Next()
	for range 2 * (i + 1) {
		r.Next()
		r.Skip()
	}
	return r
}

// key appends a comma, the key that r has just given, and a colon; or nothing,
// where the key is there already or there is no room for it. text is the key's if
// it is str or bin.
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

// name is key for a name of our own.
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

// text appends a string of our own under a name.
func (w *entryWriter) text(dst []byte, name, text string) []byte {
	before := len(dst)
	if dst = w.name(dst, "", name); len(dst) == before {
		return dst
	}
	dst = append(dst, '"')
	dst = appendEscaped(dst, []byte(text))
	return append(dst, '"')
}

// date deals with the record's own field of the name that the time goes under.
func (w *entryWriter) date(dst []byte, at stamp) []byte {
	if at.replaced {
		before := len(dst)
		if dst = w.name(dst, "", attrTrueTime); len(dst) > before {
			dst = strconv.AppendInt(dst, at.trueTime, 10)
		}
	}
	if v := w.slots[slotISODate]; v != nil {
		prefix := kept
		if sameSecond(v, at.ms) {
			prefix = ""
		}
		dst = w.named(dst, prefix, isoDate, v)
	}
	own := w.slots[slotDate]
	if own == nil {
		return dst
	}
	if ms, ok := own.Int64(); ok && ms == at.ms {
		return dst
	}
	return w.named(dst, kept, w.f.dateKey, own)
}

// sameSecond says whether v, as text of ISO 8601 or as ms since 1970, is less than
// a second from ms: a record's own time may have been cut to whole seconds.
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

// tag appends Fluent Bit's tag where the user asked for it.
func (w *entryWriter) tag(dst []byte, tag string) []byte {
	if !w.f.includeTag {
		return dst
	}
	dst = w.text(dst, w.f.tagKey, tag)
	if own := w.slots[slotTag]; own != nil {
		dst = w.named(dst, kept, w.f.tagKey, own)
	}
	return dst
}

// own appends a reserved field as the record itself has it, if it can be one.
func (w *entryWriter) own(dst []byte, s slot, name string) (out []byte, found bool) {
	v := w.slots[s]
	switch {
	case saysName(v):
		return w.scalar(dst, name, v), true
	case v != nil && !isBlank(v):
		dst = w.named(dst, kept, name, v)
	}
	return dst, false
}

// first appends a reserved field from what stands second to the record's own:
// other names in the record, the property, then what the group says, which is used
// up by that. These names never come from anywhere else, so they need no look at
// the keys.
func (w *entryWriter) first(dst []byte, name string, other wire.Value, property string, group slot) (out []byte, found bool) {
	switch {
	case saysName(other):
		return w.scalar(dst, name, other), true
	case property != "":
		return append(dst, property...), true
	case group != noSlot && saysName(w.slots[group]):
		dst = w.scalar(dst, name, w.slots[group])
		w.slots[group] = nil
		return dst, true
	}
	return dst, false
}

func (w *entryWriter) source(dst []byte) []byte {
	dst, found := w.own(dst, slotSource, "ddsource")
	if !found {
		dst, _ = w.first(dst, "ddsource", nil, w.f.sourceJSON, noSlot)
	}
	return dst
}

// service also takes Elastic's service.name, flat or as an object.
func (w *entryWriter) service(dst []byte) []byte {
	dst, found := w.own(dst, slotService, "service")
	if !found {
		name := nameOf(w.slots[slotService], w.slots[slotServiceName])
		dst, _ = w.first(dst, "service", name, w.f.serviceJSON, slotGroupService)
	}
	return dst
}

// hostname leaves the host to a field called host that says one: Datadog reads it.
// Whoever the group is of comes before the device that sends it.
func (w *entryWriter) hostname(dst []byte) []byte {
	dst, found := w.own(dst, slotHostname, "hostname")
	if found || saysName(w.slots[slotHost]) {
		return dst
	}
	name := nameOf(w.slots[slotHost], w.slots[slotHostName])
	if dst, found = w.first(dst, "hostname", name, "", slotGroupHost); found {
		return dst
	}
	return append(dst, w.f.hostnameJSON...)
}

// nameOf is the name in an object, as Elastic's schema has it, or else flat.
func nameOf(object, flat wire.Value) wire.Value {
	if object.IsMap() {
		if name := object.Get("name"); saysName(name) {
			return name
		}
	}
	return flat
}

// leftOver appends what was set aside and not used.
func (w *entryWriter) leftOver(dst []byte, s slot, name string) []byte {
	if w.slots[s] == nil {
		return dst
	}
	return w.named(dst, "", name, w.slots[s])
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

// usable says whether v can be a reserved field: a scalar that says something,
// and not much longer than such a field is.
func usable(v wire.Value) bool {
	return v != nil && len(v) <= maxReservedBytes && isScalar(v) && !isBlank(v)
}

// saysName says whether v can name a service or a host.
func saysName(v wire.Value) bool {
	b, isText := v.Bytes()
	return usable(v) && (!isText || len(bytes.TrimSpace(b)) > 0 && string(b) != "-")
}

// saysText says whether v is a text with something in it.
func saysText(v wire.Value) bool {
	b, isText := v.Bytes()
	return isText && len(bytes.TrimSpace(b)) > 0
}

func isScalar(v wire.Value) bool {
	k := v.Kind()
	return k > wire.Nil && k < wire.Array
}

// isBlank says whether v is nil or an empty text.
func isBlank(v wire.Value) bool {
	if len(v) == 0 || v.Kind() == wire.Nil {
		return true
	}
	b, isText := v.Bytes()
	return isText && len(b) == 0
}

// message appends the message, as long as it fits: the first text that says
// something of dd_message_key's field, one called message, and messageKeys'. A
// record without any has no message. The fields of messageKeys keep their names
// beside it.
func (w *entryWriter) message(dst []byte) []byte {
	chosen, found := w.chooseMessage()
	if chosen != slotPrimary {
		dst = w.unused(dst, slotPrimary, w.f.messageKey)
	}
	if chosen != slotMessage {
		dst = w.unused(dst, slotMessage, "message")
	}
	dst = w.notes(dst)
	if !found {
		return dst
	}
	dst = append(dst, `,"message":`...)
	return w.messageText(dst, w.slots[chosen])
}

// chooseMessage is the slot of the message. A number, or a blank text, is one only
// where there is nothing better.
func (w *entryWriter) chooseMessage() (chosen slot, found bool) {
	if saysText(w.slots[slotPrimary]) {
		return slotPrimary, true
	}
	if saysText(w.slots[slotMessage]) {
		return slotMessage, true
	}
	for s := slotText; s < noSlot; s++ {
		if saysText(w.slots[s]) {
			return s, true
		}
	}
	for _, s := range [...]slot{slotPrimary, slotMessage} {
		if v := w.slots[s]; v != nil && isScalar(v) && !isBlank(v) {
			return s, true
		}
	}
	for _, s := range [...]slot{slotPrimary, slotMessage} {
		if v := w.slots[s]; v != nil && v.Kind() < wire.Array { // it had a blank one
			return s, true
		}
	}
	return noSlot, false
}

// unused keeps a field that did not become the message: under its own name, unless
// that is "message", which has a meaning at the intake.
func (w *entryWriter) unused(dst []byte, s slot, name string) []byte {
	v := w.slots[s]
	switch {
	case v == nil || isBlank(v):
		return dst
	case name == "message":
		return w.named(dst, kept, "message", v)
	default:
		return w.named(dst, "", name, v)
	}
}

// notes appends what became of attributes that were too large.
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

// messageText appends the message itself, and after it how much of it was cut.
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
