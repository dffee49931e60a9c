package timefix

import "strings"

// TagsKept is how many tags a Fixer remembers. The least recently used one is evicted
// for a new one, and is then as if it had never been seen.
const TagsKept = 1024

// tagEntry holds what is known of one tag.
type tagEntry struct {
	tag        string
	stream     stream
	ends       uint32 // number of ended sessions, to detect overlapping ones
	prev, next *tagEntry
}

// tagTable holds the tags, most recently used first. The Fixer's lock guards it.
type tagTable struct {
	byTag map[string]*tagEntry
	root  tagEntry // of the ring: root.next is the newest
}

func (m *tagTable) init() {
	m.byTag = make(map[string]*tagEntry)
	m.root.next, m.root.prev = &m.root, &m.root
}

// get returns the tag's entry, and creates it if needed.
func (m *tagTable) get(tag string) *tagEntry {
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

// peek returns what is known of the tag without marking it as used.
func (m *tagTable) peek(tag string) stream {
	if e := m.byTag[tag]; e != nil {
		return e.stream
	}
	return stream{}
}

func (m *tagTable) add(tag string) *tagEntry {
	e := &tagEntry{}
	if len(m.byTag) >= TagsKept {
		e = m.root.prev
		m.unlink(e)
		delete(m.byTag, e.tag)
		*e = tagEntry{}
	}
	e.tag = tag
	m.byTag[tag] = e
	m.push(e)
	return e
}

func (m *tagTable) push(e *tagEntry) {
	e.prev, e.next = &m.root, m.root.next
	e.prev.next, e.next.prev = e, e
}

func (m *tagTable) unlink(e *tagEntry) {
	e.prev.next, e.next.prev = e.next, e.prev
}
