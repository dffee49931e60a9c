package e2e_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"out_edge/build/harness"
	"out_edge/build/intake"
	"out_edge/build/receivers"
)

// counted is an output of a run, whose receivers are in one kind of trouble.
type counted struct {
	trouble string
	intake  *counting
	way     *intake.Proxy // to Prometheus or VictoriaMetrics
	stored  func(t *testing.T, selector string) []receivers.Series
	label   string
	well    func() bool // its receivers' trouble is over
}

// realMetrics are the receivers that nobody here wrote, with their default rules:
// Prometheus has no window for what is out of order.
type realMetrics struct {
	prometheus *receivers.Prometheus
	victoria   *receivers.VictoriaMetrics
}

func startRealMetrics(t *testing.T) *realMetrics {
	t.Helper()
	var r realMetrics
	var err error
	if r.prometheus, err = receivers.StartPrometheus(t.Context(), t.TempDir(), "", ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.prometheus.Close)
	if r.victoria, err = receivers.StartVictoriaMetrics(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.victoria.Close)
	return &r
}

// trouble lasts for some seconds, in which it comes and goes; then all is well.
const (
	troubleLasts = 4 * time.Second
	troubleFair  = 400 * time.Millisecond
	troubleFoul  = 800 * time.Millisecond
)

// passing is a script of trouble that lasts for so long from the first request on; gone
// tells whether a request has come since.
func passing(trouble string, lasts time.Duration) (script intake.Script, gone func() bool) {
	var well atomic.Bool
	if trouble == "" {
		return nil, func() bool { return true }
	}
	foul := weather(troubleFair, troubleFoul, troubles[trouble])
	end := sync.OnceValue(func() time.Time { return time.Now().Add(lasts) })
	return func(n int, r *http.Request) intake.Action {
		if time.Now().After(end()) {
			well.Store(true)
			return intake.Action{}
		}
		return foul(n, r)
	}, well.Load
}

// output makes one that sends to an intake of its own, and by remote write to the real
// receivers, one or the other.
func (m *realMetrics) output(t *testing.T, i int, label, trouble string, lasts time.Duration) (*counted, harness.Output) {
	t.Helper()
	script, gone := passing(trouble, lasts)
	c := &counted{trouble: trouble, label: label, intake: startCounting(t, script)}
	url := m.prometheus.URL
	ask := m.prometheus.Series
	if i%3 == 1 {
		url, ask = m.victoria.URL, m.victoria.Series
	}
	script, wayGone := passing(trouble, lasts)
	c.way, c.well = before(t, url, script), func() bool { return gone() && wayGone() }
	c.stored = func(t *testing.T, selector string) []receivers.Series {
		t.Helper()
		all, err := ask(t.Context(), selector)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	return c, edge("apikey", theKey, "dd_url", c.intake.URL(), "dd_metrics_url", c.intake.URL(), "remote_write_url", c.way.URL()+"/api/v1/write",
		"flush_timeout", "1s", "hostname", "off", "config_file", countRulesFile(t), "add_label", "run="+label)
}

// countChunks are payloads of some tags, with stamps that are right, behind and ahead.
func countChunks(t *testing.T, tags int) (chunks []harness.Chunk, truth tally) {
	t.Helper()
	truth = tally{}
	dir := t.TempDir()
	for i := range tags {
		tag := fmt.Sprintf("app.%03d", i)
		var data []byte
		for k, ahead := range []time.Duration{0, -time.Second, 9 * time.Minute, -time.Hour}[:1+i%4] {
			v := (i + 3*k) % 9
			data = append(data, event(t, time.Now().Add(ahead), map[string]any{"v": v, "tag": i})...)
			truth.add(tag, v)
		}
		file := filepath.Join(dir, tag)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		chunks = append(chunks, harness.Chunk{Tag: tag, File: file})
	}
	return chunks, truth
}

// TestCountsAreExact: whatever trouble its receivers are in, how many tags feed a rule,
// how flushes wait, and whatever the stamps say: each count is exact, at /metrics, at
// the intake, at Prometheus and at VictoriaMetrics.
func TestCountsAreExact(t *testing.T) {
	const repeat = 12
	m := startRealMetrics(t)
	for _, tc := range []struct {
		name          string
		tags, threads int
		without       []string
		cycles        int
	}{
		{name: "200 tags, parked", tags: 200},
		{name: "20 tags, 4 workers that wait", tags: 20, threads: 4, without: noParking},
		{name: "2 tags, the queue", tags: 2, without: noParking},
		{name: "7 tags, 1 worker, a restart", tags: 7, threads: 1, cycles: 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			chunks, truth := countChunks(t, tc.tags)
			r := harness.Run{V5: true, Chunks: chunks, Repeat: repeat, Pace: 300 * time.Millisecond, Threads: tc.threads, Without: tc.without,
				RetryLimit: "no_limits", RetryBase: 20 * time.Millisecond, RetryCap: 300 * time.Millisecond, Pending: 20_000, Timeout: 2 * patience, Cycles: tc.cycles}
			var outputs []*counted
			for i, trouble := range []string{"", "503", "429", "hang", "reset", "lost", "late", "mixed"} {
				c, o := m.output(t, i+tc.tags, fmt.Sprintf("%d-%d-%s", tc.tags, tc.threads, trouble), trouble, troubleLasts)
				outputs, r.Outputs = append(outputs, c), append(r.Outputs, o)
			}
			if tc.cycles > 0 {
				playCycles(t, r)
				checkAll(t, outputs, truth.times(tc.cycles*repeat))
				return
			}
			truth = truth.times(repeat)
			r.Outputs[0] = serving(r.Outputs[0])
			l := start(t, r)
			checkAll(t, outputs, truth)
			truth.want(t, "/metrics", tallyOfPage(t, get(t, "http://"+l.address()+"/metrics")))
			l.stop()
		})
	}
}

// TestCountsThroughReloads: hot reloads, each in the midst of trouble: what has been
// counted and sent is carried over, so that no count is lost, and none counts twice. Each
// run has one output: the payloads are the same again and again, and this host, unlike
// core, offers a chunk again to none but the outputs that lack it.
func TestCountsThroughReloads(t *testing.T) {
	const tags, repeat, cycles = 7, 30, 8
	m := startRealMetrics(t)
	chunks, truth := countChunks(t, tags)
	for i, trouble := range []string{"503", "lost", "mixed"} {
		t.Run(trouble, func(t *testing.T) {
			c, o := m.output(t, i, "reload-"+trouble, trouble, 6*time.Second)
			replay(t, harness.Run{V5: true, Filesystem: true, Overlap: true, Cycles: cycles, Seconds: 1.2, Grace: 100 * time.Millisecond, Chunks: chunks, Repeat: repeat, Pace: 150 * time.Millisecond,
				RetryLimit: "no_limits", RetryBase: 20 * time.Millisecond, RetryCap: 300 * time.Millisecond, Pending: 20_000, Timeout: 2 * patience, Outputs: []harness.Output{o}})
			c.check(t, truth.times(repeat))
		})
	}
}

// playCycles runs lives of the host to their ends, each of which settles all. Each has
// a second of its own.
func playCycles(t *testing.T, r harness.Run) {
	t.Helper()
	r.IdleAfter = 1100 * time.Millisecond
	res := replay(t, r)
	for _, o := range res.Outputs {
		if o.OK != r.Cycles*len(r.Chunks)*r.Repeat {
			t.Errorf("%+v\n%s", o, res.Stderr)
		}
	}
}

func checkAll(t *testing.T, outputs []*counted, truth tally) {
	t.Helper()
	for _, c := range outputs {
		c.check(t, truth)
	}
}

// check waits for what is under way, and compares.
func (c *counted) check(t *testing.T, truth tally) {
	t.Helper()
	selector := fmt.Sprintf(`{run=%q,__name__=~"(lines|units|sizes).*"}`, c.label)
	var stored, sent tally
	eventually(t, patience, func() error {
		stored, sent = tallyOf(t, c.stored(t, selector)), c.intake.tally()
		for k, want := range truth {
			if stored[k] < want || sent[k] < want {
				return fmt.Errorf("%s: %s is %v by remote write and %v at the intake, want %v", c.label, k, stored[k], sent[k], want)
			}
		}
		return nil
	})
	truth.want(t, c.label+", remote write", stored)
	truth.want(t, c.label+", intake", sent)
	if n := c.intake.ahead.Load(); n > 0 {
		t.Errorf("%s: %d points were ahead of the clock", c.label, n)
	}
	noneRefused(t, c.intake.Server, false)
}

// TestGaugesThroughTrouble: of cpu and mem records, a Prometheus without an
// out-of-order window stores the same samples whether or not it was in trouble, and
// nothing is dropped.
func TestGaugesThroughTrouble(t *testing.T) {
	m := startRealMetrics(t)
	for name, without := range map[string][]string{"parked": nil, "workers that wait": noParking} {
		t.Run(name, func(t *testing.T) {
			r := harness.Run{V5: true, Live: []string{"cpu", "mem"}, Interval: 250 * time.Millisecond, Threads: 4, Without: without,
				RetryLimit: "no_limits", RetryBase: 50 * time.Millisecond, RetryCap: 300 * time.Millisecond, Grace: time.Minute, Pending: 20_000, Timeout: 2 * patience}
			var outputs []*counted
			for _, trouble := range []string{"", "503", "429", "hang", "reset", "lost", "mixed"} {
				c, o := m.output(t, 0, fmt.Sprintf("gauges-%d-%s", len(without), trouble), trouble, troubleLasts)
				outputs, r.Outputs = append(outputs, c), append(r.Outputs, o)
			}
			over := when(&r, func(res harness.Result) bool {
				return res.Outputs[0].Chunks >= 60 &&
					!slices.ContainsFunc(outputs, func(c *counted) bool { return !c.well() }) &&
					!slices.ContainsFunc(res.Outputs, func(o harness.OutputResult) bool { return o.OK < o.Chunks-4 })
			})
			l := start(t, r)
			l.await(over)
			l.stop()
			want := outputs[0].points(t)
			if len(want) < 200 {
				t.Fatalf("%d points are stored without trouble", len(want))
			}
			for _, c := range outputs[1:] {
				if got := c.points(t); !maps.Equal(got, want) {
					t.Errorf("%s: %d points are stored, want %d", c.label, len(got), len(want))
				}
			}
		})
	}
}

// points are those of all gauges, by series and time.
func (c *counted) points(t *testing.T) map[string]float64 {
	t.Helper()
	all := map[string]float64{}
	for _, s := range c.stored(t, fmt.Sprintf(`{run=%q,__name__=~"edge_(cpu|memory|swap).*"}`, c.label)) {
		delete(s.Labels, "run")
		for _, p := range s.Points {
			all[fmt.Sprint(s.Labels, p.UnixMilli)] = p.Value
		}
	}
	return all
}

// manySeries is the metrics event of one second of a device that has n series.
func manySeries(t *testing.T, dir string, at time.Time, n int) harness.Chunk {
	t.Helper()
	values := make([]map[string]any, n)
	for i := range values {
		values[i] = map[string]any{"ts": uint64(at.UnixNano()), "value": float64(at.Unix() + int64(i)), "labels": []string{fmt.Sprint(i)}}
	}
	data, err := msgpack.Marshal(map[string]any{
		"meta": map[string]any{"processing": map[string]any{"static_labels": []any{}}},
		"metrics": []any{map[string]any{
			"meta":   map[string]any{"ver": 2, "type": 1, "labels": []string{"i"}, "opts": map[string]any{"ns": "many", "ss": "", "name": "gauge", "desc": "A gauge."}},
			"values": values,
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, fmt.Sprint(at.Unix()))
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return harness.Chunk{Type: harness.Metrics, Tag: "many", File: file}
}

// TestManySeriesThroughAnOutage: a minute of 3,000 series each second, four times what
// memory has room for, comes through an outage whole: at a Prometheus that takes nothing
// late, with default settings, and at VictoriaMetrics, where the room
// is small, and most of them go back to Fluent Bit and come again in any order.
func TestManySeriesThroughAnOutage(t *testing.T) {
	const seconds, series = 60, 3000
	m := startRealMetrics(t)
	down := func(int, *http.Request) intake.Action { return intake.Action{Status: 503} }
	ways := []*intake.Proxy{before(t, m.prometheus.URL, down), before(t, m.victoria.URL, down)}
	r := harness.Run{V5: true, Pending: 20_000, RetryLimit: "no_limits", RetryBase: 50 * time.Millisecond, RetryCap: 300 * time.Millisecond, Timeout: 2 * patience,
		Outputs: []harness.Output{
			serving(edge("remote_write_url", ways[0].URL()+"/api/v1/write", "hostname", "off")),
			edge("remote_write_url", ways[1].URL()+"/api/v1/write", "hostname", "off", "queue_bytes", "256KiB"),
		}}
	dir, begin := t.TempDir(), time.Now().Add(-seconds*time.Second)
	for i := range seconds {
		r.Chunks = append(r.Chunks, manySeries(t, dir, begin.Add(time.Duration(i)*time.Second), series))
	}
	arrived := when(&r, func(res harness.Result) bool {
		return res.Outputs[0].Chunks == seconds && res.Outputs[1].Retry > seconds/2
	})
	settled := when(&r, func(res harness.Result) bool { return res.Outputs[0].OK == seconds && res.Outputs[1].OK == seconds })
	l := start(t, r)
	l.await(arrived)
	for _, way := range ways {
		way.SetScript(nil)
	}
	l.await(settled)
	page := get(t, "http://"+l.address()+"/metrics")
	l.stop()
	if line := fmt.Sprintf(`edge_records_total{output="edge.0",result="delivered",sink="remote_write"} %d`+"\n", seconds*series); !strings.Contains(page, line) {
		t.Errorf("/metrics lacks %s in\n%s", line, page)
	}
	for name, ask := range map[string]func(context.Context, string) ([]receivers.Series, error){"Prometheus": m.prometheus.Series, "VictoriaMetrics": m.victoria.Series} {
		all, err := ask(t.Context(), "many_gauge")
		if err != nil {
			t.Fatal(err)
		}
		points := 0
		for _, s := range all {
			points += len(s.Points)
		}
		if len(all) != series || points != seconds*series {
			t.Errorf("%s has %d points of %d series, want %d of %d", name, points, len(all), seconds*series, series)
		}
	}
}
