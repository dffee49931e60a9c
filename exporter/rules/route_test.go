package rules_test

import (
	"strconv"
	"testing"

	"out_edge/build/testkit"
	"out_edge/exporter/rules"
)

var everywhere = rules.Route{Prometheus: true, Datadog: true, DatadogMetrics: true, RemoteWrite: true}

func TestRoute(t *testing.T) {
	f := parse(t, `
routes:
  - match: debug.*
    sinks: []
  - match: app.*
    condition:
      rules:
        - {field: level, op: in, value: [error, fatal]}
    sinks: [datadog, prometheus]
  - match_regex: ^app\.(web|api)$
    sinks: [prometheus, datadog_metrics]
  - match: app.*
    condition:
      op: or
      rules:
        - {field: user, op: exists}
        - {field: size, op: gt, value: 10}
    sinks: [remote_write]
`)
	for name, c := range map[string]struct {
		tag  string
		body fields
		want rules.Route
	}{
		"dropped":              {"debug.x", fields{"level": "error"}, rules.Route{}},
		"condition held":       {"app.web", fields{"level": "error"}, rules.Route{Datadog: true, Prometheus: true}},
		"condition not held":   {"app.web", fields{"level": "info"}, rules.Route{Prometheus: true, DatadogMetrics: true}},
		"one of two rules":     {"app.x", fields{"size": 11}, rules.Route{RemoteWrite: true}},
		"the other":            {"app.x", fields{"user": ""}, rules.Route{RemoteWrite: true}},
		"none of them":         {"app.x", fields{"size": 10}, everywhere},
		"no route for the tag": {"cpu", fields{}, everywhere},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // known tags too
				if got := f.Route(c.tag, rec(t, c.body)); got != c.want {
					t.Errorf("%+v, want %+v", got, c.want)
				}
			}
		})
	}
	for tag, want := range map[string]rules.Route{"app.web": {Prometheus: true, DatadogMetrics: true}, "app.x": everywhere} {
		if got := f.Route(tag, nil); got != want {
			t.Errorf("metrics event of %s: %+v, want %+v", tag, got, want)
		}
	}
}

func TestRouteWithoutRoutes(t *testing.T) {
	var none *rules.File
	if got := none.Route("t", nil); got != everywhere {
		t.Errorf("nil: %+v", got)
	}
	if got := parse(t, "").Route("t", rec(t, fields{})); got != everywhere {
		t.Errorf("empty: %+v", got)
	}
}

func TestRouteMethods(t *testing.T) {
	for _, c := range []struct {
		route            rules.Route
		metrics, dropped bool
	}{
		{everywhere, true, false}, {rules.Route{}, false, true}, {rules.Route{Datadog: true}, false, false},
		{rules.Route{Prometheus: true}, true, false}, {rules.Route{DatadogMetrics: true}, true, false}, {rules.Route{RemoteWrite: true}, true, false},
	} {
		if c.route.Metrics() != c.metrics || c.route.Dropped() != c.dropped {
			t.Errorf("%+v: metrics %v, dropped %v", c.route, c.route.Metrics(), c.route.Dropped())
		}
	}
}

// TestConditions drops what fulfils the condition.
func TestConditions(t *testing.T) {
	body := fields{"text": "abc", "number": 200, "float": 0.5, "digits": "200", "true": true, "null": nil,
		"map": fields{"x": 1}, "array": []any{1}, "big": uint64(1) << 63, "bin": []byte("raw")}
	for _, c := range []struct {
		rule string
		want bool
	}{
		{"{field: text, op: eq, value: abc}", true},
		{"{field: text, op: eq, value: ABC}", false},
		{"{field: bin, op: eq, value: raw}", true},
		{"{field: number, op: eq, value: 200}", true},
		{"{field: number, op: eq, value: '200.0'}", true},
		{"{field: number, op: eq, value: abc}", false},
		{"{field: float, op: eq, value: 5e-1}", true},
		{"{field: digits, op: eq, value: 200}", true},
		{"{field: digits, op: eq, value: 200.0}", false},
		{"{field: 'true', op: eq, value: true}", true},
		{"{field: 'true', op: eq, value: 1}", false},
		{"{field: map, op: eq, value: x}", false},
		{"{field: none, op: eq, value: ''}", false},
		{"{field: text, op: neq, value: abc}", false},
		{"{field: number, op: neq, value: 201}", true},
		{"{field: none, op: neq, value: abc}", true},
		{"{field: number, op: gt, value: 199}", true},
		{"{field: number, op: gt, value: 200}", false},
		{"{field: number, op: gte, value: 200}", true},
		{"{field: digits, op: gte, value: 200}", true},
		{"{field: digits, op: lt, value: 200}", false},
		{"{field: digits, op: lte, value: 200}", true},
		{"{field: float, op: lt, value: 1}", true},
		{"{field: big, op: gt, value: 9e18}", true},
		{"{field: text, op: lt, value: 1}", false},
		{"{field: none, op: lt, value: 1}", false},
		{"{field: text, op: regex, value: b}", true},
		{"{field: text, op: regex, value: ^b}", false},
		{"{field: number, op: regex, value: ^2..$}", true},
		{"{field: 'true', op: regex, value: ^true$}", true},
		{"{field: none, op: regex, value: .*}", false},
		{"{field: map, op: regex, value: .*}", false},
		{"{field: text, op: not_regex, value: x}", true},
		{"{field: none, op: not_regex, value: x}", true},
		{"{field: text, op: in, value: [x, abc]}", true},
		{"{field: number, op: in, value: [100, 200]}", true},
		{"{field: number, op: not_in, value: [100, 200]}", false},
		{"{field: none, op: not_in, value: [100]}", true},
		{"{field: 'null', op: exists}", false},
		{"{field: map, op: exists}", true},
		{"{field: map.x, op: exists}", true},
		{"{field: map.y, op: exists}", false},
		{"{field: \"$array[0]\", op: exists}", true},
		{"{field: \"$array[1]\", op: exists}", false},
		{"{field: \"$['text']\", op: exists}", true},
		{"{field: none, op: not_exists}", true},
		{"{field: text, op: not_exists}", false},
	} {
		f := parse(t, "routes: [{sinks: [], condition: {rules: ["+c.rule+"]}}]")
		if got := f.Route("t", rec(t, body)).Dropped(); got != c.want {
			t.Errorf("%s: %v, want %v", c.rule, got, c.want)
		}
	}
}

func TestRoutesOfManyTags(t *testing.T) {
	f := parse(t, "routes: [{match: 'a.*', sinks: []}]")
	before := testkit.Heap()
	for i := range 100_000 {
		if !f.Route("a."+strconv.Itoa(i), nil).Dropped() {
			t.Fatal("not dropped")
		}
	}
	if grown := testkit.Heap() - before; grown > 1<<20 {
		t.Errorf("%d KiB for tags", grown>>10)
	}
}
