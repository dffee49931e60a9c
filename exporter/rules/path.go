package rules

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"out_edge/plugin/chunk"
	"out_edge/plugin/wire"
)

// source is the part of a record that a path starts in.
type source uint8

const (
	body source = iota
	metadata
	resource
	scope
)

// sourceWords are the first names of accessors that do not mean a field of the body.
var sourceWords = map[string]source{"METADATA": metadata, "RESOURCE": resource, "SCOPE": scope}

// path selects one value of a record.
type path struct {
	from source
	// dotted is the path as written if it has dots: a key with exactly this name takes
	// precedence.
	dotted string
	steps  []pathStep
}

// pathStep is a map's key, or an array's index if key is empty and isIndex is set.
type pathStep struct {
	key     string
	index   int
	isIndex bool
}

// find returns the value of the path; empty if there is none, or it is nil.
func (p *path) find(rec *chunk.Record) wire.Value {
	v := p.start(rec)
	if p.dotted != "" {
		if direct := v.Get(p.dotted); len(direct) > 0 {
			return orNone(direct)
		}
	}
	for i := range p.steps {
		v = p.steps[i].of(v)
	}
	return orNone(v)
}

func (p *path) start(rec *chunk.Record) wire.Value {
	switch {
	case p.from == body:
		return rec.Body
	case p.from == metadata:
		return rec.Metadata
	case rec.Group == nil:
		return nil
	case p.from == resource:
		return rec.Group.Resource
	default:
		return rec.Group.Scope
	}
}

// msgpackNil is null in MessagePack, which counts as no value.
const msgpackNil = 0xc0

func orNone(v wire.Value) wire.Value {
	if len(v) == 1 && v[0] == msgpackNil {
		return nil
	}
	return v
}

func (s *pathStep) of(v wire.Value) wire.Value {
	if !s.isIndex {
		return v.Get(s.key)
	}
	it := v.Array()
	for i := 0; ; i++ {
		element, ok := it.Next()
		if !ok || i == s.index {
			return element
		}
	}
}

// parsePath reads a path in either form: a.b.c, or Fluent Bit's $a['b']['c'].
func parsePath(text string) (*path, error) {
	if strings.HasPrefix(text, "$") {
		p, rest, err := parseAccessor(text)
		if err == nil && rest != "" {
			err = fmt.Errorf("%q does not belong to the accessor: write like $a['b']['c']", rest)
		}
		return p, err
	}
	if strings.ContainsAny(text, "[]'\"$ ") {
		return nil, errors.New("write like a.b.c or $a['b']['c']")
	}
	p := new(path)
	for key := range strings.SplitSeq(text, ".") {
		if key == "" {
			return nil, errors.New("a name between the dots is missing: write like a.b.c")
		}
		p.steps = append(p.steps, pathStep{key: key})
	}
	if len(p.steps) > 1 {
		p.dotted = text
	}
	return p, nil
}

// parseAccessor reads the accessor at the start of text, which begins with a dollar
// sign, and returns the rest.
func parseAccessor(text string) (p *path, rest string, err error) {
	p = new(path)
	rest = text[1:]
	name := rest[:wordLen(rest)]
	rest = rest[len(name):]
	if from, special := sourceWords[name]; special {
		p.from = from
	} else if name != "" {
		p.steps = append(p.steps, pathStep{key: name})
	}
	for strings.HasPrefix(rest, "[") {
		var step pathStep
		if step, rest, err = parseSubscript(rest); err != nil {
			return nil, "", err
		}
		p.steps = append(p.steps, step)
	}
	if len(p.steps) == 0 {
		return nil, "", errors.New("a field's name is missing: write like $a['b']")
	}
	return p, rest, nil
}

// wordLen is the length of the name at the start of s.
func wordLen(s string) int {
	n := 0
	for n < len(s) && (isLetter(s[n]) || s[n] == '_' || n > 0 && isDigit(s[n])) {
		n++
	}
	return n
}

// parseSubscript reads ['key'], ["key"] or [0].
func parseSubscript(s string) (step pathStep, rest string, err error) {
	inner := s[1:]
	if inner != "" && (inner[0] == '\'' || inner[0] == '"') {
		key, rest, ok := strings.Cut(inner[1:], inner[:1]+"]")
		if !ok || key == "" {
			return step, "", fmt.Errorf("%s is not closed: write like ['b']", s)
		}
		return pathStep{key: key}, rest, nil
	}
	digits, rest, ok := strings.Cut(inner, "]")
	index, err := strconv.Atoi(digits)
	if !ok || err != nil || index < 0 {
		return step, "", fmt.Errorf("%s is no member: write like ['b'] or [0]", s)
	}
	return pathStep{index: index, isIndex: true}, rest, nil
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
