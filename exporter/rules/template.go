package rules

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"out_edge/plugin/chunk"
)

// template is a label's value: its parts, one after the other.
type template []part

// part is a fixed text, one of the tag's captures, or a field.
type part struct {
	text    string
	field   *path
	capture int // in tagPattern.match, or one of these
	word    int // of the tag, for tagWord
}

const (
	noCapture = -1 - iota
	wholeTag
	tagWord // between dots
)

// parseTemplate reads a label's value: $field, $a['b'], $1, ${name}, $TAG,
// $TAG[1] and $$ inside any text. Captures are those of tag.
func parseTemplate(text string, tag tagPattern) (template, error) {
	var t template
	for text != "" {
		plain, rest, dollar := strings.Cut(text, "$")
		t = t.plain(plain)
		if !dollar {
			break
		}
		p, after, err := parsePart("$"+rest, tag)
		if err != nil {
			return nil, err
		}
		if p.field == nil && p.capture == noCapture {
			t = t.plain(p.text)
		} else {
			t = append(t, p)
		}
		text = after
	}
	return t, nil
}

// plain adds fixed text.
func (t template) plain(text string) template {
	switch {
	case text == "":
		return t
	case len(t) > 0 && t[len(t)-1].isPlain():
		t[len(t)-1].text += text
		return t
	}
	return append(t, part{text: text, capture: noCapture})
}

func (p *part) isPlain() bool { return p.field == nil && p.capture == noCapture }

// parsePart reads what follows a dollar sign, the first character of text.
func parsePart(text string, tag tagPattern) (p part, rest string, err error) {
	p.capture = noCapture
	name := text[1:]
	switch {
	case strings.HasPrefix(name, "$"):
		p.text = "$"
		return p, name[1:], nil
	case strings.HasPrefix(name, "{"):
		group, rest, closed := strings.Cut(name[1:], "}")
		if !closed {
			return p, "", errors.New("${ is not closed: write like ${name}")
		}
		p.capture, err = captureOf(group, tag)
		return p, rest, err
	case name != "" && isDigit(name[0]):
		n := 1
		for n < len(name) && isDigit(name[n]) {
			n++
		}
		p.capture, err = captureOf(name[:n], tag)
		return p, name[n:], err
	case name != "" && (name[0] == '[' || wordLen(name) > 0):
		if n := wordLen(name); name[:n] == "TAG" {
			return parseTagPart(name[n:])
		}
		if err = checkHyphen(name); err != nil {
			return p, "", err
		}
		p.field, rest, err = parseAccessor(text)
		return p, rest, err
	}
	return p, "", errors.New("a $ must be followed by a field's name, a number or {a group's name}: write $$ for a dollar sign")
}

// hyphened matches a field's name and what may be meant to belong to it.
var hyphened = regexp.MustCompile(`^([a-zA-Z_]\w*)((?:-\w+)+)`)

// checkHyphen rejects a field's name that seems to continue after a hyphen, where names
// end.
func checkHyphen(text string) error {
	m := hyphened.FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	return fmt.Errorf("$%s ends the field's name at the hyphen: write $['%s'], or $['%s']%s for the field %s and then %s", m[0], m[0], m[1], m[2], m[1], m[2])
}

// parseTagPart reads what may follow $TAG: [1] for the tag's second word.
func parseTagPart(text string) (p part, rest string, err error) {
	p.capture = wholeTag
	if !strings.HasPrefix(text, "[") {
		return p, text, nil
	}
	step, rest, err := parseSubscript(text)
	if err == nil && !step.isIndex {
		err = fmt.Errorf("$TAG[%q] is no word of the tag: write like $TAG[0]", step.key)
	}
	p.capture, p.word = tagWord, step.index
	return p, rest, err
}

// tagPart returns the part's text from the tag; "" if the tag has fewer words.
func (p *part) tagPart(tag string, captures []string) string {
	text := tag
	switch p.capture {
	case wholeTag:
	case tagWord:
		words := strings.Split(tag, ".")
		if text = ""; p.word < len(words) {
			text = words[p.word]
		}
	default:
		text = captures[p.capture]
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

func captureOf(name string, tag tagPattern) (int, error) {
	n, ok := tag.capture(name)
	if ok {
		return n, nil
	}
	if _, err := strconv.Atoi(name); err == nil {
		return 0, fmt.Errorf("$%s: the tag's pattern takes only %d: each * of match, or each ( ) of match_regex, is one", name, tag.re.NumSubexp())
	}
	return 0, fmt.Errorf("${%s}: match_regex has no group of that name: write (?P<%s>...) there, or $%s for a field", name, name, name)
}

// fill inserts what comes from the tag.
func (t template) fill(tag string, captures []string) template {
	var filled template
	for _, p := range t {
		switch {
		case p.field != nil:
			filled = append(filled, p)
		case p.capture == noCapture:
			filled = filled.plain(p.text)
		default:
			filled = filled.plain(p.tagPart(tag, captures))
		}
	}
	return filled
}

// append appends a filled template's value for rec, as UTF-8. A field that rec does not
// have, or that is a map or array, is empty.
func (t template) append(dst []byte, rec *chunk.Record) []byte {
	for i := range t {
		if p := &t[i]; p.field != nil {
			dst = appendText(dst, p.field.find(rec))
		} else {
			dst = append(dst, p.text...)
		}
	}
	return dst
}
