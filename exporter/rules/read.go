package rules

import (
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// condition reads a condition; an absent one matches all.
func (r *reader) condition(n *yaml.Node) condition {
	var c condition
	if n == nil {
		return c
	}
	m := r.mapping(n, &conditionSection)
	if m == nil {
		return c
	}
	if op := m.values["op"]; op != nil {
		c.any = r.choice(op, "op", []string{"and", "or"}) == 1
	}
	rules := r.list(m.values["rules"], "rules")
	if given := m.values["rules"]; given != nil && len(rules) == 0 {
		r.at(given, "rules of a condition are empty: add one, or leave the condition out")
	}
	for _, e := range rules {
		if t, ok := r.test(e); ok {
			c.tests = append(c.tests, t)
		}
	}
	return c
}

// test reads one rule of a condition.
func (r *reader) test(n *yaml.Node) (t test, ok bool) {
	m := r.mapping(n, &testSection)
	if m == nil {
		return t, false
	}
	t.field = r.path(m.values["field"], "field")
	op := r.operator(m.values["op"])
	if op < 0 {
		return t, false
	}
	t.op = operator(op)
	return t, r.operands(&t, m) && t.field != nil
}

// operatorSigns are the operators in the spelling of other languages.
var operatorSigns = map[string]string{"==": "eq", "=": "eq", "equals": "eq", "!=": "neq", "ne": "neq", ">": "gt", "<": "lt",
	">=": "gte", "ge": "gte", "<=": "lte", "le": "lte", "=~": "regex", "match": "regex", "!~": "not_regex"}

// operator returns the index of an operator, or -1.
func (r *reader) operator(n *yaml.Node) int {
	if n != nil {
		if known, ok := operatorSigns[n.Value]; ok {
			r.at(n, "op %q is unknown: write %s", n.Value, known)
			return -1
		}
	}
	return r.choice(n, "op", operatorNames)
}

// operands reads the value that the test's operator needs.
func (r *reader) operands(t *test, m *mapping) bool {
	value, name := m.values["value"], operatorNames[t.op]
	if t.op == opExists || t.op == opNotExists {
		if value != nil {
			r.at(value, "op %s takes no value: leave value out", name)
		}
		return value == nil
	}
	if value == nil {
		r.at(m.node, "op %s has no value: add value: ...", name)
		return false
	}
	switch t.op {
	case opRegex, opNotRegex:
		t.re, t.texts = r.regex(value, "value of op "+name), newTexts()
		return t.re != nil
	case opIn, opNotIn:
		return r.operandList(t, value, name)
	case opGreater, opLess, opGreaterEqual, opLessEqual:
		v, ok := r.number(value, "value of op "+name)
		t.wants = []operand{{number: v, isNumber: true}}
		return ok
	}
	want, ok := r.operand(value, "value of op "+name)
	t.wants = []operand{want}
	return ok
}

func (r *reader) operandList(t *test, value *yaml.Node, name string) bool {
	if value.Kind != yaml.SequenceNode || len(value.Content) == 0 {
		r.at(value, "value of op %s must be a list: write like [a, b]", name)
		return false
	}
	for _, e := range r.list(value, "value") {
		want, ok := r.operand(e, "an element of value")
		if !ok {
			return false
		}
		t.wants = append(t.wants, want)
	}
	return true
}

// operand reads a value that a field is compared with. What YAML reads as a number or
// bool is one in any spelling: 0x10, 1_000, True. A quoted one is compared as it would
// be in a record.
func (r *reader) operand(n *yaml.Node, what string) (o operand, ok bool) {
	text, ok := r.text(n, what)
	if !ok {
		return o, false
	}
	o.text, o.word = []byte(text), text
	switch n.ShortTag() {
	case "!!bool":
		var b bool
		if n.Decode(&b) != nil {
			r.at(n, "%s must be true or false", what)
			return o, false
		}
		o.word = strconv.FormatBool(b)
	case "!!int", "!!float":
		o.number, ok = r.decimal(n, what)
		o.isNumber = true
	default:
		o.number, o.isNumber = parseNumber(o.text)
	}
	return o, ok
}

// regexFault returns package regexp's message without its prefix.
func regexFault(text string) string {
	return strings.TrimPrefix(text, "error parsing regexp: ")
}

var (
	metricName  = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	labelName   = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	datadogName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_.]{0,199}$`)
)
