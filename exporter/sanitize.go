package exporter

import "strings"

// metricName makes s a name that every Prometheus takes: [a-zA-Z_:][a-zA-Z0-9_:]*.
// What does not fit becomes "_"; a name that fits is returned as it is.
func metricName(s string) string { return legacyName(s, true) }

// labelName makes s a label name that every Prometheus takes and none keeps for
// itself: [a-zA-Z_][a-zA-Z0-9_]*, not starting with two underscores.
func labelName(s string) string {
	s = legacyName(s, false)
	if strings.HasPrefix(s, "__") {
		return "_" + strings.TrimLeft(s, "_")
	}
	return s
}

func legacyName(s string, colon bool) string {
	if s == "" {
		return "_"
	}
	if isLegacy(s, colon) {
		return s
	}
	b := make([]byte, 0, len(s)+1)
	if s[0] >= '0' && s[0] <= '9' {
		b = append(b, '_')
	}
	for _, r := range s { // by rune: one character gives one underscore
		if r < 0x80 && isNameByte(byte(r), colon) {
			b = append(b, byte(r))
		} else {
			b = append(b, '_')
		}
	}
	return string(b)
}

func isLegacy(s string, colon bool) bool {
	if s == "" || s[0] >= '0' && s[0] <= '9' {
		return false
	}
	for i := range len(s) {
		if !isNameByte(s[i], colon) {
			return false
		}
	}
	return true
}

func isNameByte(c byte, colon bool) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || colon && c == ':'
}

// labelValue makes s valid UTF-8.
func labelValue(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
