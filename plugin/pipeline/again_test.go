package pipeline_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"out_edge/exporter/remotewrite"
	"out_edge/exporter/rules"
	"out_edge/plugin/metric"
	"out_edge/plugin/pipeline"
)

// outage is some seconds of a device that has many series: a metrics event each second,
// most of whose series have not changed, host records, and logs that rules count.
type outage struct {
	*bench
	to     *stored
	chunks [][2]string // tag and payload
}

const outageRules = `
metrics:
  - {name: lines_total, type: counter, help: Lines., match: app}
  - {name: level, type: gauge, help: The last level., match: app, value_field: level, labels: {unit: $unit}}
metric_relabel_configs:
  - {source_labels: [i], regex: '7', action: drop}
`

func newOutage(t *testing.T) *outage {
	t.Helper()
	file, err := rules.Parse("test.yaml", []byte(outageRules))
	if err != nil {
		t.Fatal(err)
	}
	to := newStored(t)
	return &outage{to: to, bench: start(t, nil, func(c *pipeline.Config) {
		c.Metrics.Listen, c.Metrics.Labels, c.Rules = "127.0.0.1:0", []metric.Label{{Name: "site", Value: "x"}}, file
		c.RemoteWrite = &remotewrite.Config{URL: to.URL}
	})}
}

// second makes the chunks of a second, and flushes them.
func (o *outage) second(n, series int, want pipeline.Result) {
	o.t.Helper()
	at := int64(present+n) * 1e9
	var values []any
	for i := range series {
		changed := n - n%(1+i%4) // the second in which it changed last
		values = append(values, map[string]any{"ts": uint64(present+changed) * 1e9, "value": float64(changed + i), "labels": []any{fmt.Sprint(i)}})
	}
	event := encode(o.t, map[string]any{
		"meta": map[string]any{"processing": map[string]any{"static_labels": []any{}}},
		"metrics": []any{map[string]any{
			"meta":   map[string]any{"ver": 2, "type": 1, "labels": []any{"i"}, "opts": map[string]any{"ns": "node", "ss": "", "name": "gauge", "desc": "A gauge."}},
			"values": values,
		}},
	})
	sec := uint32(at / 1e9)
	logs := slices.Concat(recordOf(o.t, sec, map[string]any{"level": n, "unit": "a"}), recordOf(o.t, sec, map[string]any{"level": -n, "unit": "b"}))
	for _, c := range [][2]string{{"node", string(event)}, {"app", string(logs)},
		{"mem", string(recordOf(o.t, sec, map[string]any{"Mem.total": 4096, "Mem.used": n, "Mem.free": 4096 - n}))},
		{"disk", string(recordOf(o.t, sec, map[string]any{"read_size": n, "write_size": 1}))}} {
		if got := o.Flush(c[0], []byte(c[1]), workerThread); got != want {
			o.t.Fatalf("Flush = %d, want %d\n%s", got, want, o.log)
		}
		o.chunks = append(o.chunks, c)
	}
	o.clock.Advance(time.Second)
}

// absolute are the points of all series that are no totals of the plugin's.
func (o *outage) absolute() map[string][]storedPoint {
	o.to.mu.Lock()
	defer o.to.mu.Unlock()
	all := maps.Clone(o.to.points)
	maps.DeleteFunc(all, func(name string, _ []storedPoint) bool { return strings.Contains(name, "_total{") })
	return all
}

// TestSamplesAreMadeAgain: far more samples than memory has room for come through an
// outage as they would have without one, and nothing is counted twice.
func TestSamplesAreMadeAgain(t *testing.T) {
	const seconds, series = 40, 4000
	healthy, o := newOutage(t), newOutage(t)
	for n := range seconds {
		healthy.second(n, series, pipeline.OK)
	}
	o.second(0, series, pipeline.OK)
	o.to.down.Store(true)
	for n := 1; n < seconds; n++ {
		o.second(n, series, pipeline.Retry)
	}
	o.to.down.Store(false)
	o.pause()
	for _, c := range o.chunks[4:] {
		if got := o.Flush(c[0], []byte(c[1]), workerThread); got != pipeline.OK {
			t.Fatalf("Flush = %d\n%s", got, o.log)
		}
	}
	want, got := healthy.absolute(), o.absolute()
	if len(want) != series-1+2+3 {
		t.Fatalf("%d series", len(want))
	}
	for name := range want {
		if !slices.Equal(got[name], want[name]) {
			t.Fatalf("%s has %d points, %v …, want %d, %v …", name, len(got[name]), got[name][:min(6, len(got[name]))], len(want[name]), want[name][:6])
		}
	}
	for name, last := range map[string]float64{"lines_total": 2 * seconds, "edge_disk_read_bytes_total": seconds * (seconds - 1) / 2, "edge_disk_written_bytes_total": seconds} {
		if points := o.to.of(t, name); points[len(points)-1].value != last {
			t.Errorf("%s ends with %v, want %v", name, points[len(points)-1].value, last)
		}
	}
	wantSamePage(t, healthy, o)
}

// wantSamePage compares what two pages say of series and of samples that were dropped
// or changed.
func wantSamePage(t *testing.T, a, b *outage) {
	t.Helper()
	lines := func(o *outage) (all []string) {
		for line := range strings.Lines(o.page()) {
			for _, name := range []string{"lines_total", "level", "node_", "edge_disk", "edge_memory", "edge_dropped", "edge_adjusted", "edge_rule"} {
				if strings.HasPrefix(line, name) {
					all = append(all, line)
				}
			}
		}
		return all
	}
	if x, y := lines(a), lines(b); !slices.Equal(x, y) {
		for i := range min(len(x), len(y)) {
			if x[i] != y[i] {
				t.Errorf("the pages differ: %s%s", x[i], y[i])
			}
		}
		t.Errorf("%d and %d lines", len(x), len(y))
	}
}
