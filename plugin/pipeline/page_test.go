package pipeline_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"out_edge/exporter/remotewrite"
	"out_edge/exporter/rules"
	"out_edge/plugin/pipeline"
)

// ruled starts a pipeline that listens and has a file of rules.
func ruled(t *testing.T, in *intake, text string, change func(*pipeline.Config)) *bench {
	t.Helper()
	file, err := rules.Parse("rules.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return start(t, in, func(c *pipeline.Config) {
		c.Rules = file
		c.Metrics.Listen, c.Metrics.SeriesLimit, c.Metrics.SeriesTTL = "127.0.0.1:0", 1000, 10*time.Minute
		if change != nil {
			change(c)
		}
	})
}

// lines are those of /metrics that begin so.
func (b *bench) lines(prefix string) (found []string) {
	b.t.Helper()
	for _, l := range strings.Split(b.page(), "\n") {
		if strings.HasPrefix(l, prefix) {
			found = append(found, l)
		}
	}
	return found
}

func (b *bench) wantLines(prefix string, want ...string) {
	b.t.Helper()
	if got := b.lines(prefix); !slices.Equal(got, want) {
		b.t.Errorf("/metrics has\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// A histogram with a label le of its own would cost Prometheus the whole page.
func TestRelabellingCannotBreakAHistogram(t *testing.T) {
	rw := newRemote(t)
	in := newIntake(t, accept)
	b := ruled(t, in, `
metrics:
  - {name: took_seconds, help: T., type: histogram, match: app, value_field: v, buckets: [1], labels: {user: $user}}
  - {name: hits_total, help: H., type: counter, match: app, labels: {user: $user}}
metric_relabel_configs: [{source_labels: [user], target_label: le}]
`, func(c *pipeline.Config) { c.RemoteWrite = &remotewrite.Config{URL: rw.URL, Version: "1"} })
	for range 2 {
		b.flush(pipeline.OK, recordOf(t, present, map[string]any{"user": "x", "v": 0.5}), workerThread)
	}
	b.wantLines("took_seconds")
	b.wantLines("hits_total", `hits_total{le="x",user="x"} 2`)
	b.wantPage(`edge_rule_refused_samples_total{reason="relabel_bad_name",rule="metric_relabel_configs"} 2`)
	if got := rw.names(); slices.ContainsFunc(got, func(n string) bool { return n != "hits_total" }) {
		t.Errorf("remote write has %q", got)
	}
	sums, _ := in.sums()
	for name := range sums {
		if name != "hits_total" {
			t.Errorf("Datadog has %s", name)
		}
	}
}
