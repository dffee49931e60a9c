package cmetrics

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// appendText appends text as UTF-8 with U+FFFD for invalid bytes.
func appendText(dst, text []byte) []byte {
	if utf8.Valid(text) {
		return append(dst, text...)
	}
	return append(dst, bytes.ToValidUTF8(text, []byte("\uFFFD"))...)
}

// helpOf returns a metric's description; cmetrics writes " " and "-" if there is none.
func helpOf(b []byte) string {
	help := strings.TrimSpace(strings.ToValidUTF8(string(b), "\uFFFD"))
	if help == "-" {
		return ""
	}
	return help
}
