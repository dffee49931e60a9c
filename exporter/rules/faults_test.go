package rules_test

import (
	"path/filepath"
	"strings"
	"testing"

	"out_edge/exporter/rules"
)

// wantFaults is the exact error for each testdata/invalid-*.yaml, without the
// file's name.
var wantFaults = map[string]string{
	"op-text":            "3: a rule of a condition must be a mapping: write like field: ...",
	"twice-no-labels":    "5: metric app_errors_total is defined twice with another labels: line 2 has no labels: write the same, or another name",
	"accessor":           "5: value_field \"$a['b\": ['b is not closed: write like ['b']",
	"accessor-empty":     "5: value_field \"$RESOURCE\": a field's name is missing: write like $a['b']",
	"accessor-index":     "5: value_field \"$a[-1]\": [-1] is no member: write like ['b'] or [0]",
	"accessor-rest":      "5: value_field \"$a['b'].c\": \".c\" does not belong to the accessor: write like $a['b']['c']",
	"bad-match-regex":    "5: match_regex is no regular expression of Go (RE2): missing closing ): `^app\\.(\\w+$`",
	"bad-name":           "2: name \"app.errors_total\" is no metric's name: use letters, digits and _, with no digit first",
	"bad-type":           "3: type \"conter\" is unknown: did you mean counter?",
	"buckets-counter":    "5: buckets are for histograms: leave them out, or write type: histogram",
	"buckets-inf":        "6: a bucket's bound (+Inf goes without saying) must be a number",
	"buckets-order":      "6: buckets must rise: write like [0.1, 0.5, 1]",
	"capture":            "7: label app: $2: the tag's pattern takes only 1: each * of match, or each ( ) of match_regex, is one",
	"capture-name":       "7: label app: ${ap}: match_regex has no group of that name: write (?P<ap>...) there, or $ap for a field",
	"capture-open":       "6: label app: ${ is not closed: write like ${name}",
	"condition-empty":    "3: rules of a condition are empty: add one, or leave the condition out",
	"condition-list":     "3: a condition must be a mapping: write like op: ...",
	"datadog-name":       "5: datadog_name \"app-errors\" is no name at Datadog: use letters, digits, _ and ., with a letter first, 200 characters at most",
	"dollar":             "6: label price: a $ must be followed by a field's name, a number or {a group's name}: write $$ for a dollar sign",
	"escape":             "2: no YAML, here or below: found unknown escape character",
	"every-field-label":  "6: label field has the field's name where value_field is \"*\": choose another name",
	"foreign-key":        "2: unknown key \"metric_name\" in a metric: write name",
	"gauge-total":        "2: name app_queue_total: _total is for counters: write app_queue, or type: counter",
	"hyphen":             "6: label sent: $bytes-sent-out ends the field's name at the hyphen: write $['bytes-sent-out'], or $['bytes']-sent-out for the field bytes and then -sent-out",
	"key-twice":          "5: type is given twice, first in line 3: keep one",
	"label-le":           "7: label le is the histogram's own: choose another name",
	"label-list":         "6: label app must be a text",
	"label-name":         "6: label \"log-level\" is no label's name: use letters, digits and _, with no digit first",
	"label-reserved":     "6: label __level: Prometheus keeps names with two underscores first for itself: write level",
	"label-twice":        "7: label level is given twice: keep one",
	"labelmap":           "2: a relabel step: \"a.b\" is invalid 'replacement' for labelmap action",
	"labels-list":        "5: labels must be a mapping: write like status: $status",
	"lines-clash":        "6: metric app_duration_seconds_count would look like part of app_duration_seconds, in line 2, on the page: choose another name",
	"match-empty":        "5: match is empty, which fits no tag: write '*' for all tags, or leave it out",
	"match-twice":        "6: match and match_regex are both given: keep one",
	"native-buckets":     "8: max_buckets is 5000: write a whole number from 8 to 1000, like 160",
	"native-counter":     "5: native is for histograms: leave it out, or write type: histogram",
	"native-factor":      "7: bucket_factor is 1: write a number above 1 and up to 65536, like 1.1",
	"native-few":         "7: max_buckets is 7: write a whole number from 8 to 1000, like 160",
	"native-histogram":   "6: unknown key \"native_histogram_bucket_factor\" in a metric: write native: {bucket_factor: ...}",
	"native-huge":        "7: bucket_factor is 65537: write a number above 1 and up to 65536, like 1.1",
	"native-key":         "7: unknown key \"max_bucket_number\" in native: write max_buckets",
	"native-part":        "7: max_buckets is 20.5: write a whole number from 8 to 1000, like 160",
	"native-scalar":      "6: native must be a mapping: write like bucket_factor: ...",
	"native-text":        "7: bucket_factor must be a number\n8: max_buckets must be a number",
	"no-help":            "2: metric app_errors_total has no help: add help: ...",
	"no-name":            "2: a metric has no name: add name: ...",
	"no-sinks":           "2: a route has no sinks: add sinks: ...",
	"no-type":            "2: a metric has no type: add type: ...",
	"no-value-field":     "2: a gauge has no value_field: add value_field: ... (only a counter can count records)",
	"not-a-list":         "2: metrics must be a list: start each element with a dash",
	"not-a-mapping":      "1: the file must be a mapping: write like metrics: ...",
	"not-total":          "2: name app_errors: a counter's name ends in _total: write app_errors_total",
	"not-yaml":           "1: no YAML, here or below: did not find expected '-' indicator",
	"op":                 "5: op \"equals\" is unknown: write eq",
	"op-exists-value":    "6: op exists takes no value: leave value out",
	"op-list":            "6: value of op in must be a list: write like [a, b]",
	"op-list-element":    "9: an element of value must be a text",
	"op-number":          "6: value of op gte must be a number",
	"op-octal":           "7: value of op eq 010: a zero first makes it octal, 8: leave the zero out, or write '010' for the text\n8: an element of value 0644: a zero first makes it octal, 420: leave the zero out, or write '0644' for the text\n9: value of op gt 010: a zero first makes it octal, 8: leave the zero out, or write '010' for the text",
	"op-tag":             "7: value of op eq must be a number\n8: value of op eq must be true or false\n9: value of op eq must be a number",
	"op-regex":           "6: value of op regex is no regular expression of Go (RE2): invalid or unsupported Perl syntax: `(?!`",
	"op-value":           "4: op eq has no value: add value: ...",
	"path":               "5: value_field \"a..b\": a name between the dots is missing: write like a.b.c",
	"path-brackets":      "5: value_field \"a['b']\": write like a.b.c or $a['b']['c']",
	"prefix":             "2: metric edge_errors_total: names with edge_ first are the plugin's own (`metric_prefix`): write errors_total, or another `metric_prefix`",
	"regex-list":         "5: match_regex must be a text",
	"relabel-action":     "4: action \"drp\" is unknown: did you mean drop?",
	"relabel-key":        "2: unknown key \"source_label\" in a relabel step: write source_labels",
	"relabel-label":      "2: a relabel step: \"\" is not a valid label name",
	"relabel-labeldrop":  "2: a relabel step: labeldrop action requires only 'regex', and no other fields",
	"relabel-modulus":    "4: a relabel step: cannot unmarshal !!str `eight` into uint64",
	"relabel-null":       "2: a relabel step must be a mapping: write like source_labels: ...",
	"relabel-parts":      "2: source_labels le: a histogram or summary is one series here, without le, quantile and _bucket: write its own name for all of it, give it fewer buckets in metrics, or drop lines with metric_relabel_configs in prometheus.yml\n5: source_labels quantile: a histogram or summary is one series here, without le, quantile and _bucket: write its own name for all of it, give it fewer buckets in metrics, or drop lines with metric_relabel_configs in prometheus.yml\n9: regex .*_bucket: a histogram or summary is one series here, without le, quantile and _bucket: write its own name for all of it, give it fewer buckets in metrics, or drop lines with metric_relabel_configs in prometheus.yml\n12: regex (.+)_bucket|x: a histogram or summary is one series here, without le, quantile and _bucket: write its own name for all of it, give it fewer buckets in metrics, or drop lines with metric_relabel_configs in prometheus.yml",
	"relabel-regex":      "3: regex is no regular expression of Go (RE2): missing closing ): `node_(.*`",
	"relabel-target":     "2: a relabel step: \"net-device\" is invalid 'target_label' for replace action",
	"route-behind":       "3: no record comes this far: an earlier route takes all of them; the first that fits wins: put this one before it",
	"rule-text":          "2: a metric must be a mapping: write like name: ...",
	"scale":              "6: scale must be a number",
	"scale-negative":     "6: scale -1 would make a counter fall: write a positive number, or type: gauge",
	"scale-zero":         "6: scale is 0, which makes every value 0: leave it out, or write what to multiply by",
	"second-document":    "6: no YAML, here or below: did not find expected node content",
	"sink":               "3: sink \"datdog\" is unknown: did you mean datadog?",
	"sinks-text":         "3: sinks must be a list: write like [datadog], or [] to drop",
	"tag-word":           "6: label app: $TAG[\"app\"] is no word of the tag: write like $TAG[0]",
	"twice-buckets":      "7: metric app_duration_seconds is defined twice with another buckets: line 2 has [0.1 1]: write the same, or another name",
	"twice-datadog-name": "6: metric app_errors_total is defined twice with another datadog_name: line 2 says datadog_name: app.errors: write the same, or another name",
	"twice-help":         "6: metric app_errors_total is defined twice with another help: line 2 says help: Errors.: write the same, or another name",
	"twice-labels":       "9: metric app_errors_total is defined twice with another labels: line 2 has app, level: write the same, or another name",
	"twice-native":       "7: metric app_duration_seconds is defined twice with another native: line 2 has {bucket_factor: 1.1, max_buckets: 100}: write the same, or another name",
	"twice-no-native":    "6: metric app_duration_seconds is defined twice with another native: line 2 has no native: write the same, or another name",
	"twice-type":         "6: metric app_queue_length is defined twice with another type histogram: line 2 says type: gauge: write the same, or another name",
	"twice-unit":         "6: metric app_errors_total is defined twice with another unit: line 2 says unit: error: write the same, or another name",
	"two-documents":      "2: a second document: put everything into one, without a line of ---",
	"unknown-key":        "5: unknown key \"lables\" in a metric: did you mean labels?",
	"unknown-key-far":    "3: unknown key \"priority\" in a route: there are match, match_regex, condition, sinks",
	"unknown-long":       "5: unknown key \"a_key_that_is_longer_than_any_word_that_somebody_could_have_mistyped\" in a metric: there are name, type, help, match, match_regex, condition, value_field, scale, buckets, native, labels, datadog_name, unit",
	"unknown-section":    "2: unknown key \"metric_relabel_config\" in the file: did you mean metric_relabel_configs?",
}

func TestInvalidFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/invalid-*.yaml")
	if err != nil || len(files) != len(wantFaults) {
		t.Errorf("%d files for %d faults, error %v", len(files), len(wantFaults), err)
	}
	for _, path := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "invalid-"), ".yaml")
		t.Run(name, func(t *testing.T) {
			f, err := rules.Load(path)
			if err == nil {
				err = f.CheckPrefix("edge")
			}
			if err == nil {
				t.Fatal("no error")
			}
			if got := strings.ReplaceAll(err.Error(), path+":", ""); got != wantFaults[name] {
				t.Errorf("\n got %s\nwant %s", got, wantFaults[name])
			}
		})
	}
}
