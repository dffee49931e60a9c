package remotewrite

import (
	"slices"
	"strings"

	"out_edge/plugin/metric"
)

const nameLabel = "__name__"

// labelsOf returns the label set of a name as every receiver accepts it: sorted, no
// name twice, none empty. extra labels, which the kind needs, take precedence over a
// series' own labels, and these over the configured ones.
func labelsOf(name string, own, extra, configured []metric.Label) []metric.Label {
	labels := make([]metric.Label, 0, 1+len(own)+len(extra)+len(configured))
	labels = append(labels, metric.Label{Name: nameLabel, Value: metricName(name)})
	for _, list := range [][]metric.Label{extra, own, configured} {
		for _, l := range list {
			labels = append(labels, metric.Label{Name: labelName(l.Name), Value: labelValue(l.Value)})
		}
	}
	return normalise(labels)
}

// normalise sorts labels, keeps the first of each name, and removes empty ones: in
// Prometheus an empty label is no label.
func normalise(labels []metric.Label) []metric.Label {
	slices.SortStableFunc(labels, func(a, b metric.Label) int { return strings.Compare(a.Name, b.Name) })
	labels = slices.CompactFunc(labels, func(a, b metric.Label) bool { return a.Name == b.Name })
	return slices.DeleteFunc(labels, func(l metric.Label) bool { return l.Value == "" || l.Name == "" })
}

// metricName and labelName return names that every receiver accepts, the same as on
// /metrics: invalid characters become "_".
func metricName(s string) string { return legacyName(s, true) }

func labelName(s string) string {
	s = legacyName(s, false)
	if strings.HasPrefix(s, "__") {
		return "_" + strings.TrimLeft(s, "_")
	}
	return s
}

func legacyName(s string, colon bool) string {
	b := make([]byte, 0, len(s)+1)
	if s == "" || s[0] >= '0' && s[0] <= '9' {
		b = append(b, '_')
	}
	for _, r := range s { // by rune: one character gives one underscore
		if r < 0x80 && isNameByte(byte(r), colon) {
			b = append(b, byte(r))
		} else {
			b = append(b, '_')
		}
	}
	if string(b) == s {
		return s
	}
	return string(b)
}

func isNameByte(c byte, colon bool) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || colon && c == ':'
}

// labelValue makes s valid UTF-8.
func labelValue(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
