// Package tail keeps the last log records as short texts, for the status page. It is
// memory of a fixed size: a flush adds its last few records, whose texts are written
// into buffers that are used again.
package tail

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"out_edge/plugin/wire"
	"out_edge/timefix"
)

// PerFlush is how many records of a chunk are kept: its last ones, so that a busy tag
// leaves room for others.
const PerFlush = 3

// The size of a Tail: 18 KiB when it is full, and as much once somebody has looked.
const (
	maxEntries = 24
	maxText    = 768 // bytes of a record's text
	fairShare  = 6   // entries of a tag that leave another tag's alone
)

// Record is one record of a flush. Body is a view of the payload.
type Record struct {
	UnixNano int64
	Verdict  timefix.Verdict
	Body     wire.Value
}

// Last is the last records of one flush. The zero value is ready to use.
type Last struct {
	records [PerFlush]Record
	n       int
}

// Note keeps a record and forgets the one PerFlush before it. It does not allocate.
func (l *Last) Note(r Record) {
	l.records[l.n%PerFlush] = r
	l.n++
}

// Reset forgets all records, and with them the payload.
func (l *Last) Reset() { *l = Last{} }

// Tail is the last records of an instance. It is safe for concurrent use.
type Tail struct {
	mu      sync.Mutex
	entries []entry
	n       int // how many were ever added
}

type entry struct {
	tag      string
	unixNano int64
	arrived  timefix.Instant
	verdict  timefix.Verdict
	text     []byte
	cut      bool
	shown    string // of text, once somebody has looked
	number   int    // in the order of arrival
}

// Add takes over the records of a flush. Payload is read now alone.
func (t *Tail) Add(tag string, arrived timefix.Instant, l *Last) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := max(l.n-PerFlush, 0); i < l.n; i++ {
		r := &l.records[i%PerFlush]
		e := t.slot(tag)
		e.tag, e.unixNano, e.arrived, e.verdict, e.shown, e.number = tag, r.UnixNano, arrived, r.Verdict, "", t.n
		e.text, e.cut = appendBody(e.text[:0], r.Body, maxText)
		t.n++
	}
}

// slot returns the entry for the next record of a tag: the oldest, or of a tag that has
// its share, its own oldest. So a busy tag does not push out all that others had.
func (t *Tail) slot(tag string) *entry {
	if len(t.entries) < maxEntries {
		t.entries = append(t.entries, entry{})
		return &t.entries[len(t.entries)-1]
	}
	oldest, own, share := &t.entries[0], (*entry)(nil), 0
	for i := range t.entries {
		e := &t.entries[i]
		if e.number < oldest.number {
			oldest = e
		}
		if e.tag == tag {
			share++
			if own == nil || e.number < own.number {
				own = e
			}
		}
	}
	if share >= fairShare {
		return own
	}
	return oldest
}

// Entry is a record as people see it.
type Entry struct {
	Tag     string
	Time    time.Time
	Arrived int64 // ns of timefix.Instant.Elapsed
	Verdict timefix.Verdict
	// Text is the record's main text, if it has one, and its other fields as name=value,
	// without what looks like a secret. It may hold any characters.
	Text string
}

// Entries returns the records, the newest first.
func (t *Tail) Entries() []Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	order := make([]*entry, len(t.entries))
	for i := range order {
		order[i] = &t.entries[i]
	}
	slices.SortFunc(order, func(a, b *entry) int { return cmp.Compare(b.number, a.number) })
	all := make([]Entry, len(order))
	for i, e := range order {
		if e.shown == "" {
			e.shown = shown(string(e.text), e.cut)
		}
		all[i] = Entry{Tag: e.tag, Time: time.Unix(0, e.unixNano).UTC(), Arrived: int64(e.arrived.Elapsed()), Verdict: e.verdict, Text: e.shown}
	}
	return all
}
