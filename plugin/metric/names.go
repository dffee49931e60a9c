package metric

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/common/model"
)

// promName returns a metric's name that every Prometheus accepts.
func promName(s string) string { return model.EscapeName(s, model.UnderscoreEscaping) }

// labelName returns a label's name that every Prometheus accepts and none reserves:
// without colons, and without two underscores at the start.
func labelName(s string) string {
	s = strings.ReplaceAll(promName(s), ":", "_")
	switch {
	case s == "":
		return "_"
	case strings.HasPrefix(s, "__"):
		return "_" + strings.TrimLeft(s, "_")
	}
	return s
}

// IsLabelName reports whether a user may choose s as a label's name: letters, digits
// and underscores, not starting with a digit or two underscores.
func IsLabelName(s string) bool {
	return model.LegacyValidation.IsValidLabelName(s) && !strings.HasPrefix(s, model.ReservedLabelPrefix)
}

// IsMetricName reports whether every Prometheus accepts s as a metric's name: letters,
// digits, underscores and colons, not starting with a digit.
func IsMetricName(s string) bool { return model.LegacyValidation.IsValidMetricName(s) }

// text returns s as UTF-8 with U+FFFD for invalid bytes.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// maxDatadogName is Datadog's limit for a metric's name, in characters.
const maxDatadogName = 200

// DatadogName joins the non-empty parts with dots to a name that Datadog accepts: it
// starts with a letter and has letters, digits, underscores and dots. Other characters
// become underscores, or are removed at the start.
func DatadogName(parts ...string) string {
	name := make([]byte, 0, 64)
	for _, part := range parts {
		if part != "" && len(name) > 0 {
			name = append(name, '.')
		}
		for i := range len(part) {
			c := part[i]
			switch {
			case 'a' <= c|0x20 && c|0x20 <= 'z', ('0' <= c && c <= '9' || c == '.') && len(name) > 0:
			case len(name) == 0, c >= utf8.RuneSelf && c < 0xc0:
				continue
			default:
				c = '_'
			}
			name = append(name, c)
		}
	}
	return string(name[:min(len(name), maxDatadogName)])
}

// UnitOf returns Datadog's name of a unit, from OpenTelemetry's unit or else from the
// end of the metric's name; "" if neither has one.
func UnitOf(unit, name string) string {
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
	switch Suffix(name) {
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

// Suffix returns the last word of a metric's name without _total: the unit, if the name
// follows Prometheus' conventions.
func Suffix(name string) string {
	name = strings.TrimSuffix(name, "_total")
	return name[strings.LastIndexByte(name, '_')+1:]
}

// FormatBound returns the value of le or quantile like OpenMetrics and as Prometheus
// stores it: a whole number has a fraction of 0 ("1.0").
func FormatBound(f float64) string {
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if strings.ContainsAny(s, ".eIN") {
		return s
	}
	return s + ".0"
}
