package check

import (
	"strings"
)

// classic reads Fluent Bit's own format: [SECTION], and below it indented lines of
// a key and a value.
func (s *source) classic(path string, text []byte, depth int) {
	var current *Section
	line := 0
	for raw := range strings.SplitSeq(string(text), "\n") {
		line++
		at := Place{File: path, Line: line}
		row := strings.TrimSpace(raw)
		switch {
		case row == "" || row[0] == '#':
		case row[0] == '[':
			name, rest, closed := strings.Cut(row[1:], "]")
			if !closed || strings.TrimSpace(rest) != "" {
				s.fault(at, "a section must look like [OUTPUT]")
				continue
			}
			current = &Section{Place: at, Name: strings.ToLower(strings.TrimSpace(name))}
			s.sections = append(s.sections, current)
		case row[0] == '@':
			s.command(at, row, depth)
		case current == nil:
			s.fault(at, "stands before the first section")
		default:
			current.Entries = append(current.Entries, s.entry(at, row))
		}
	}
}

// entry is a line's key and value.
func (s *source) entry(at Place, row string) Entry {
	key, value := row, ""
	if i := strings.IndexAny(row, " \t"); i >= 0 {
		key, value = row[:i], strings.TrimSpace(row[i:])
	}
	return Entry{Place: at, Key: key, Value: s.expand(at, value)}
}

// command obeys @INCLUDE and @SET.
func (s *source) command(at Place, row string, depth int) {
	word, rest := row, ""
	if i := strings.IndexAny(row, " \t"); i >= 0 {
		word, rest = row[:i], strings.TrimSpace(row[i:])
	}
	switch strings.ToUpper(word) {
	case "@INCLUDE":
		s.include(at, s.expand(at, rest), depth)
	case "@SET":
		name, value, ok := strings.Cut(rest, "=")
		if !ok {
			s.fault(at, "@SET must look like @SET name=value")
			return
		}
		s.set[strings.TrimSpace(name)] = s.expand(at, strings.TrimSpace(value))
	}
}
