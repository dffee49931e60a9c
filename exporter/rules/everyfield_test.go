package rules_test

import (
	"fmt"
	"slices"
	"testing"

	"out_edge/build/testkit"
	"out_edge/exporter/rules"
)

const everyField = `
metrics:
  - name: boiler_value
    type: gauge
    help: All that the boiler measures.
    match: boiler
    condition: {rules: [{field: ok, op: eq, value: true}]}
    value_field: "*"
    scale: 2
    labels: {sensor: $sensor, zone: ""}
`

// A value_field of "*" makes a series of each number in a record, in maps as well, and
// of nothing else.
func TestEveryField(t *testing.T) {
	var refused refusals
	e := parse(t, everyField).Engine(rules.EngineConfig{Refused: refused.add})
	r := rec(t, fields{"sensor": "s1", "temp_c": 61.5, "ok": true, "text": "7", "none": nil, "list": []int{1},
		"pump": map[string]any{"rpm": 900, "on": false, "deep": map[string]any{"n": -1}}, "odd\xff": 1})
	var got []string
	for _, s := range e.Observe(nil, "boiler", r, 5) {
		if s.Index != 7 || s.UnixNano != 5 {
			t.Errorf("%+v", s)
		}
		got = append(got, fmt.Sprint(s.Series.Name, s.Series.Labels, s.Value))
	}
	slices.Sort(got)
	want := []string{"boiler_value[{field odd\uFFFD} {sensor s1}] 2", "boiler_value[{field pump.deep.n} {sensor s1}] -2",
		"boiler_value[{field pump.rpm} {sensor s1}] 1800", "boiler_value[{field temp_c} {sensor s1}] 123"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := e.Observe(nil, "boiler", rec(t, fields{"ok": true, "text": "x"}), 5); len(got) != 0 || refused.take() != "" {
		t.Errorf("a record without numbers makes %v", got)
	}
	if got := rules.NumericFields(r, 2); len(got) != 2 {
		t.Errorf("%q", got)
	}
}

// Takes tells whether a rule is for a record, whatever comes of it.
func TestTakes(t *testing.T) {
	e := parse(t, everyField).Engine(rules.EngineConfig{})
	for _, c := range []struct {
		tag  string
		body fields
		want bool
	}{
		{"boiler", fields{"ok": true}, true},
		{"boiler", fields{"ok": false}, false},
		{"other", fields{"ok": true}, false},
	} {
		if got := e.Takes(c.tag, rec(t, c.body)); got != c.want {
			t.Errorf("%s %v: %v", c.tag, c.body, got)
		}
	}
	if (*rules.Engine)(nil).Takes("boiler", rec(t, nil)) {
		t.Error("without rules, one is for a record")
	}
}

// The samples of known series cost no allocation.
func TestEveryFieldAllocates(t *testing.T) {
	e := parse(t, everyField).Engine(rules.EngineConfig{})
	r := rec(t, fields{"ok": true, "a": 1, "b": map[string]any{"c": 2.5}})
	dst := e.Observe(nil, "boiler", r, 1)
	if n := testkit.Allocs(func() { dst = e.Observe(dst[:0], "boiler", r, 2) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
