package registry

import (
	"strings"
	"sync"
)

// tagSet remembers tags. Its lock is a leaf: other Registries of the page ask.
type tagSet struct {
	mu   sync.Mutex
	last string // that was added
	tags map[string]struct{}
}

// maxTags bounds the tags that are remembered. Of others nobody knows.
const maxTags = 4096

func (s *tagSet) add(tag string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if tag == s.last {
		return
	}
	if _, known := s.tags[tag]; !known && len(s.tags) < maxTags {
		if s.tags == nil {
			s.tags = make(map[string]struct{})
		}
		tag = strings.Clone(tag)
		s.tags[tag] = struct{}{}
		s.last = tag
	}
}

// has tells whether the tag was added, or may have been.
func (s *tagSet) has(tag string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.tags[tag]
	return known || len(s.tags) >= maxTags
}
