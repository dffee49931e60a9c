package pipeline_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"out_edge/exporter/remotewrite"
	"out_edge/exporter/rules"
	"out_edge/plugin/metric"
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

// stream makes records a second apart, and sends them in chunks.
type stream struct {
	b     *bench
	at    uint32
	chunk []byte
}

func (s *stream) take(n int, body map[string]any) {
	s.b.t.Helper()
	for range n {
		s.chunk = append(s.chunk, recordOf(s.b.t, s.at, body)...)
		s.at++
	}
}

func (s *stream) send() {
	s.b.t.Helper()
	s.b.flush(pipeline.OK, s.chunk, workerThread)
	s.b.clock.Advance(time.Duration(s.at)*time.Second - time.Duration(s.b.clock.Now().Wall))
	s.chunk = nil
}

const duplicates = `edge_rule_refused_samples_total{reason="relabel_duplicate",rule="metric_relabel_configs"} `

// A total has one source, for as long as that is alive.
func TestTwoLiveSourcesOfATotal(t *testing.T) {
	in := newIntake(t, accept)
	b := ruled(t, in, `
metrics:
  - {name: hits_total, help: H., type: counter, match: app, labels: {container: $user}}
  - {name: took_seconds, help: T., type: histogram, match: app, value_field: v, buckets: [1], labels: {container: $user}}
metric_relabel_configs: [{regex: container, action: labeldrop}]
`, nil)
	s := &stream{b: b, at: present}
	one, two := map[string]any{"user": "a", "v": 0.5}, map[string]any{"user": "b", "v": 0.5}
	for range 25 {
		for range 10 {
			s.take(2, one)
			s.take(1, two)
		}
		s.send()
	}
	s.take(99, two)
	s.take(1, one) // before their patience ends
	s.take(100, two)
	s.send()
	b.wantPage("hits_total 501", "took_seconds_count 501", duplicates+"898")
	in.wantSum(t, "hits_total", 501)
	in.wantSum(t, "took_seconds.count", 501)
	s.take(11, two)
	s.send()
	b.wantPage("hits_total 460", "took_seconds_count 460", duplicates+"898")
	in.wantSum(t, "hits_total", 512)
	in.wantSum(t, "took_seconds.count", 511) // what the first of another source has grown by, nobody knows
	in.wantSum(t, "took_seconds.sum", 255.5)
}

func TestTwoLiveDevicesOfATotal(t *testing.T) {
	in := newIntake(t, accept)
	b := ruled(t, in, "metric_relabel_configs: [{regex: device, action: labeldrop}]", nil)
	s := &stream{b: b, at: present}
	eth := map[string]any{"eth0.rx.bytes": 1000, "eth0.tx.bytes": 0}
	wlan := map[string]any{"wlan0.rx.bytes": 1, "wlan0.tx.bytes": 0}
	for range 30 {
		for range 10 {
			s.take(1, eth)
			s.take(1, wlan)
		}
		s.send()
	}
	const received = `edge_network_bytes_total{direction="receive"} `
	b.wantPage(received+"300000", duplicates+"600")
	in.wantSum(t, "edge.network.bytes_total", 300000)
	s.take(102, wlan)
	s.take(1, eth)
	s.send()
	b.wantPage(received+"300003", duplicates+"800") // 3 of wlan0, both ways
	in.wantSum(t, "edge.network.bytes_total", 300003)
}

// A label that add_label gives where a record does not is the same label.
func TestAddLabelAndARulesOwn(t *testing.T) {
	in := newIntake(t, accept)
	b := ruled(t, in, "metrics: [{name: hits_total, help: H., type: counter, match: app, labels: {site: $site}}]", func(c *pipeline.Config) {
		c.Metrics.Labels = []metric.Label{{Name: "site", Value: "foo"}, {Name: "room", Value: "1"}}
	})
	s := &stream{b: b, at: present}
	s.take(10, map[string]any{"x": 1})
	s.take(3, map[string]any{"site": "foo"})
	s.take(1, map[string]any{"site": "bar"})
	s.send()
	b.wantLines("hits_total", `hits_total{room="1",site="bar"} 1`, `hits_total{room="1",site="foo"} 13`)
	s.take(1, map[string]any{"x": 1})
	s.send()
	b.wantLines("hits_total", `hits_total{room="1",site="bar"} 1`, `hits_total{room="1",site="foo"} 14`)
	in.wantSum(t, "hits_total", 15)
}

// The page has the newest total of a rule, however late its record comes.
func TestTotalsOfABacklog(t *testing.T) {
	in := newIntake(t, accept)
	b := ruled(t, in, `
metrics:
  - {name: hits_total, help: H., type: counter, match: app}
  - {name: took_seconds, help: T., type: histogram, match: app, value_field: v, buckets: [1]}
  - {name: level, help: L., type: gauge, match: app, value_field: g}
`, nil)
	send := func(late uint32, n int, g float64) {
		b.flush(pipeline.OK, bytes.Repeat(recordOf(t, present-late, map[string]any{"v": 0.5, "g": g}), n), workerThread)
	}
	send(0, 1, 7)
	send(3600, 100, 6)
	b.wantPage("hits_total 101", `took_seconds_bucket{le="1"} 101`, "took_seconds_count 101", "level 7")
	send(1800, 1, 5)
	b.wantPage("hits_total 102", "took_seconds_count 102", "level 7")
	in.wantSum(t, "hits_total", 102)
}
