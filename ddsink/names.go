package ddsink

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxNameChars is the longest name of a metric, and the longest tag, in
// characters. Source: Datadog's pages on custom metrics and on naming.
const maxNameChars = 200

// metricName returns a name that Datadog does not change: it starts with a letter and
// has ASCII letters, digits, '_' and '.'; anything else becomes '_'. It is empty if
// nothing of name is left.
func metricName(name string) string {
	name = strings.TrimLeftFunc(name, func(r rune) bool { return !isASCIILetter(r) })
	name = strings.Map(func(r rune) rune {
		if isASCIILetter(r) || '0' <= r && r <= '9' || r == '.' || r == '_' {
			return r
		}
		return '_'
	}, name)
	return name[:min(len(name), maxNameChars)]
}

func isASCIILetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

// appendMetricTag appends a tag as Datadog would normalise it: lower case, starting
// with a letter, with letters, digits, '_', '-', ':', '.' and '/'. Anything else
// becomes '_', never two in a row; a tag does not end with '_' or ':'. Nothing is
// appended if nothing is left of the value.
func appendMetricTag(dst []byte, name, value string) []byte {
	start, chars := len(dst), 0
	put := func(r rune) {
		r = tagRune(r)
		switch {
		case chars == maxNameChars, chars == 0 && !unicode.IsLetter(r):
		case r == '_' && dst[len(dst)-1] == '_':
		default:
			dst = utf8.AppendRune(dst, r)
			chars++
		}
	}
	for _, r := range name {
		put(r)
	}
	if value != "" {
		put(':')
	}
	for _, r := range value {
		put(r)
	}
	end := len(dst)
	for end > start && (dst[end-1] == '_' || dst[end-1] == ':') {
		end--
	}
	if value != "" && bytes.IndexByte(dst[start:end], ':') < 0 {
		return dst[:start] // nothing of the value is left
	}
	return dst[:end]
}

func tagRune(r rune) rune {
	switch {
	case r == utf8.RuneError:
		return '_'
	case unicode.IsLetter(r) || unicode.IsDigit(r):
		return unicode.ToLower(r)
	case r == '-' || r == ':' || r == '.' || r == '/':
		return r
	default:
		return '_'
	}
}
