package rules

import "strings"

// key is one key of a mapping. The keys are written only in these tables: the parser
// uses them, and so do the reference's tables (Tables).
type key struct {
	name     string
	required bool
	// fallback is the default, in Markdown; empty if it is obvious.
	fallback string
	help     string
}

// section is one kind of mapping in the file.
type section struct {
	// name is used in faults, title in the reference.
	name, title string
	keys        []key
	// foreign are the names that users know from other tools.
	foreign map[string]string
}

const (
	matchHelp      = "Tags, as in Fluent Bit's `match`: `*` stands for any number of any characters."
	matchRegexHelp = "In place of `match`: tags as in Fluent Bit's `match_regex`, anywhere in the tag unless it says `^` and `$`."
)

var fileSection = section{"the file", "The file", []key{
	{"metrics", false, "", "List of [metrics](#metrics) to make of records."},
	{"metric_relabel_configs", false, "", "List of [relabel steps](#metric_relabel_configs) for every series."},
	{"routes", false, "everything goes everywhere", "List of [routes](#routes)."},
}, map[string]string{"mappings": "metrics", "relabel_configs": "metric_relabel_configs", "routing": "routes"}}

var metricSection = section{"a metric", "metrics", []key{
	{"name", true, "", "Full name at Prometheus, in base units: `nginx_request_duration_seconds`. A counter's ends in `_total`."},
	{"type", true, "", "`counter`, `gauge` or `histogram`."},
	{"help", true, "", "One line that says what it measures. It may be left out where another rule of the same name has it."},
	{"match", false, "`*`", matchHelp + " `$1` in a label is what the first `*` took."},
	{"match_regex", false, "", matchRegexHelp + " `$1` or `${name}` in a label is what a group took."},
	{"condition", false, "all records", "Which [records](#condition) count."},
	{"value_field", false, "1, for a counter", "[Field](#fields) to take the value from: what a counter grows by, a gauge is set to, a histogram observes. `\"*\"` is every numeric field of the record, each in a series of its own with the label `field`."},
	{"scale", false, "1", "What to multiply the value by: `0.001` makes seconds of milliseconds."},
	{"buckets", false, "`[.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10]`", "A histogram's upper bounds, rising, without `+Inf`. With `native`, the default is none."},
	{"native", false, "classic buckets only", "[Native buckets](#native) for a histogram, beside `buckets` or alone; `native: {}` is enough."},
	{"labels", false, "none", "Label names and [their values](#label-values)."},
	{"datadog_name", false, "the name", "Name at Datadog: `nginx.request.duration`."},
	{"unit", false, "from the name's ending", "Datadog's name for the unit: `second`, `byte`, `degree celsius`."},
}, map[string]string{
	"metric_name": "name", "metric_mode": "type", "mode": "type", "observer_type": "type", "timer_type": "type",
	"metric_description": "help", "description": "help", "tag": "match", "tag_regex": "match_regex",
	"when": "condition", "regex": "condition", "exclude": "condition",
	"value": "value_field", "field": "value_field", "bucket": "buckets", "histogram_options": "buckets",
	"native_histogram_bucket_factor": "native: {bucket_factor: ...}", "native_histogram_max_buckets": "native: {max_buckets: ...}",
	"native_histogram_max_bucket_number": "native: {max_buckets: ...}",
	"label_field":                        "labels", "add_label": "labels",
}}

var nativeSection = section{"native", "native", []key{
	{"bucket_factor", false, "`1.1`", "How much wider than the one before a bucket may be at most: above 1, up to 65536. The next finer power 2^(2^-n) is taken, with n from -4 to 8: 1.0905 for 1.1, which is 8 buckets for each power of two."},
	{"max_buckets", false, "`160`", "How many buckets a series may have, 8 to 1000. With more, each two neighbours become one, until they fit."},
}, map[string]string{
	"native_histogram_bucket_factor": "bucket_factor", "factor": "bucket_factor", "growth": "bucket_factor",
	"native_histogram_max_buckets": "max_buckets", "native_histogram_max_bucket_number": "max_buckets",
	"max_bucket_number": "max_buckets", "bucket_limit": "max_buckets",
}}

var conditionSection = section{"a condition", "condition", []key{
	{"op", false, "`and`", "`and`: all rules must hold; `or`: one is enough."},
	{"rules", true, "", "List of [rules](#rules-of-a-condition)."},
}, nil}

var testSection = section{"a rule of a condition", "rules of a condition", []key{
	{"field", true, "", "[Field](#fields) to look at."},
	{"op", true, "", "`eq` `neq` `gt` `lt` `gte` `lte` `regex` `not_regex` `in` `not_in` `exists` `not_exists`"},
	{"value", false, "", "What to compare with; a list for `in` and `not_in`, none for `exists` and `not_exists`."},
}, map[string]string{"key": "field", "operator": "op", "values": "value"}}

var routeSection = section{"a route", "routes", []key{
	{"match", false, "`*`", matchHelp},
	{"match_regex", false, "", matchRegexHelp},
	{"condition", false, "all records", "Which [records](#condition) go this way. Metrics events meet no condition."},
	{"sinks", true, "", "List of `prometheus`, `datadog` (logs), `datadog_metrics`, `remote_write`; `[]` drops the record."},
}, map[string]string{"sink": "sinks", "to": "sinks", "output": "sinks", "outputs": "sinks", "tag": "match", "when": "condition"}}

var relabelSection = section{"a relabel step", "metric_relabel_configs", []key{
	{"source_labels", false, "none", "Labels whose values are joined; `__name__` is the metric's name."},
	{"separator", false, "`;`", "What they are joined with."},
	{"regex", false, "`(.*)`", "What the whole of the joined values must match; for `labelmap`, `labeldrop` and `labelkeep`, a label's name."},
	{"modulus", false, "", "For `hashmod`."},
	{"target_label", false, "", "Label to write."},
	{"replacement", false, "`$1`", "What to write, with the regex' groups."},
	{"action", false, "`replace`", "`replace` `keep` `drop` `keepequal` `dropequal` `hashmod` `labelmap` `labeldrop` `labelkeep` `lowercase` `uppercase`"},
}, map[string]string{"source_label": "source_labels", "target": "target_label"}}

// key returns a key by its name.
func (s *section) key(name string) *key {
	for i := range s.keys {
		if s.keys[i].name == name {
			return &s.keys[i]
		}
	}
	return nil
}

// advice returns what to write instead of an unknown key, and which key was meant, if
// that is clear.
func (s *section) advice(name string) (advice, meant string) {
	if known, ok := s.foreign[name]; ok {
		meant, _, _ = strings.Cut(known, " ")
		return "write " + known, meant
	}
	names := make([]string, len(s.keys))
	for i := range s.keys {
		names[i] = s.keys[i].name
	}
	if best := nearest(name, names); best != "" {
		return "did you mean " + best + "?", best
	}
	return "there are " + strings.Join(names, ", "), ""
}

// suggest returns the nearest of the known words, or all of them.
func suggest(word string, known []string) string {
	if best := nearest(word, known); best != "" {
		return "did you mean " + best + "?"
	}
	return "there are " + strings.Join(known, ", ")
}

// nearest returns the known word at most two characters away, or "".
func nearest(word string, known []string) string {
	best, distance := "", 3
	for _, k := range known {
		if d := editDistance(strings.ToLower(word), k); d < min(distance, len(k)) {
			best, distance = k, d
		}
	}
	return best
}

// maxWord is the longest word that is compared with known ones.
const maxWord = 64

// editDistance returns how many characters must be inserted, deleted or replaced to
// turn a into b.
func editDistance(a, b string) int {
	if len(a) > maxWord {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// Tables returns the reference's tables of keys, in Markdown, by section name.
func Tables() map[string]string {
	tables := make(map[string]string)
	for _, s := range []*section{&fileSection, &metricSection, &nativeSection, &conditionSection, &testSection, &routeSection, &relabelSection} {
		tables[s.title] = s.table()
	}
	return tables
}

func (s *section) table() string {
	var b strings.Builder
	b.WriteString("| key | without it | |\n| --- | --- | --- |\n")
	for _, k := range s.keys {
		fallback := k.fallback
		if k.required {
			fallback = "*required*"
		}
		b.WriteString("| `" + k.name + "` | " + fallback + " | " + k.help + " |\n")
	}
	return b.String()
}
