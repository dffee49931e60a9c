package delivery

import (
	"fmt"
	"net/textproto"
	"strings"
)

// Header is one header of a sink's requests. The value may be a token, so it is a
// Secret.
type Header struct {
	Name  string
	Value Secret
}

// ParseHeaders parses a property of headers: `Name value` or `Name: value`, separated
// by commas. A value with a comma must be in double quotes. An error names the property
// but no value, which may be secret.
func ParseHeaders(property, text string) ([]Header, error) {
	var headers []Header
	for _, item := range splitQuoted(text) {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		h, ok := parseHeader(item)
		if !ok {
			return nil, fmt.Errorf("`%s`: part %d is not `Name value`", property, len(headers)+1)
		}
		headers = append(headers, h)
	}
	return headers, nil
}

func parseHeader(item string) (Header, bool) {
	name, value, ok := strings.Cut(item, " ")
	if n, v, colon := strings.Cut(item, ":"); colon && !strings.ContainsAny(n, " \t") {
		name, value, ok = n, v, true
	}
	h := Header{textproto.CanonicalMIMEHeaderKey(name), NewSecret(unquote(strings.TrimSpace(value)))}
	return h, ok && h.Valid()
}

// Valid reports whether the header can be sent.
func (h Header) Valid() bool {
	return !h.Value.IsZero() && isToken(h.Name) && !strings.ContainsFunc(h.Value.Reveal(), isControl)
}

// splitQuoted splits at the commas outside double quotes.
func splitQuoted(s string) []string {
	quoted := false
	return strings.FieldsFunc(s, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ',' && !quoted
	})
}

func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// isToken reports whether s is a valid name of an HTTP header.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}
