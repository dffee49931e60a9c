package check

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Place is a position in a configuration.
type Place struct {
	File string
	Line int // from 1
}

func (p Place) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Fault is something that must be changed, and where.
type Fault struct {
	Place
	Text string
}

func (f Fault) Error() string { return f.String() + ": " + f.Text }

// Entry is one property of a section.
type Entry struct {
	Place
	Key, Value string
}

// Section is one input, filter, output or the like.
type Section struct {
	Place
	Name    string // in lower case: service, input, output, …
	Entries []Entry
}

// Get is the value of a property, by Fluent Bit's rules: keys in any case, the
// first of several.
func (s *Section) Get(key string) (e Entry, found bool) {
	for _, e := range s.Entries {
		if strings.EqualFold(e.Key, key) {
			return e, true
		}
	}
	return Entry{}, false
}

// maxDepth bounds includes within includes.
const maxDepth = 16

// source reads a configuration and what it includes.
type source struct {
	env      func(string) (string, bool)
	set      map[string]string // @SET and env:, which come before the environment
	sections []*Section
	faults   []Fault
}

// Read reads the configuration in file. env looks up the environment. What cannot
// be read is a fault; the sections of the rest are returned beside it.
func Read(file string, env func(string) (string, bool)) ([]*Section, []Fault) {
	s := &source{env: env, set: map[string]string{}}
	s.file(Place{File: file, Line: 1}, file, 0)
	return s.sections, s.faults
}

func (s *source) fault(at Place, format string, args ...any) {
	s.faults = append(s.faults, Fault{at, fmt.Sprintf(format, args...)})
}

// file reads one file, which at has asked for.
func (s *source) file(at Place, path string, depth int) {
	if depth > maxDepth {
		s.fault(at, "includes are nested too deep: does a file include itself?")
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		s.fault(at, "cannot be read: %v", err)
		return
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml":
		s.yaml(path, text, depth)
	default:
		s.classic(path, text, depth)
	}
}

// include reads the files that match a pattern, relative to the file that names it.
func (s *source) include(at Place, pattern string, depth int) {
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(filepath.Dir(at.File), pattern)
	}
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		s.fault(at, "includes %s, and no such file is there", pattern)
		return
	}
	for _, path := range paths {
		s.file(at, path, depth+1)
	}
}

// expand replaces ${NAME} by the environment's values, like Fluent Bit: a variable that
// is not set is empty, which is a fault, because nothing else reports it.
func (s *source) expand(at Place, text string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		name, after, closed := strings.Cut(rest, "}")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		if !closed {
			return out.String() + "${" + rest
		}
		value, ok := s.set[name]
		if !ok {
			value, ok = s.env(name)
		}
		if !ok {
			s.fault(at, "${%s} is not set in the environment: Fluent Bit reads it as empty", name)
		}
		out.WriteString(value)
		text = after
	}
}
