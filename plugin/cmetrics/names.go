package cmetrics

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// promName makes name one that Prometheus takes, in place: letters, digits,
// underscores and extra (the colon, in a metric's name); any other character
// becomes an underscore, as does a digit that comes first.
func promName(name []byte, extra byte) []byte {
	out := name[:0]
	for i, c := range name {
		switch {
		case isLetter(c), isDigit(c) && i > 0, c == extra:
		case c >= utf8.RuneSelf && c < 0xc0:
			continue // a character is replaced once, at its first byte
		default:
			c = '_'
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return append(out, '_')
	}
	return out
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// maxDatadogName is Datadog's limit for a metric's name, in characters.
const maxDatadogName = 200

// datadogName joins the parts that are not empty with dots, as Datadog takes a
// name: it starts with a letter and has letters, digits, underscores and dots.
func datadogName(parts ...[]byte) []byte {
	var name []byte
	for _, part := range parts {
		if len(part) > 0 && len(name) > 0 {
			name = append(name, '.')
		}
		for _, c := range part {
			switch {
			case isLetter(c), (isDigit(c) || c == '.') && len(name) > 0:
			case len(name) == 0, c >= utf8.RuneSelf && c < 0xc0:
				continue
			default:
				c = '_'
			}
			name = append(name, c)
		}
	}
	return name[:min(len(name), maxDatadogName)]
}

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

// unitOf is Datadog's name of a unit, from the unit as OpenTelemetry writes it
// or else from the ending of the metric's name; "" when neither tells.
func unitOf(unit, name string) string {
	switch unit {
	case "s":
		return "second"
	case "ms":
		return "millisecond"
	case "us":
		return "microsecond"
	case "ns":
		return "nanosecond"
	case "By":
		return "byte"
	case "%":
		return "percent"
	case "Cel":
		return "degree celsius"
	case "Hz":
		return "hertz"
	}
	name = strings.TrimSuffix(name, "_total")
	switch name[strings.LastIndexByte(name, '_')+1:] {
	case "seconds":
		return "second"
	case "bytes":
		return "byte"
	case "celsius":
		return "degree celsius"
	case "ratio":
		return "fraction"
	case "hertz":
		return "hertz"
	case "volts":
		return "volt"
	case "amperes":
		return "ampere"
	case "watts":
		return "watt"
	}
	return ""
}
