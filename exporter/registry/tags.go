package registry

import (
	"strings"
	"sync"
)

// tagSet is a set of tags. No other lock is taken under its lock, since other
// Registries of the page use it.
type tagSet struct {
	mu   sync.Mutex
	last string // the tag added last
	tags map[string]struct{}
}

// maxTags is the most tags that are stored. Others count as present.
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

// has reports whether the tag was added, or may have been.
func (s *tagSet) has(tag string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.tags[tag]
	return known || len(s.tags) >= maxTags
}
