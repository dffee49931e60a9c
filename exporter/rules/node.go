package rules

import (
	"math"
	"regexp"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// maxAliases is the most aliases of a file, since each may expand to much text.
const maxAliases = 1000

// reader reads the nodes of a YAML file and collects faults.
type reader struct {
	faults
	aliases int
}

// mapping is a mapping's values by its keys.
type mapping struct {
	node   *yaml.Node
	values map[string]*yaml.Node
}

// follow resolves an alias.
func (r *reader) follow(n *yaml.Node) *yaml.Node {
	if n.Kind != yaml.AliasNode {
		return n
	}
	if r.aliases++; r.aliases > maxAliases {
		if r.aliases == maxAliases+1 {
			r.at(n, "more than %d aliases: write some of them out", maxAliases)
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: n.Line}
	}
	return n.Alias
}

// mapping reads a mapping of a section. It returns nil if n is none.
func (r *reader) mapping(n *yaml.Node, s *section) *mapping {
	n = r.follow(n)
	if n.Kind != yaml.MappingNode {
		r.at(n, "%s must be a mapping: write like %s: ...", s.name, s.keys[0].name)
		return nil
	}
	m := &mapping{n, make(map[string]*yaml.Node)}
	meant := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		switch {
		case s.key(k.Value) == nil:
			advice, key := s.advice(k.Value)
			meant[key] = true
			r.at(k, "unknown key %q in %s: %s", k.Value, s.name, advice)
		case m.values[k.Value] != nil:
			r.at(k, "%s is given twice, first in line %d: keep one", k.Value, m.values[k.Value].Line)
		default:
			m.values[k.Value] = r.follow(v)
		}
	}
	for i := range s.keys {
		k := &s.keys[i]
		if k.required && m.values[k.name] == nil && !meant[k.name] && k.name != "help" {
			r.at(n, "%s has no %s: add %s: ...", s.name, k.name, k.name)
		}
	}
	return m
}

// list returns a list's elements.
func (r *reader) list(n *yaml.Node, what string) []*yaml.Node {
	if n == nil || isNull(n) {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.at(n, "%s must be a list: start each element with a dash", what)
		return nil
	}
	elements := make([]*yaml.Node, 0, len(n.Content))
	for _, e := range n.Content {
		elements = append(elements, r.follow(e))
	}
	return elements
}

// text returns a scalar's text; ok is false if n is absent or no scalar.
func (r *reader) text(n *yaml.Node, what string) (text string, ok bool) {
	switch {
	case n == nil:
		return "", false
	case n.Kind != yaml.ScalarNode || isNull(n):
		r.at(n, "%s must be a text", what)
		return "", false
	}
	return n.Value, true
}

// number returns a finite number.
func (r *reader) number(n *yaml.Node, what string) (v float64, ok bool) {
	if n.Kind != yaml.ScalarNode || isNull(n) {
		r.at(n, "%s must be a number", what)
		return 0, false
	}
	return r.decimal(n, what)
}

// decimal returns a scalar's finite number. It rejects a leading zero, which some YAML
// readers take for octal and others for decimal.
func (r *reader) decimal(n *yaml.Node, what string) (v float64, ok bool) {
	if n.Decode(&v) != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		r.at(n, "%s must be a number", what)
		return 0, false
	}
	if d, err := strconv.ParseFloat(n.Value, 64); err == nil && d != v {
		r.at(n, "%s %s: a zero first makes it octal, %v: leave the zero out, or write '%s' for the text", what, n.Value, v, n.Value)
		return 0, false
	}
	return v, true
}

// choice returns the index of a word among the known ones, or -1.
func (r *reader) choice(n *yaml.Node, what string, known []string) int {
	text, ok := r.text(n, what)
	if !ok {
		return -1
	}
	i := slices.Index(known, text)
	if i < 0 {
		r.at(n, "%s %q is unknown: %s", what, text, suggest(text, known))
	}
	return i
}

// regex returns a regular expression that matches anywhere in a text.
func (r *reader) regex(n *yaml.Node, what string) *regexp.Regexp {
	text, ok := r.text(n, what)
	if !ok {
		return nil
	}
	re, err := regexp.Compile(text)
	if err != nil {
		r.at(n, "%s is no regular expression of Go (RE2): %s", what, regexFault(err.Error()))
		return nil
	}
	return re
}

// path is a field.
func (r *reader) path(n *yaml.Node, what string) *path {
	text, ok := r.text(n, what)
	if !ok {
		return nil
	}
	p, err := parsePath(text)
	if err != nil {
		r.at(n, "%s %q: %v", what, text, err)
		return nil
	}
	return p
}

// pattern reads match or match_regex. After a fault it returns the pattern for all
// tags, so that captures are not checked further.
func (r *reader) pattern(m *mapping) (p tagPattern, ok bool) {
	glob, re := m.values["match"], m.values["match_regex"]
	switch {
	case glob != nil && re != nil:
		r.at(re, "match and match_regex are both given: keep one")
		return anyTag(), false
	case re != nil:
		compiled := r.regex(re, "match_regex")
		return tagPattern{compiled}, compiled != nil
	case glob != nil:
		text, isText := r.text(glob, "match")
		if isText && text == "" {
			r.at(glob, "match is empty, which fits no tag: write '*' for all tags, or leave it out")
			return anyTag(), false
		}
		return globTag(text), isText
	}
	return anyTag(), true
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
