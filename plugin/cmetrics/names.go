package cmetrics

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// appendText appends text as UTF-8: what is not becomes U+FFFD.
func appendText(dst, text []byte) []byte {
	if utf8.Valid(text) {
		return append(dst, text...)
	}
	return append(dst, bytes.ToValidUTF8(text, []byte("\uFFFD"))...)
}

// helpOf is a metric's description; " " and "-" are how cmetrics writes that
// there is none.
func helpOf(b []byte) string {
	help := strings.TrimSpace(strings.ToValidUTF8(string(b), "\uFFFD"))
	if help == "-" {
		return ""
	}
	return help
}
