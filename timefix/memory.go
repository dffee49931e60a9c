package timefix

import "strings"

// TagsKept is how many tags a Fixer remembers. The one that was not used for
// longest makes room for a new one; it is then as if it had never been seen.
const TagsKept = 1024

// entry is one tag's place in the memory.
type entry struct {
	tag        string
	stream     stream
	ends       uint32 // sessions that have ended, to notice those that overlap
	prev, next *entry
}

// memory holds the tags, most recently used first. The Fixer's lock guards it.
type memory struct {
	byTag map[string]*entry
	root  entry // of the ring: root.next is the newest
}

func (m *memory) init() {
	m.byTag = make(map[string]*entry)
	m.root.next, m.root.prev = &m.root, &m.root
}

// get gives the tag's entry, a new one where there is none.
func (m *memory) get(tag string) *entry {
	e := m.byTag[tag]
	if e == nil {
		e = m.add(strings.Clone(tag))
	}
	if m.root.next != e {
		m.unlink(e)
		m.push(e)
	}
	return e
}

// peek gives what is known of the tag, without making it newer.
func (m *memory) peek(tag string) stream {
	if e := m.byTag[tag]; e != nil {
		return e.stream
	}
	return stream{}
}

func (m *memory) add(tag string) *entry {
	e := &entry{}
	if len(m.byTag) >= TagsKept {
		e = m.root.prev
		m.unlink(e)
		delete(m.byTag, e.tag)
		*e = entry{}
	}
	e.tag = tag
	m.byTag[tag] = e
	m.push(e)
	return e
}

func (m *memory) push(e *entry) {
	e.prev, e.next = &m.root, m.root.next
	e.prev.next, e.next.prev = e, e
}

func (m *memory) unlink(e *entry) {
	e.prev.next, e.next.prev = e.next, e.prev
}
