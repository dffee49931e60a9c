package record

// MaxDepth is how many arrays and maps may stand in one another in a log
// event, its own array included. Fluent Bit's inputs reach 6 or so; JSON
// encoders and Datadog (10 levels) stop long before.
const MaxDepth = 64

// Decoder gives the records of a payload of log events, one after the other.
// The zero value is ready for Reset. It allocates nothing and may be used again
// for any number of payloads, by one goroutine at a time.
//
// A root value that is no record costs that value alone: it is counted as
// undecodable and the next one is read. That holds for a value that is no array
// of a time and a body, a body that is no map, the byte 0xc1 anywhere inside,
// and nesting deeper than MaxDepth. Where the payload ends inside a value, or a
// length says so, the value is counted as undecodable too, and Truncated is
// true: what stood before it has been given.
type Decoder struct {
	buf         []byte
	pos         int
	index       int // of the root value at pos
	undecodable int
	truncated   bool
	record      Record
	group       Group
	inGroup     bool
	levels      [MaxDepth]int
}

// Reset starts on payload, which must stay as it is for as long as its records
// are in use. Reset(nil) lets go of it.
func (d *Decoder) Reset(payload []byte) {
	d.buf = payload
	d.pos, d.index, d.undecodable = 0, 0, 0
	d.truncated, d.inGroup = false, false
	d.record, d.group = Record{}, Group{}
}

// Record is the record that Next found. The next Next and Reset write over it.
func (d *Decoder) Record() *Record { return &d.record }

// Undecodable is how many root values were no records so far, one that was cut
// included.
func (d *Decoder) Undecodable() int { return d.undecodable }

// Truncated says whether the payload ended inside a root value. It is known
// once Next has returned false.
func (d *Decoder) Truncated() bool { return d.truncated }

// Next steps to the next record and is false at the payload's end.
func (d *Decoder) Next() bool {
	for d.pos < len(d.buf) {
		start := d.pos
		end, state := d.check(start)
		d.pos = end
		d.record.Index = d.index
		d.index++
		if state == whole && d.read(start, end) {
			return true
		}
		if state != whole {
			d.undecodable++
			d.truncated = state == cut
		}
	}
	return false
}

// state is what check found.
type state uint8

const (
	whole state = iota
	unfit       // it ends where check says, but cannot be used
	cut         // the payload ends first
)

// check walks the root value at buf[i] and returns where it ends. A level of
// the stack holds how many values of an open container are still to come.
func (d *Decoder) check(i int) (int, state) {
	p := d.buf
	found := whole
	depth := 0
	left := 1 // on this level
	for {
		if uint(i) >= uint(len(p)) {
			return len(p), cut
		}
		b := p[i]
		left--
		if w := int(widths[b]); w > 0 {
			i += w
		} else {
			next, inner := i+1, int(b&0x0f)
			switch {
			case b < headFixArray:
				inner *= 2
			case b < headFixStr:
			default:
				var ok bool
				if next, inner, ok = open(p, i); !ok {
					return len(p), cut
				}
				if b == headNever {
					found = unfit
				}
			}
			if isContainer(b) && depth == MaxDepth {
				return d.leave(i, left)
			}
			i = next
			if inner > 0 {
				d.levels[depth&(MaxDepth-1)] = left
				depth++
				left = inner
			}
		}
		for left == 0 {
			if depth == 0 {
				if i > len(p) {
					return len(p), cut
				}
				return i, found
			}
			depth--
			left = d.levels[depth&(MaxDepth-1)]
		}
	}
}

// leave steps over the rest of a root value that is nested too deep: the value
// at buf[i], the left ones after it on its level, and those of all levels
// around it.
func (d *Decoder) leave(i, left int) (int, state) {
	need := 1 + uint64(left)
	for _, n := range d.levels {
		need += uint64(n)
	}
	if need > uint64(len(d.buf)-i) {
		return len(d.buf), cut
	}
	end, ok := skipAll(d.buf, i, int(need))
	if !ok {
		return end, cut
	}
	return end, unfit
}

// read fills the record from the checked root value buf[start:end]. It is false
// for a group marker and for what is no record.
func (d *Decoder) read(start, end int) bool {
	p := d.buf[:end:end]
	rec := &d.record
	rec.Time, rec.RawTime, rec.Metadata = Time{}, nil, nil
	if !isArray(p[start]) {
		return d.refuse()
	}
	i, elements, _ := open(p, start)
	if elements < 2 {
		return d.refuse()
	}
	header := isArray(p[i])
	if header {
		i = d.readHeader(p, i)
	} else {
		i = d.readTime(p, i)
	}
	rec.Body = Value(p[i:])
	if elements > 2 {
		next, _ := skip(p, i)
		rec.Body = Value(p[i:next:next])
	}
	if header && rec.Time.Form == EventTime && d.mark(rec.Time.Bits, rec.Body) {
		return false
	}
	if !rec.Body.isMap() {
		return d.refuse()
	}
	rec.Group = nil
	if d.inGroup {
		rec.Group = &d.group
	}
	return true
}

func (d *Decoder) refuse() bool {
	d.undecodable++
	return false
}

// readHeader reads the [time, metadata] at p[i] and returns where it ends. A
// header without metadata, or with some that is no map, is one without; what
// follows the metadata is passed over.
func (d *Decoder) readHeader(p []byte, i int) int {
	i, elements, _ := open(p, i)
	if elements == 0 {
		return i
	}
	i = d.readTime(p, i)
	for n := 1; n < elements; n++ {
		next, _ := skip(p, i)
		if v := Value(p[i:next:next]); n == 1 && v.isMap() {
			d.record.Metadata = v
		}
		i = next
	}
	return i
}

// readTime reads the time at p[i] and returns where it ends.
func (d *Decoder) readTime(p []byte, i int) int {
	end, _ := skip(p, i)
	raw := p[i:end:end]
	d.record.RawTime = raw
	d.record.Time = timeOf(raw)
	return end
}
