package rules_test

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"out_edge/build/testkit"
	"out_edge/exporter/rules"
	"out_edge/plugin/chunk"
	"out_edge/plugin/metric"
)

const second = int64(time.Second)

// TestObserve makes samples of one record by one rule each; head is the rule
// without its name's line.
func TestObserve(t *testing.T) {
	nested := fields{"req": fields{"method": "GET", "took": 12.5, "list": []any{1, fields{"x": "deep"}}}, "a.b": "dotted", "a": fields{"b": "nested"}}
	for name, c := range map[string]struct {
		rule, tag string
		body      fields
		want      string
	}{
		"counts records": {
			"name: n_total, type: counter", "app", fields{"m": "x"}, "n_total 1 (+1)"},
		"counts a field": {
			"name: n_total, type: counter, value_field: bytes", "app", fields{"bytes": 512}, "n_total 512 (+512)"},
		"counts 0": {
			"name: n_total, type: counter, value_field: bytes", "app", fields{"bytes": 0}, "n_total 0 (+0)"},
		"counts by scale": {
			"name: n_total, type: counter, scale: 0.5", "app", fields{}, "n_total 0.5 (+0.5)"},
		"gauge with scale": {
			"name: g, type: gauge, value_field: ms, scale: 0.001", "app", fields{"ms": 2500}, "g 2.5"},
		"negative gauge": {
			"name: g, type: gauge, value_field: t", "app", fields{"t": -2.5}, "g -2.5"},
		"histogram": {
			"name: h, type: histogram, value_field: s, buckets: [0.1, 0.5, 1]", "app", fields{"s": 0.5}, "h [0 1 1] of [0.1 0.5 1], 1, sum 0.5"},
		"histogram over all bounds": {
			"name: h, type: histogram, value_field: s, buckets: [0.1, 0.5, 1]", "app", fields{"s": 7}, "h [0 0 0] of [0.1 0.5 1], 1, sum 7"},
		"histogram with default buckets": {
			"name: h, type: histogram, value_field: s", "app", fields{"s": "0.3"},
			"h [0 0 0 0 0 0 1 1 1 1 1] of [0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10], 1, sum 0.3"},
		"nested by dots": {
			"name: g, type: gauge, value_field: req.took", "app", nested, "g 12.5"},
		"nested by accessor": {
			`name: g, type: gauge, value_field: "$req['took']"`, "app", nested, "g 12.5"},
		"element of an array": {
			`name: g, type: gauge, value_field: "$req['list'][0]"`, "app", nested, "g 1"},
		"labels of fields, a constant and the tag": {
			`name: n_total, type: counter, match: "app.*", labels: {app: $1, method: "$req['method']", site: plant-7, x: "$req['list'][1]['x']"}`, "app.web", nested,
			`n_total{app="web",method="GET",site="plant-7",x="deep"} 1 (+1)`},
		"a dotted key goes before a nested one": {
			`name: n_total, type: counter, condition: {rules: [{field: a.b, op: eq, value: dotted}]}, labels: {x: "$a['b']"}`, "app", nested, `n_total{x="nested"} 1 (+1)`},
		"names of groups": {
			`name: n_total, type: counter, match_regex: "^(?P<kind>\\w+)\\.(\\w+)", labels: {kind: "${kind}", site: "${2}", both: "$2-$kind/$TAG $$1"}`, "app.web.7", fields{"kind": "field"},
			`n_total{both="web-field/app.web.7 $1",kind="app",site="web"} 1 (+1)`},
		"a star takes as little as it can": {
			`name: n_total, type: counter, match: "a.*.*", labels: {x: $1, y: $2, all: $0}`, "a.b.c.d", fields{}, `n_total{all="a.b.c.d",x="b",y="c.d"} 1 (+1)`},
		"a label without a field is none": {
			"name: n_total, type: counter, labels: {level: $level, app: $app}", "app", fields{"app": "x"}, `n_total{app="x"} 1 (+1)`},
		"null, maps and arrays are no label": {
			"name: n_total, type: counter, labels: {a: $a, b: $b, c: $c}", "app", fields{"a": nil, "b": fields{}, "c": []any{1}}, "n_total 1 (+1)"},
		"texts of labels": {
			"name: n_total, type: counter, labels: {a: $a, b: $b, c: $c, d: $d, e: $e, f: $f}", "app",
			fields{"a": 200, "b": 200.0, "c": true, "d": uint64(math.MaxUint64), "e": 1e300, "f": "\xffé"},
			`n_total{a="200",b="200",c="true",d="18446744073709551615",e="1e+300",f="` + "\ufffdé" + `"} 1 (+1)`},
		"words of the tag": {
			`name: n_total, type: counter, labels: {x: "$TAG[1]", y: "$TAG[3]", z: "a$TAG[0]b"}`, "a.b.c", fields{}, `n_total{x="b",z="aab"} 1 (+1)`},
		"no match":           {`name: n_total, type: counter, match: "app.*"`, "web.x", fields{}, ""},
		"no match by regex":  {`name: n_total, type: counter, match_regex: "^app$"`, "app.x", fields{}, ""},
		"regex anywhere":     {`name: n_total, type: counter, match_regex: "app"`, "my.app.x", fields{}, "n_total 1 (+1)"},
		"dots are dots":      {`name: n_total, type: counter, match: "a.b"`, "axb", fields{}, ""},
		"condition not held": {"name: n_total, type: counter, condition: {rules: [{field: level, op: eq, value: error}]}", "app", fields{"level": "info"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := parse(t, "metrics: [{help: Help., "+c.rule+"}]").Engine(rules.EngineConfig{Limit: 10})
			got := e.Observe(nil, c.tag, rec(t, c.body), 5*second)
			if text := showAll(got); text != c.want {
				t.Errorf("\n got %s\nwant %s", text, c.want)
			}
			for i := range got {
				if s := &got[i]; s.Index != 7 || s.UnixNano != 5*second {
					t.Errorf("index %d, instant %d", s.Index, s.UnixNano)
				}
			}
		})
	}
}

func TestLabelsOfMetadataAndGroup(t *testing.T) {
	e := parse(t, `
metrics:
  - name: n_total
    type: counter
    help: Help.
    labels:
      service: $RESOURCE['service.name']
      severity: $METADATA['otlp']['severity_text']
      scope: $SCOPE['k']
`).Engine(rules.EngineConfig{})
	r := rec(t, fields{})
	if got := showAll(e.Observe(nil, "otel", r, 1)); got != "n_total 1 (+1)" {
		t.Error("without a group:", got)
	}
	r.Metadata = pack(t, fields{"otlp": fields{"severity_text": "WARN"}})
	r.Group = &chunk.Group{Resource: pack(t, fields{"service.name": "svc"}), Scope: pack(t, fields{"k": "v"})}
	if got, want := showAll(e.Observe(nil, "otel", r, 1)), `n_total{scope="v",service="svc",severity="WARN"} 1 (+1)`; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// TestValues gives one value to a counter, and what becomes of it: a number or
// a reason.
func TestValues(t *testing.T) {
	for name, c := range map[string]struct {
		value any
		want  string
	}{
		"integer":               {12, "12"},
		"large unsigned":        {uint64(math.MaxUint64), "1.8446744073709552e+19"},
		"float32":               {float32(0.5), "0.5"},
		"text":                  {"0.005", "0.005"},
		"text with spaces":      {" 12 ", "12"},
		"text with exponent":    {"1.5e3", "1500"},
		"bytes":                 {[]byte("7"), "7"},
		"true":                  {true, "1"},
		"false":                 {false, "0"},
		"null":                  {nil, "no_value"},
		"empty text":            {"", "not_a_number"},
		"a dash":                {"-", "not_a_number"},
		"several":               {"0.001, 0.002", "not_a_number"},
		"hexadecimal":           {"0x10", "not_a_number"},
		"underscores":           {"1_000", "not_a_number"},
		"text of infinity":      {"inf", "not_a_number"},
		"text of no number":     {"NaN", "not_a_number"},
		"text over float64":     {"1e999", "not_a_number"},
		"long text":             {strings.Repeat("0", 41), "not_a_number"},
		"with unit":             {"12ms", "not_a_number"},
		"map":                   {fields{}, "not_a_number"},
		"array":                 {[]any{1}, "not_a_number"},
		"NaN":                   {math.NaN(), "not_finite"},
		"infinity":              {math.Inf(1), "not_finite"},
		"negative":              {-1, "negative"},
		"negative text":         {"-0.5", "negative"},
		"over float64 by scale": {1e308, "not_finite"},
	} {
		t.Run(name, func(t *testing.T) {
			scale := map[bool]string{true: ", scale: 100"}[strings.Contains(name, "scale")]
			var refused refusals
			e := parse(t, "metrics: [{name: n_total, type: counter, help: Help., value_field: v"+scale+"}]").Engine(rules.EngineConfig{Refused: refused.add})
			got := ""
			for _, s := range e.Observe(nil, "app", rec(t, fields{"v": c.value}), 1) {
				got = strconv.FormatFloat(s.Value, 'g', -1, 64)
			}
			if r := refused.take(); r != "" {
				got += strings.TrimSuffix(strings.TrimPrefix(r, "n_total "), ":1")
			}
			if got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	var refused refusals
	e := parse(t, `
metrics:
  - {name: n_total, type: counter, help: Help., value_field: v, labels: {l: $l}}
  - {name: h, type: histogram, help: Help., value_field: v}
`).Engine(rules.EngineConfig{Refused: refused.add})
	for name, c := range map[string]struct {
		body    fields
		want    string
		samples int
	}{
		"field missing":        {fields{}, "h no_value:1 n_total no_value:1", 0},
		"longest label":        {fields{"v": 1, "l": strings.Repeat("x", rules.MaxLabelValue)}, "", 2},
		"label too long":       {fields{"v": 1, "l": strings.Repeat("x", rules.MaxLabelValue+1)}, "n_total label_too_long:1", 1},
		"histogram takes less": {fields{"v": -1}, "n_total negative:1", 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := e.Observe(nil, "app", rec(t, c.body), 1); len(got) != c.samples {
				t.Errorf("%d samples, want %d", len(got), c.samples)
			}
			if got := refused.take(); got != c.want {
				t.Errorf("refused %s, want %s", got, c.want)
			}
		})
	}
	e.Observe(nil, "app", rec(t, fields{"v": 1.7e308}), 1)
	e.Observe(nil, "app", rec(t, fields{"v": 1.7e308}), 1)
	if got := refused.take(); got != "h not_finite:1 n_total not_finite:1" {
		t.Error("totals over float64:", got)
	}
}

func TestFilesRefusals(t *testing.T) {
	for name, c := range map[string]struct{ file, want string }{
		"counts records": {"metrics: [{name: n_total, type: counter, help: Help.}]", "n_total series_limit"},
		"with labels":    {"metrics: [{name: n_total, type: counter, help: Help., labels: {l: $l}}]", "n_total series_limit, n_total label_too_long"},
		"adds a field": {"metrics: [{name: n_total, type: counter, help: Help., value_field: v}]",
			"n_total series_limit, n_total no_value, n_total not_a_number, n_total not_finite, n_total negative"},
		"gauge": {"metrics: [{name: g, type: gauge, help: Help., value_field: v}]",
			"g series_limit, g no_value, g not_a_number, g not_finite"},
		"relabelling": {"metric_relabel_configs: [{action: labeldrop, regex: x}]",
			"metric_relabel_configs relabel_bad_name, metric_relabel_configs relabel_duplicate"},
		"nothing": {"{}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, r := range parse(t, c.file).Refusals() {
				got = append(got, r.Rule+" "+r.Reason)
			}
			if text := strings.Join(got, ", "); text != c.want {
				t.Errorf("%s, want %s", text, c.want)
			}
		})
	}
	if got := (*rules.File)(nil).Refusals(); got != nil {
		t.Error("without a file:", got)
	}
}

// TestReasons holds Reasons to what can be refused.
func TestReasons(t *testing.T) {
	want := "series_limit no_value not_a_number not_finite negative label_too_long relabel_bad_name relabel_duplicate"
	if got := strings.Join(rules.Reasons(), " "); got != want {
		t.Errorf("reasons %s", got)
	}
}

func TestSeriesAreShared(t *testing.T) {
	e := parse(t, `
metrics:
  - {name: n_total, type: counter, match: "a.*", labels: {app: $1}}
  - {name: n_total, type: counter, help: Help., match: "b.*", labels: {app: $1}, unit: request, datadog_name: n.requests}
`).Engine(rules.EngineConfig{Labels: []metric.Label{{Name: "site", Value: "plant"}, {Name: "a", Value: "1"}, {Name: "app", Value: "loses"}, {Name: "none", Value: ""}}})
	got := e.Observe(nil, "a.x", rec(t, fields{}), 1)
	got = e.Observe(got, "b.x", rec(t, fields{}), 2)
	want := `n_total{a="1",app="x",site="plant"} 1 (+1)` + "\n" + `n_total{a="1",app="x",site="plant"} 2 (+1)`
	if text := showAll(got); text != want {
		t.Fatalf("\n got %s\nwant %s", text, want)
	}
	s := got[0].Series
	if s != got[1].Series {
		t.Error("two pointers for one series")
	}
	if s.Help != "Help." || s.Unit != "request" || s.DatadogName != "n.requests" || s.Kind != metric.Counter {
		t.Errorf("series %+v", s)
	}
	if got := e.Observe(nil, "a.", rec(t, fields{}), 1); showAll(got) != `n_total{a="1",app="loses",site="plant"} 1 (+1)` {
		t.Error("empty label:", showAll(got))
	}
}

// TestEmptyLabelIsTheStaticOne: a series has one total, wherever a label's value
// is from.
func TestEmptyLabelIsTheStaticOne(t *testing.T) {
	e := parse(t, `
metrics:
  - {name: n_total, type: counter, help: Help., labels: {b: $b, site: $site, z: $z}}
  - {name: h, type: histogram, help: Help., value_field: v, buckets: [1], labels: {site: $site}}
`).Engine(rules.EngineConfig{Labels: []metric.Label{{Name: "site", Value: "plant"}}})
	var got []metric.Sample
	for _, body := range []fields{{"v": 1}, {"site": "plant", "v": 1}, {"site": "", "v": 1}, {"site": "other", "v": 1}} {
		got = e.Observe(got, "t", rec(t, body), 1)
	}
	want := `n_total{site="plant"} 1 (+1)
h{site="plant"} [1] of [1], 1, sum 1
n_total{site="plant"} 2 (+1)
h{site="plant"} [2] of [1], 2, sum 2
n_total{site="plant"} 3 (+1)
h{site="plant"} [3] of [1], 3, sum 3
n_total{site="other"} 1 (+1)
h{site="other"} [1] of [1], 1, sum 1`
	if text := showAll(got); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func TestUnitsAndDatadogNames(t *testing.T) {
	for name, want := range map[string]string{
		"x_duration_seconds": "x_duration_seconds second", "x_sent_bytes_total": "x_sent_bytes_total byte",
		"room_celsius": "room_celsius degree celsius", "x": "x ", "a:b_ratio": "a_b_ratio fraction", "_9x_volts": "x_volts volt",
	} {
		typ := map[bool]string{true: "counter", false: "gauge"}[strings.HasSuffix(name, "_total")]
		e := parse(t, "metrics: [{name: '"+name+"', type: "+typ+", help: Help., value_field: v}]").Engine(rules.EngineConfig{})
		s := e.Observe(nil, "t", rec(t, fields{"v": 1}), 1)[0].Series
		if got := s.DatadogName + " " + s.Unit; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestInstants: each sample has the record's own, whatever the records' order.
func TestInstants(t *testing.T) {
	e := parse(t, `
metrics:
  - {name: n_total, type: counter, help: Help.}
  - {name: h, type: histogram, help: Help., value_field: v}
  - {name: g, type: gauge, help: Help., value_field: v}
`).Engine(rules.EngineConfig{})
	for _, at := range []int64{10, 10, 8, 11, 1, 11} {
		for _, s := range e.Observe(nil, "t", rec(t, fields{"v": 1}), at*second) {
			if s.UnixNano != at*second {
				t.Errorf("%s is at %d, want %d s", s.Series.Name, s.UnixNano, at)
			}
		}
	}
}

// TestHistogramSnapshots: a Distribution that was handed out stays as it was.
func TestHistogramSnapshots(t *testing.T) {
	for name, buckets := range map[string]string{
		"few":  "[1, 2]",
		"many": "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]",
	} {
		t.Run(name, func(t *testing.T) {
			e := parse(t, "metrics: [{name: h, type: histogram, help: Help., value_field: v, buckets: "+buckets+"}]").Engine(rules.EngineConfig{})
			first := e.Observe(nil, "t", rec(t, fields{"v": 2}), 1)
			before := show(&first[0])
			second := e.Observe(nil, "t", rec(t, fields{"v": 0.5}), 1)
			if got := show(&first[0]); got != before {
				t.Errorf("%s became %s", before, got)
			}
			d := second[0].Dist
			if d.Count != 2 || d.Sum != 2.5 || d.Counts[0] != 1 || d.Counts[1] != 2 || d.Counts[len(d.Counts)-1] != 2 {
				t.Errorf("second %+v", d)
			}
		})
	}
}

const byUser = "metrics: [{name: n_total, type: counter, help: Help., labels: {user: $user}}, {name: g, type: gauge, help: Help., value_field: v, labels: {user: $user}}]"

// TestLimit pushes 200,000 label values at a limit of 10,000.
func TestLimit(t *testing.T) {
	const limit, pushed = 10_000, 200_000
	var refused refusals
	e := parse(t, "metrics: [{name: n_total, type: counter, help: Help., labels: {user: $user}}]").Engine(rules.EngineConfig{Limit: limit, Refused: refused.add})
	before := testkit.Heap()
	var dst []metric.Sample
	for i := range pushed {
		dst = e.Observe(dst[:0], "app", rec(t, fields{"user": "user-" + strconv.Itoa(i)}), int64(i))
		if want := map[bool]int{true: 1}[i < limit]; len(dst) != want {
			t.Fatalf("value %d: %d samples, want %d", i, len(dst), want)
		}
	}
	if got := refused.take(); got != "n_total series_limit:190000" {
		t.Error("refused", got)
	}
	if grown := testkit.Heap() - before; grown > 8<<20 {
		t.Errorf("%d KiB for %d series", grown>>10, limit)
	}
	dst = e.Observe(dst[:0], "app", rec(t, fields{"user": "user-7"}), pushed)
	if got := showAll(dst); got != `n_total{user="user-7"} 2 (+1)` {
		t.Error("an old series:", got)
	}
}

// TestLimitOfBytes: label values count as well, 1 KiB a series.
func TestLimitOfBytes(t *testing.T) {
	var refused refusals
	e := parse(t, "metrics: [{name: n_total, type: counter, help: Help., labels: {a: $a, b: $b}}]").Engine(rules.EngineConfig{Limit: 10, Refused: refused.add})
	for i := range 10 {
		long := strconv.Itoa(i) + strings.Repeat("x", rules.MaxLabelValue-1)
		e.Observe(nil, "app", rec(t, fields{"a": long, "b": long}), 1)
	}
	if got := refused.take(); got != "n_total series_limit:6" { // 4 of 2050 bytes fit into 10 KiB
		t.Error("refused", got)
	}
}

// TestExpiry: bytes are given back with the series, at SeriesTTL exactly not yet,
// and nobody looks again within a tenth of it.
func TestExpiry(t *testing.T) {
	at := testkit.NewClock(testkit.Start)
	e := parse(t, "metrics: [{name: g, type: gauge, help: Help., value_field: v, labels: {a: $a, b: $b, c: $c, d: $d}}]").
		Engine(rules.EngineConfig{Limit: 4, SeriesTTL: time.Minute, Clock: at})
	long := strings.Repeat("x", 1000)
	for _, c := range []struct {
		after time.Duration
		n     string
		want  int
	}{
		{0, "1", 1}, // 3 of 4 KiB
		{time.Minute, "2", 0},
		{1, "2", 0}, // too early to look again
		{6 * time.Second, "2", 1},
		{time.Hour, "3", 1},
	} {
		at.Advance(c.after)
		got := e.Observe(nil, "t", rec(t, fields{"v": 1, "a": c.n, "b": long, "c": long, "d": long}), 1)
		if len(got) != c.want {
			t.Errorf("%v later, %s: %d samples, want %d", c.after, c.n, len(got), c.want)
		}
	}
}

func TestGaugesMakeRoom(t *testing.T) {
	var refused refusals
	at := testkit.NewClock(testkit.Start)
	e := parse(t, byUser).Engine(rules.EngineConfig{Limit: 4, Refused: refused.add, SeriesTTL: time.Minute, Clock: at})
	observe := func(user string) int {
		return len(e.Observe(nil, "app", rec(t, fields{"user": user, "v": 1}), 1))
	}
	step := func(name, user string, after time.Duration, samples int, want string) {
		t.Helper()
		at.Advance(after)
		if got := observe(user); got != samples {
			t.Errorf("%s: %d samples, want %d", name, got, samples)
		}
		if got := refused.take(); got != want {
			t.Errorf("%s: refused %s, want %s", name, got, want)
		}
	}
	step("first", "a", time.Hour, 2, "")
	step("second", "b", 0, 2, "")
	step("full", "c", 30*time.Second, 0, "g series_limit:1 n_total series_limit:1")
	step("known ones live on", "b", 20*time.Second, 2, "")
	step("a's gauge has expired, its room goes to the counter", "c", 20*time.Second, 1, "g series_limit:1")
	step("b's has not", "d", 0, 0, "g series_limit:1 n_total series_limit:1")
	step("a's counter stays", "a", 0, 1, "g series_limit:1")

	forever := parse(t, byUser).Engine(rules.EngineConfig{Limit: 2, Refused: refused.add, Clock: at})
	forever.Observe(nil, "app", rec(t, fields{"user": "a", "v": 1}), 1)
	at.Advance(1000 * time.Hour)
	if got := forever.Observe(nil, "app", rec(t, fields{"user": "b", "v": 1}), 1); len(got) != 0 {
		t.Error("a gauge has expired without a TTL")
	}
}

// TestConcurrent: whoever observes, the totals of one counter are those of some order.
func TestConcurrent(t *testing.T) {
	const workers, each = 8, 500
	e := parse(t, "metrics: [{name: n_total, type: counter, help: Help., labels: {l: $l}}, {name: h, type: histogram, help: Help., value_field: v}]").Engine(rules.EngineConfig{Limit: 10})
	r := rec(t, fields{"l": "x", "v": 1})
	all := make([][]metric.Sample, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				all[w] = e.Observe(all[w], "tag"+strconv.Itoa(i%3), r, int64(i+1))
			}
		})
	}
	wg.Wait()
	totals, counts := make(map[float64]bool), make(map[uint64]bool)
	for _, samples := range all {
		for _, s := range samples {
			if s.Dist != nil {
				counts[s.Dist.Count] = true
			} else {
				totals[s.Value] = true
			}
		}
	}
	if len(totals) != workers*each || len(counts) != workers*each {
		t.Fatalf("%d totals, %d counts, want %d", len(totals), len(counts), workers*each)
	}
}

func TestManyTags(t *testing.T) {
	e := parse(t, `metrics: [{name: n_total, type: counter, help: Help., match: "file.*", labels: {one: "x"}}]`).Engine(rules.EngineConfig{})
	r := rec(t, fields{})
	before := testkit.Heap()
	var got []metric.Sample
	for i := range 100_000 {
		got = e.Observe(got[:0], "file."+strconv.Itoa(i), r, int64(i+1))
	}
	if grown := testkit.Heap() - before; grown > 2<<20 {
		t.Errorf("%d KiB for tags", grown>>10)
	}
	if text := showAll(got); text != `n_total{one="x"} 100000 (+1)` {
		t.Error(text)
	}
}

func TestNothingToDo(t *testing.T) {
	var none *rules.File
	for name, f := range map[string]*rules.File{"nil": none, "empty": parse(t, ""), "null": parse(t, "# nothing\n---\n"), "routes only": parse(t, "routes: [{sinks: []}]"), "empty sections": parse(t, "metrics:\nroutes:\n")} {
		e := f.Engine(rules.EngineConfig{})
		if e != nil {
			t.Errorf("%s: an engine", name)
		}
		s := &metric.Series{Name: "x"}
		if got, keep := e.Relabel(s); got != s || !keep {
			t.Errorf("%s: relabelled", name)
		}
		if got := e.Observe(nil, "t", rec(t, fields{}), 1); got != nil {
			t.Errorf("%s: samples", name)
		}
		if err := f.CheckPrefix("edge"); err != nil || len(f.Names()) != 0 {
			t.Errorf("%s: %v, %v", name, err, f.Names())
		}
	}
	e := parse(t, "metric_relabel_configs: [{action: drop, regex: x, source_labels: [__name__]}]").Engine(rules.EngineConfig{})
	if got := e.Observe(nil, "t", rec(t, fields{}), 1); got != nil {
		t.Error("samples without metrics")
	}
}

// TestTagLabel: with the tag as a label, each tag has a total of its own.
func TestTagLabel(t *testing.T) {
	e := parse(t, "metrics: [{name: n_total, type: counter, help: Help., labels: {level: $level}}]").Engine(rules.EngineConfig{
		TagLabel: "source", Labels: []metric.Label{{Name: "site", Value: "barn"}}})
	var got []string
	for _, tag := range []string{"a", "b", "a"} {
		for _, s := range e.Observe(nil, tag, rec(t, fields{"level": "error"}), 1) {
			got = append(got, showSeries(s.Series)+" "+strconv.FormatFloat(s.Value, 'g', -1, 64))
		}
	}
	want := []string{`n_total{level="error",site="barn",source="a"} 1`, `n_total{level="error",site="barn",source="b"} 1`, `n_total{level="error",site="barn",source="a"} 2`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// TestSilentTotalsMakeRoom: a total whose records have stopped goes, and begins anew
// if it comes back; the sample says so.
func TestSilentTotalsMakeRoom(t *testing.T) {
	at := testkit.NewClock(testkit.Start)
	e := parse(t, "metrics: [{name: n_total, type: counter, help: Help., labels: {user: $user}}]").Engine(rules.EngineConfig{
		Limit: 2, SeriesTTL: time.Minute, Clock: at})
	observe := func(user string) []metric.Sample {
		return e.Observe(nil, "app", rec(t, fields{"user": user}), at.Now().Wall)
	}
	observe("dead")
	observe("dead")
	for range 3 {
		at.Advance(40 * time.Second)
		observe("live")
	}
	if got := observe("new"); len(got) != 1 {
		t.Fatal("no room for a new total")
	}
	at.Advance(2 * time.Minute)
	observe("live")
	if got := observe("dead"); len(got) != 1 || got[0].Value != 1 || got[0].ResetCount == 0 {
		t.Errorf("the dead one comes back as %+v", got)
	}
	if got := observe("live"); got[0].Value != 5 || got[0].ResetCount != 0 {
		t.Errorf("the live one is %+v", got)
	}
}
