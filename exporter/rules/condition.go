package rules

import (
	"bytes"
	"regexp"
	"slices"
	"sync"

	"out_edge/plugin/chunk"
	"out_edge/plugin/wire"
)

// condition decides which records a rule applies to. The zero value matches all.
type condition struct {
	any   bool // any instead of all of the tests
	tests []test
}

// test compares one field.
type test struct {
	field *path
	op    operator
	wants []operand      // of eq, neq, in, not_in; the others have one or none
	re    *regexp.Regexp // of regex, not_regex
	texts *sync.Pool     // of *[32]byte: space for the text of a number, for re
}

// operand is a value that a field is compared with, as text and, if it is one, as a
// number.
type operand struct {
	text     []byte
	word     string // the text; true or false for a bool in any spelling
	number   float64
	isNumber bool
}

// operator is how a field is compared. The names are those of Fluent Bit's
// conditional processing, and exists.
type operator uint8

const (
	opEqual operator = iota
	opNotEqual
	opGreater
	opLess
	opGreaterEqual
	opLessEqual
	opRegex
	opNotRegex
	opIn
	opNotIn
	opExists
	opNotExists
)

var operatorNames = []string{"eq", "neq", "gt", "lt", "gte", "lte", "regex", "not_regex", "in", "not_in", "exists", "not_exists"}

// holds reports whether rec fulfils the condition. No record (a metrics event) fulfils
// only the empty one.
func (c *condition) holds(rec *chunk.Record) bool {
	if len(c.tests) == 0 {
		return true
	}
	if rec == nil {
		return false
	}
	for i := range c.tests {
		if c.tests[i].holds(rec) == c.any {
			return c.any
		}
	}
	return !c.any
}

// holds compares the field. A missing field fulfils only negated tests.
func (t *test) holds(rec *chunk.Record) bool {
	v := t.field.find(rec)
	switch t.op {
	case opExists:
		return len(v) > 0
	case opNotExists:
		return len(v) == 0
	case opEqual, opIn:
		return t.equalsAny(v)
	case opNotEqual, opNotIn:
		return !t.equalsAny(v)
	case opRegex:
		return t.matches(v)
	case opNotRegex:
		return !t.matches(v)
	}
	n, ok := number(v)
	return ok && t.compares(n)
}

func (t *test) compares(n float64) bool {
	want := t.wants[0].number
	switch t.op {
	case opGreater:
		return n > want
	case opLess:
		return n < want
	case opGreaterEqual:
		return n >= want
	default:
		return n <= want
	}
}

// equalsAny compares numbers as numbers and everything else as text.
func (t *test) equalsAny(v wire.Value) bool {
	r := v.Reader()
	switch r.Next() {
	case wire.Integer, wire.Unsigned, wire.Double:
		n := r.Float64()
		return slices.ContainsFunc(t.wants, func(o operand) bool { return o.isNumber && o.number == n })
	case wire.Bool:
		word := "false"
		if r.Bool() {
			word = "true"
		}
		return slices.ContainsFunc(t.wants, func(o operand) bool { return o.word == word })
	case wire.Str, wire.Bin:
		return slices.ContainsFunc(t.wants, func(o operand) bool { return bytes.Equal(o.text, r.Bytes()) })
	}
	return false
}

func newTexts() *sync.Pool {
	return &sync.Pool{New: func() any { return new([32]byte) }}
}

func (t *test) matches(v wire.Value) bool {
	if text, ok := v.Bytes(); ok {
		return t.re.Match(text)
	}
	space := t.texts.Get().(*[32]byte)
	defer t.texts.Put(space)
	text := appendText(space[:0], v)
	return len(text) > 0 && t.re.Match(text)
}
