// Package textformat appends series in the text formats that Prometheus scrapes, byte for
// byte as expfmt of prometheus/common does, which is kept as the reference of its tests.
//
// What seldom changes is made once and kept by the caller: the labels of a series
// (AppendLabels), and all lines of a Family.
//
// Names must be as metric.Series describes them: none needs to be escaped. So the
// escaping that a scraper asks for makes no difference.
package textformat

import (
	"strings"

	"out_edge/plugin/metric"
)

// Format is a text format.
type Format uint8

// The formats.
const (
	Classic     Format = iota // text/plain, version 0.0.4
	OpenMetrics               // application/openmetrics-text, versions 0.0.1 and 1.0.0
	NumFormats  = iota
)

// Head is what stands above the series of a family.
type Head struct {
	Name, Help string
	Kind       metric.Kind
	isPlain    bool // nothing in Help is escaped
}

// NewHead creates the Head of a family.
func NewHead(name, help string, kind metric.Kind) Head {
	return Head{Name: name, Help: help, Kind: kind, isPlain: !strings.ContainsAny(help, "\\\n\"")}
}

// AppendHead appends what stands above the series of a family.
func (f Format) AppendHead(dst []byte, h *Head) []byte {
	name, word := h.Name, h.Kind.String()
	if f == OpenMetrics {
		short, isTotal := strings.CutSuffix(name, "_total")
		switch {
		case h.Kind == metric.Counter && short == "": // nothing is left of the name
			name = `""`
		case h.Kind == metric.Counter && isTotal:
			name = short
		case h.Kind == metric.Counter, h.Kind == metric.Untyped:
			word = "unknown"
		}
	}
	dst = append(append(append(dst, "# HELP "...), name...), ' ')
	if h.isPlain {
		dst = append(dst, h.Help...)
	} else {
		dst = appendEscaped(dst, h.Help, f == OpenMetrics)
	}
	dst = append(append(append(dst, "\n# TYPE "...), name...), ' ')
	return append(append(dst, word...), '\n')
}

// AppendEnd appends what stands at the end of a page.
func (f Format) AppendEnd(dst []byte) []byte {
	if f == OpenMetrics {
		return append(dst, "# EOF\n"...)
	}
	return dst
}

// AppendLabels appends labels as both formats write them, without the bracket at the end.
func AppendLabels(dst []byte, labels []metric.Label) []byte {
	separator := byte('{')
	for i := range labels {
		dst = append(append(dst, separator), labels[i].Name...)
		dst = appendEscaped(append(dst, `="`...), labels[i].Value, true)
		dst = append(dst, '"')
		separator = ','
	}
	return dst
}

// appendEscaped appends a text; quotes says that a " is escaped too.
func appendEscaped(dst []byte, s string, quotes bool) []byte {
	from := 0
	for i := range len(s) {
		var escaped byte
		switch c := s[i]; {
		case c == '\n':
			escaped = 'n'
		case c == '\\', c == '"' && quotes:
			escaped = c
		default:
			continue
		}
		dst = append(append(dst, s[from:i]...), '\\', escaped)
		from = i + 1
	}
	return append(dst, s[from:]...)
}

// Compare is the order in which series of a family stand: by the number of their labels,
// then by the labels' values. Those whose labels differ in their names alone, which
// client_golang leaves in any order, are in that of the names.
func Compare(a, b []metric.Label) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	for i := range a {
		if a[i].Value != b[i].Value {
			return strings.Compare(a[i].Value, b[i].Value)
		}
	}
	for i := range a {
		if a[i].Name != b[i].Name {
			return strings.Compare(a[i].Name, b[i].Name)
		}
	}
	return 0
}
