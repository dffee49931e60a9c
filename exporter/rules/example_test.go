package rules_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"out_edge/exporter/rules"
)

const examplePath = "../../examples/rules/rules.yaml"

// TestExample loads examples/rules/rules.yaml and gives it what its comments
// speak of.
func TestExample(t *testing.T) {
	f, err := rules.Load(examplePath)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.CheckPrefix("edge"); err != nil {
		t.Error(err)
	}
	var refused refusals
	e := f.Engine(rules.EngineConfig{Limit: 100, Refused: refused.add})
	for name, c := range map[string]struct {
		tag  string
		body fields
		want string
		to   rules.Route
	}{
		"nginx": {"nginx.shop", access, `
nginx_http_requests_total{code="200",code_class="2xx",method="GET",site="shop"} 1 (+1)
nginx_http_response_bytes_total{site="shop"} 512 (+512)
nginx_http_request_duration_seconds{site="shop"} [0 1 1 1 1 1] of [0.005 0.025 0.1 0.25 1 5], 1, sum 0.012`,
			rules.Route{Prometheus: true, DatadogMetrics: true, RemoteWrite: true}},
		"nginx failing": {"nginx.wiki", fields{"method": "BREW", "code": "502", "size": "0", "request_time": "-"}, `
nginx_http_response_bytes_total{site="wiki"} 0 (+0)
app_errors_total{app="nginx",level="error"} 1 (+1)`, everywhere},
		"sensor": {"sensor.hall.north", fields{"sensor": fields{"id": "t-07", "milli_celsius": 21437}}, `
room_temperature_celsius{place="north",room="hall",sensor="t-07"} 21.437`, everywhere},
		"sensor broken": {"sensor.hall.north", fields{"sensor": fields{"id": "t-07", "milli_celsius": 85000}}, "\n", everywhere},
		"app":           {"app.billing", fields{"level": "error"}, "\n" + `app_errors_total{app="billing",level="error"} 1 (+1)`, everywhere},
		"app debug":     {"app.billing", fields{"level": "debug"}, "\n", rules.Route{}},
	} {
		t.Run(name, func(t *testing.T) {
			r := rec(t, c.body)
			var lines []string
			for _, s := range e.Observe(nil, c.tag, r, 1) {
				to, keep := e.Relabel(s.Series)
				if s.Series = to; keep {
					lines = append(lines, show(&s))
				}
			}
			if got := "\n" + strings.Join(lines, "\n"); strings.TrimSpace(got) != strings.TrimSpace(c.want) {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
			if got := f.Route(c.tag, r); got != c.to {
				t.Errorf("route %+v, want %+v", got, c.to)
			}
			if got := refused.take(); got != "" {
				t.Error("refused", got)
			}
		})
	}
	want := "nginx_http_requests_total nginx_http_response_bytes_total nginx_http_request_duration_seconds room_temperature_celsius app_errors_total"
	if got := strings.Join(f.Names(), " "); got != want {
		t.Errorf("names %s", got)
	}
}

func TestLoadNoFile(t *testing.T) {
	_, err := rules.Load("testdata/none.yaml")
	if !errors.Is(err, fs.ErrNotExist) || err.Error() != "read `config_file`: open testdata/none.yaml: no such file or directory" {
		t.Error(err)
	}
}

// TestAllFaultsAtOnce has a fault in each section.
func TestAllFaultsAtOnce(t *testing.T) {
	_, err := rules.Load("testdata/all-faults.yaml")
	want := strings.TrimSpace(`
testdata/all-faults.yaml:3: type "meter" is unknown: there are counter, gauge, histogram
testdata/all-faults.yaml:5: match_regex is no regular expression of Go (RE2): missing closing ]: ` + "`[`" + `
testdata/all-faults.yaml:8: op "has" is unknown: there are eq, neq, gt, lt, gte, lte, regex, not_regex, in, not_in, exists, not_exists
testdata/all-faults.yaml:9: label "b-c" is no label's name: use letters, digits and _, with no digit first
testdata/all-faults.yaml:11: action "remove" is unknown: there are replace, keep, drop, keepequal, dropequal, hashmod, labelmap, labeldrop, labelkeep, lowercase, uppercase
testdata/all-faults.yaml:13: a route has no sinks: add sinks: ...`)
	if err == nil || err.Error() != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
}

func TestLimitsOfFiles(t *testing.T) {
	_, err := rules.Parse("f", []byte(strings.Repeat("#", 1<<20+1)))
	if want := "f:1: the file is larger than 1024 KiB: split it between instances"; err == nil || err.Error() != want {
		t.Error(err)
	}
	_, err = rules.Parse("f", []byte("routes:\n- &r {match: a, sinks: []}\n"+strings.Repeat("- *r\n", 1001)))
	if err == nil || !strings.HasPrefix(err.Error(), "f:1003: more than 1000 aliases: write some of them out\n") {
		t.Error(err)
	}
	if _, err = rules.Parse("f", []byte("routes:\n- &r {match: a, sinks: []}\n- *r\n")); err != nil {
		t.Error(err)
	}
}
