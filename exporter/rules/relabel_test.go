package rules_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"out_edge/build/testkit"
	"out_edge/exporter/rules"
	"out_edge/plugin/metric"
)

func series(kind metric.Kind, name string, labels ...string) *metric.Series {
	s := &metric.Series{Name: name, DatadogName: "dd." + name, Help: "Help.", Unit: "byte", Kind: kind}
	for i := 0; i < len(labels); i += 2 {
		s.Labels = append(s.Labels, metric.Label{Name: labels[i], Value: labels[i+1]})
	}
	return s
}

// TestRelabel sends node_x{device="eth0",mode="user"} through one step.
func TestRelabel(t *testing.T) {
	for name, c := range map[string]struct{ steps, want string }{
		"replace":             {"{source_labels: [device], regex: 'eth(.*)', target_label: nr, replacement: 'n$1'}", `node_x{device="eth0",mode="user",nr="n0"}`},
		"no match":            {"{source_labels: [device], regex: eth, target_label: nr}", `node_x{device="eth0",mode="user"}`},
		"a fixed label":       {"{target_label: a, replacement: fixed}", `node_x{a="fixed",device="eth0",mode="user"}`},
		"an empty label goes": {"{target_label: device, replacement: ''}", `node_x{mode="user"}`},
		"rename":              {"{source_labels: [__name__], regex: 'node_(.*)', target_label: __name__, replacement: 'host_$1'}", `host_x{device="eth0",mode="user"}`},
		"keep":                {"{source_labels: [mode], regex: user|system, action: keep}", `node_x{device="eth0",mode="user"}`},
		"not kept":            {"{source_labels: [mode], regex: system, action: keep}", "dropped"},
		"drop":                {"{source_labels: [__name__, mode], separator: '@', regex: 'node_.*@user', action: drop}", "dropped"},
		"not dropped":         {"{source_labels: [mode], regex: use, action: Drop}", `node_x{device="eth0",mode="user"}`},
		"keepequal":           {"{source_labels: [mode], target_label: device, action: keepequal}", "dropped"},
		"dropequal":           {"{source_labels: [mode], target_label: device, action: dropequal}", `node_x{device="eth0",mode="user"}`},
		"hashmod":             {"{source_labels: [device], target_label: shard, modulus: 8, action: hashmod}", `node_x{device="eth0",mode="user",shard="5"}`},
		"labelmap":            {"{regex: '(d)evice', replacement: '${1}ev', action: labelmap}", `node_x{dev="eth0",device="eth0",mode="user"}`},
		"labeldrop":           {"{regex: mode, action: labeldrop}", `node_x{device="eth0"}`},
		"labelkeep":           {"{regex: mode|__name__, action: labelkeep}", `node_x{mode="user"}`},
		"uppercase":           {"{source_labels: [device], target_label: device, action: uppercase}", `node_x{device="ETH0",mode="user"}`},
		"lowercase":           {"{source_labels: [device], target_label: device, action: lowercase}", `node_x{device="eth0",mode="user"}`},
		"a label for a step":  {"{source_labels: [device], target_label: __tmp}, {source_labels: [__tmp], target_label: to}", `node_x{device="eth0",mode="user",to="eth0"}`},
		"of another bucket":   {"{source_labels: [__name__, s3_bucket], regex: 'node_.*_bucket_x|node.*;', target_label: s3_bucket, replacement: b}", `node_x{device="eth0",mode="user",s3_bucket="b"}`},
		"no name left":        {"{regex: __name__, action: labeldrop}", "dropped: metric_relabel_configs relabel_bad_name:1"},
		"a bad name":          {"{target_label: __name__, replacement: 'a.b'}", "dropped: metric_relabel_configs relabel_bad_name:1"},
	} {
		t.Run(name, func(t *testing.T) {
			var refused refusals
			e := parse(t, "metric_relabel_configs: ["+c.steps+"]").Engine(rules.EngineConfig{Refused: refused.add})
			s := series(metric.Gauge, "node_x", "device", "eth0", "mode", "user")
			to, keep := e.Relabel(s)
			got := "dropped"
			if keep {
				got = showSeries(to)
			}
			if r := refused.take(); r != "" {
				got += ": " + r
			}
			if got != c.want {
				t.Fatalf("\n got %s\nwant %s", got, c.want)
			}
			if keep && (got == showSeries(s)) != (to == s) || !keep && (to == s) != strings.Contains(c.want, "relabel_") {
				t.Error("another pointer for the same series, or the same for another")
			}
			if again, _ := e.Relabel(s); again != to {
				t.Error("another pointer the second time")
			}
			if keep && (to.Help != s.Help || to.Unit != s.Unit || to.Kind != s.Kind) {
				t.Errorf("lost: %+v", to)
			}
			if keep && to.Name == s.Name && to.DatadogName != s.DatadogName || keep && to.Name != s.Name && to.DatadogName != to.Name {
				t.Errorf("name %s, at Datadog %s", to.Name, to.DatadogName)
			}
		})
	}
}

// TestRelabelKeepsReservedLabels: le and quantile are those of buckets and
// quantiles, and a label like others elsewhere.
func TestRelabelKeepsReservedLabels(t *testing.T) {
	for label, reserved := range map[string]metric.Kind{"le": metric.Histogram, "quantile": metric.Summary} {
		var refused refusals
		e := parse(t, "metric_relabel_configs: [{target_label: "+label+", replacement: x}]").Engine(rules.EngineConfig{Refused: refused.add})
		for _, kind := range []metric.Kind{metric.Gauge, metric.Counter, metric.Untyped, metric.Histogram, metric.Summary} {
			to, keep := e.Relabel(series(kind, "x"))
			if keep == (kind == reserved) || keep && showSeries(to) != "x{"+label+`="x"}` {
				t.Errorf("%s on kind %d: kept %v", label, kind, keep)
			}
		}
		if got := refused.take(); got != "metric_relabel_configs relabel_bad_name:1" {
			t.Errorf("%s: refused %s", label, got)
		}
	}
}

// TestRelabelMerges: what becomes one series is one pointer.
func TestRelabelMerges(t *testing.T) {
	e := parse(t, "metric_relabel_configs: [{regex: pod, action: labeldrop}]").Engine(rules.EngineConfig{})
	for _, kind := range []metric.Kind{metric.Gauge, metric.Counter, metric.Histogram} {
		a, _ := e.Relabel(series(kind, "n_total", "pod", "a"))
		b, keep := e.Relabel(series(kind, "n_total", "pod", "b"))
		if a != b || a == nil || !keep {
			t.Errorf("kind %d: two series", kind)
		}
	}
}

func TestRelabelIsBounded(t *testing.T) {
	const limit = 1000
	e := parse(t, "metric_relabel_configs: [{target_label: site, replacement: plant}]").Engine(rules.EngineConfig{Limit: limit})
	before := testkit.Heap()
	for i := range 100_000 {
		if _, keep := e.Relabel(series(metric.Counter, "n_total", "user", strconv.Itoa(i))); !keep {
			t.Fatal("dropped")
		}
	}
	if grown := testkit.Heap() - before; grown > 4<<20 {
		t.Errorf("%d KiB for series", grown>>10)
	}
}

// ExampleEngine_Relabel shows a renamed series.
func ExampleEngine_Relabel() {
	f, err := rules.Parse("rules.yaml", []byte(`
metric_relabel_configs:
  - source_labels: [__name__]
    regex: node_(.*)
    target_label: __name__
    replacement: host_$1
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	e := f.Engine(rules.EngineConfig{Limit: 10000})
	to, keep := e.Relabel(&metric.Series{Name: "node_load1"})
	fmt.Println(to.Name, keep)
	// Output: host_load1 true
}
