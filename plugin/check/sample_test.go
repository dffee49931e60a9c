package check_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"out_edge/plugin/check"
)

const sampleConfig = `
pipeline:
  outputs:
    - {name: edge, match: '*', apikey: 0123456789abcdef, config_file: RULES, remote_write_url: 'http://127.0.0.1:1/w'}
    - {name: edge, match: 'a*.*p', listen: off}
    - {name: edge, match: 'b.*', listen: off}
`

const sampleRules = `
metrics:
  - {name: app_errors_total, type: counter, help: Errors., match: a.app, condition: {rules: [{field: level, op: eq, value: error}]}, labels: {module: $module}}
  - {name: app_took_seconds, type: histogram, help: Time., match: a.app, value_field: took, buckets: [1]}
routes:
  - {match: a.app, condition: {rules: [{field: module, op: eq, value: noise}]}, sinks: [prometheus]}
`

// sample is what the check shows of sample records.
func sample(t *testing.T, records string) (text string, err error) {
	t.Helper()
	return sampleOf(t, sampleConfig, records)
}

func sampleOf(t *testing.T, config, records string) (text string, err error) {
	t.Helper()
	dir := t.TempDir()
	rules, file := filepath.Join(dir, "rules.yaml"), filepath.Join(dir, "fluent-bit.yaml")
	for path, text := range map[string]string{rules: sampleRules, file: strings.Replace(config, "RULES", rules, 1)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sections, faults := check.Read(file, environment)
	var outputs []*check.Output
	for _, s := range check.Outputs(sections) {
		o, found := check.Check(s, func(string) string { return "" }, "v1")
		if faults = append(faults, found...); len(faults) > 0 {
			t.Fatal(faults)
		}
		outputs = append(outputs, o)
	}
	var b strings.Builder
	err = check.Sample(outputs, "a.app", strings.NewReader(records), &b)
	return strings.ReplaceAll(b.String(), file, "FILE"), err
}

// A sample record shows its metrics and the sinks of each, and nothing is sent.
func TestSample(t *testing.T) {
	got, err := sample(t, `{"level":"error","module":"pump","took":0.5}
[{"level":"error","module":"noise"}, {"Mem.total":1000,"Mem.used":400,"Mem.free":600}]`)
	if err != nil {
		t.Fatal(err)
	}
	const all = " -> datadog_metrics, remote_write, prometheus\n"
	// The keys of a record are sorted.
	want := `FILE:4: edge, sinks: datadog, datadog_metrics, remote_write, prometheus
record 1, tag a.app
    log -> datadog
    metric app_errors_total{module="pump"} 1` + all +
		`    metric app_took_seconds count 1 sum 0.5` + all +
		`record 2, tag a.app
    metric app_errors_total{module="noise"} 1 -> prometheus
record 3, tag a.app
    metric edge_memory_bytes{state="free"} 614400` + all +
		`    metric edge_memory_bytes{state="total"} 1.024e+06` + all +
		`    metric edge_memory_bytes{state="used"} 409600` + all +
		`FILE:5: edge, sinks: none
record 1, tag a.app
    nothing: no metric is made of it, and no sink takes it as a log
record 2, tag a.app
    nothing: no metric is made of it, and no sink takes it as a log
record 3, tag a.app
    nothing: no metric is made of it, and no sink takes it as a log
FILE:6: edge takes nothing of the tag a.app: match is b.*
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSampleThatIsNone(t *testing.T) {
	for records, want := range map[string]string{
		"":             "no sample record: write a JSON object",
		"plain text":   "no JSON behind record 0: invalid character 'p' looking for beginning of value",
		`{"a":1} {"b"`: "no JSON behind record 1: unexpected EOF",
		`{"a":1} [7]`:  "record 2 is no JSON object",
	} {
		if _, err := sample(t, records); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", records, err, want)
		}
	}
}

// An output takes the tags that Fluent Bit 5.1.1 was seen to give it.
func TestSampleGoesWhereTheTagGoes(t *testing.T) {
	for keys, why := range map[string]string{
		`match: '*.app'`:                  "",
		`match: 'b.*'`:                    "match is b.*",
		`match_regex: '^a'`:               "",
		`match_regex: 'app'`:              "match_regex is app", // it begins where the tag begins
		`match_regex: '.*app$'`:           "",
		`match_regex: '^a', match: 'b.*'`: "",
		`match_regex: 'b', match: '*'`:    "",
		`match_regex: 'b', match: 'b.*'`:  "match is b.*",
		`match_regex: '(?<name>a)\.app'`:  "",
		`match_regex: '(?=b)b'`:           "", // not for Go to judge
		`alias: x`:                        "it has neither match nor match_regex",
	} {
		got, err := sampleOf(t, "pipeline: {outputs: [{name: edge, listen: off, "+keys+"}]}", `{"level":"error"}`)
		_, refused, _ := strings.Cut(got, "edge takes nothing of the tag a.app: ")
		if err != nil || strings.TrimSpace(refused) != why {
			t.Errorf("%s: %q, want %q; %v", keys, got, why, err)
		}
	}
}
