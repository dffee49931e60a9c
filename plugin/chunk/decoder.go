package chunk

import (
	"encoding/binary"

	"out_edge/plugin/wire"
)

// Decoder iterates over the records of a payload of log events. The zero value is ready
// for Reset. It allocates nothing and may be reused for any number of payloads, by one
// goroutine at a time.
//
// A root value that is no record is counted as undecodable, and reading continues with
// the next one. That applies to a value that is not an array of a time and a body, a
// body that is no map, the byte 0xc1 anywhere inside, and nesting deeper than
// wire.MaxDepth. A value that is not complete is also counted as undecodable, and
// Truncated is true; the records before it have been returned.
type Decoder struct {
	buf         []byte
	pos         int
	index       int // of the root value at pos
	undecodable int
	truncated   bool
	record      Record
	group       Group
	inGroup     bool
	checker     wire.Checker
}

// Reset starts reading payload, which must not change while its records are in use.
// Reset(nil) releases it.
func (d *Decoder) Reset(payload []byte) {
	d.buf = payload
	d.pos, d.index, d.undecodable = 0, 0, 0
	d.truncated, d.inGroup = false, false
	d.record, d.group = Record{}, Group{}
}

// Record is the record that Next found. The next Next or Reset overwrites it.
func (d *Decoder) Record() *Record { return &d.record }

// Undecodable is the number of root values so far that were no records, an incomplete
// one included.
func (d *Decoder) Undecodable() int { return d.undecodable }

// Truncated reports whether the payload ended inside a root value. It is known once
// Next has returned false.
func (d *Decoder) Truncated() bool { return d.truncated }

// Next advances to the next record and returns false at the payload's end.
func (d *Decoder) Next() bool {
	for d.pos < len(d.buf) {
		start := d.pos
		end, state := d.checker.Check(d.buf, start)
		d.pos = end
		d.record.Index = d.index
		d.index++
		if state == wire.Whole && d.read(start, end) {
			return true
		}
		if state != wire.Whole {
			d.undecodable++
			d.truncated = state == wire.Cut
		}
	}
	return false
}

// read fills the record from the checked root value buf[start:end]. It returns false
// for a group marker and for anything that is no record.
func (d *Decoder) read(start, end int) bool {
	p := d.buf[:end:end]
	rec := &d.record
	rec.Time, rec.RawTime, rec.Metadata = Time{}, nil, nil
	if !wire.IsArray(p[start]) {
		return d.refuse()
	}
	i, elements, header := d.readHead(p, start)
	if elements < 2 {
		return d.refuse()
	}
	rec.Body = wire.Value(p[i:])
	if elements > 2 {
		next, _ := wire.Skip(p, i)
		rec.Body = wire.Value(p[i:next:next])
	}
	if header && rec.Time.Form == EventTime && d.groupMarker(rec.Time.Bits, rec.Body) {
		return false
	}
	if !rec.Body.IsMap() {
		return d.refuse()
	}
	rec.Group = nil
	if d.inGroup {
		rec.Group = &d.group
	}
	return true
}

// usualHead is how nearly all records begin: an array of a header and a body, the
// header's array of a time and metadata, and the head of an EventTime.
const usualHead = "\x92\x92\xd7\x00"

// readHead reads what precedes the body of the array at p[start], and returns where that
// begins, the array's length, and whether there is a header and not just a time.
func (d *Decoder) readHead(p []byte, start int) (i, elements int, header bool) {
	const time = len(usualHead)
	const metadata = time + 8
	if q := p[start:]; len(q) > metadata+1 && string(q[:time]) == usualHead && q[metadata] == emptyMap {
		d.record.RawTime = q[2:metadata:metadata]
		d.record.Time = Time{EventTime, binary.BigEndian.Uint64(q[time:])}
		d.record.Metadata = wire.Value(q[metadata : metadata+1 : metadata+1])
		return start + metadata + 1, 2, true
	}
	i, elements, _ = wire.Open(p, start)
	if elements < 2 {
		return i, elements, false
	}
	if header = wire.IsArray(p[i]); header {
		return d.readHeader(p, i), elements, true
	}
	return d.readTime(p, i), elements, false
}

func (d *Decoder) refuse() bool {
	d.undecodable++
	return false
}

// readHeader reads the [time, metadata] at p[i] and returns where it ends. Metadata
// that is no map is ignored, and so is what follows it.
func (d *Decoder) readHeader(p []byte, i int) int {
	i, elements, _ := wire.Open(p, i)
	if elements == 0 {
		return i
	}
	i = d.readTime(p, i)
	for n := 1; n < elements; n++ {
		next, _ := wire.Skip(p, i)
		if v := wire.Value(p[i:next:next]); n == 1 && v.IsMap() {
			d.record.Metadata = v
		}
		i = next
	}
	return i
}

// readTime reads the time at p[i] and returns where it ends.
func (d *Decoder) readTime(p []byte, i int) int {
	end, _ := wire.Skip(p, i)
	raw := p[i:end:end]
	d.record.RawTime = raw
	d.record.Time = timeOf(raw)
	return end
}
