package statuspage

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"out_edge/exporter/telemetry"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
)

// maxShown is how many characters of a text from outside a cell shows.
const maxShown = 200

// clean makes a text from outside readable: characters that cannot be seen, or
// that change the direction of writing, become U+FFFD.
func clean(s string) string { return cleanUpTo(s, maxShown) }

// cleanUpTo is clean for a text of at most so many characters.
func cleanUpTo(s string, most int) string {
	n := 0
	for i := range s {
		if n++; n > most {
			s = s[:i] + "…"
			break
		}
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.In(r, unicode.Zl, unicode.Zp) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// ago is the time from at to now in words.
func ago(now, at int64) string {
	if at == 0 {
		return "never"
	}
	if now-at < int64(time.Second) {
		return "just now"
	}
	return span(time.Duration(now-at)) + " ago"
}

// span is a time in its two largest units at most.
func span(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	case d < 48*time.Hour:
		text := strconv.Itoa(int(d/time.Hour)) + " h"
		if rest := int(d % time.Hour / time.Minute); rest > 0 {
			text += " " + strconv.Itoa(rest) + " min"
		}
		return text
	}
	return strconv.Itoa(int(d/(24*time.Hour))) + " days"
}

// count writes a number with its thousands set off.
func count(v float64) string {
	digits := strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// chunksText counts chunks in words.
func chunksText(n int) string {
	if n == 1 {
		return "1 chunk is"
	}
	return count(float64(n)) + " chunks are"
}

// size writes bytes with a unit that leaves three digits or so.
func size(v float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	i := 0
	for ; i < len(units)-1 && math.Abs(v) >= 1000; i++ {
		v /= 1024
	}
	if i == 0 {
		v = math.Round(v)
	}
	return digits3(v) + " " + units[i]
}

// digits3 writes three digits or so.
func digits3(v float64) string {
	a := math.Abs(v)
	switch {
	case a >= 1e6 || a > 0 && a < 1e-3:
		return strconv.FormatFloat(v, 'g', 3, 64)
	case a >= 100 || v == math.Trunc(v):
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}

// plainWords writes a label's value as people do.
func plainWords(s string) string { return strings.ReplaceAll(clean(s), "_", " ") }

func sinkTitle(sink string) string {
	switch sink {
	case delivery.SinkDatadog:
		return "Datadog logs"
	case delivery.SinkDatadogMetrics:
		return "Datadog metrics"
	case delivery.SinkRemoteWrite:
		return "Remote write"
	case delivery.SinkPrometheus:
		return "Prometheus page"
	case delivery.SinkDecode:
		return "Decoding"
	}
	return clean(sink)
}

func faultText(code string) string {
	if m := telemetry.OutcomeOf(code).Meaning; m != "" {
		return clean(code) + ", " + m
	}
	return clean(code)
}

// labelText writes labels as name=value.
func labelText(labels []metric.Label) string {
	parts := make([]string, len(labels))
	for i, l := range labels {
		parts[i] = l.Name + "=" + l.Value
	}
	return clean(strings.Join(parts, ", "))
}

// format writes the values of a metric.
type format func(float64) string

func percent(v float64) string { return digits3(math.Round(v*1000)/10) + " %" }
func celsius(v float64) string { return digits3(math.Round(v*10)/10) + " °C" }
func sizeRate(v float64) string {
	return size(v) + "/s"
}
func rate(v float64) string { return digits3(v) + "/s" }
func upDown(v float64) string {
	if v == 0 {
		return "down"
	}
	return "up"
}
