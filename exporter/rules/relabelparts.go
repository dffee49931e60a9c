package rules

import (
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// partLabels distinguish the lines of one histogram or summary. Here they are one
// series, which has no such label.
var partLabels = []string{"le", "quantile"}

// anyBucket matches patterns of names that are meant for the buckets of all histograms.
var anyBucket = regexp.MustCompile(`\.[*+]\)?_bucket(\W|$)`)

// wholes finds steps that work in prometheus.yml but can have no effect here, because
// relabelling comes before histograms and summaries are split into lines.
func (r *reader) wholes(m *mapping) {
	sources, re := m.values["source_labels"], m.values["regex"]
	if sources == nil || sources.Kind != yaml.SequenceNode {
		return
	}
	ofNames := false
	for _, e := range sources.Content {
		ofNames = ofNames || e.Value == "__name__"
		if slices.Contains(partLabels, e.Value) {
			r.at(e, "source_labels %s: %s", e.Value, partsAdvice)
		}
	}
	if ofNames && re != nil && anyBucket.MatchString(re.Value) {
		r.at(re, "regex %s: %s", re.Value, partsAdvice)
	}
}

const partsAdvice = "a histogram or summary is one series here, without le, quantile and _bucket: " +
	"write its own name for all of it, give it fewer buckets in metrics, or drop lines with metric_relabel_configs in prometheus.yml"
