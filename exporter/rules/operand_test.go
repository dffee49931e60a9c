package rules_test

import (
	"fmt"
	"testing"

	"out_edge/exporter/rules"
)

// A value of a condition is what YAML takes it for, however it is written.
func TestOperands(t *testing.T) {
	for _, c := range []struct {
		value string
		takes []any
		not   []any
	}{
		{"True", []any{true, "True"}, []any{false, "true", 1}},
		{"FALSE", []any{false, "FALSE"}, []any{true, "false", 0}},
		{"true", []any{true, "true"}, []any{false, "True"}},
		{"'true'", []any{true, "true"}, []any{false}},
		{"'True'", []any{"True"}, []any{true}},
		{"0x10", []any{16, 16.0, uint64(16), "0x10"}, []any{10, 0, "16"}},
		{"0o17", []any{15, "0o17"}, []any{17}},
		{"1_000", []any{1000, "1_000"}, []any{1, "1000"}},
		{"1e3", []any{1000, 1000.0, "1e3"}, []any{"1000"}},
		{"007", []any{7, "007"}, []any{"7"}},
		{"'010'", []any{10, "010"}, []any{8}},
		{"200", []any{200, 200.0, "200"}, []any{"200.0"}},
		{"'200'", []any{200, "200"}, []any{201}},
		{"2026-11-27", []any{"2026-11-27"}, []any{2026}},
	} {
		for _, op := range []string{"op: eq, value: %s", "op: in, value: [x, %s]"} {
			t.Run(fmt.Sprintf(op, c.value), func(t *testing.T) {
				e := parse(t, "metrics: [{name: n_total, type: counter, help: H., condition: {rules: [{field: f, "+fmt.Sprintf(op, c.value)+"}]}}]").
					Engine(rules.EngineConfig{Limit: 10})
				holds := func(v any) bool { return len(e.Observe(nil, "app", rec(t, fields{"f": v}), 1)) == 1 }
				for _, v := range c.takes {
					if !holds(v) {
						t.Errorf("%T %v does not fit", v, v)
					}
				}
				for _, v := range c.not {
					if holds(v) {
						t.Errorf("%T %v fits", v, v)
					}
				}
			})
		}
	}
}

// A hyphen between two parts of a label is one, and behind a field in brackets.
func TestHyphens(t *testing.T) {
	e := parse(t, `metrics: [{name: n_total, type: counter, help: H., match: "*.x", labels: {a: $a-$b, b: "$['a-b']", c: "$['a']-b", d: $1-b, e: $TAG-b, f: $a-}}]`).
		Engine(rules.EngineConfig{Limit: 10})
	got := showAll(e.Observe(nil, "t.x", rec(t, fields{"a": 1, "b": 2, "a-b": 3}), 1))
	if want := `n_total{a="1-2",b="3",c="1-b",d="t-b",e="t.x-b",f="1-"} 1 (+1)`; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}
