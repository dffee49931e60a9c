package pipeline_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"out_edge/build/receivers"
	"out_edge/build/testkit"
	"out_edge/exporter/remotewrite"
	"out_edge/plugin/pipeline"
)

// lookBack is how long a receiver here takes a series' last point for its value, in
// place of five minutes.
const lookBack = "3500ms"

// What the page shows at the end of a sequence, a receiver's instant query gives too,
// and no counter that it has stored falls. The longest sequence lasts twice as long as
// the look-back, so that what has not changed since its first event is still there.
func TestReceiversHaveWhatThePageShows(t *testing.T) {
	debians, err := exec.LookPath("prometheus")
	if err != nil {
		t.Fatal("no prometheus: `make deps` installs it")
	}
	prometheus := func(program string) func(t *testing.T) string {
		return func(t *testing.T) string {
			p, err := receivers.StartPrometheus(t.Context(), t.TempDir(), program, "", "--query.lookback-delta="+lookBack)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(p.Close)
			return p.URL
		}
	}
	victoria := func(t *testing.T) string {
		v, err := receivers.StartVictoriaMetrics(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(v.Close)
		return v.URL
	}
	for _, c := range []struct {
		name, version string
		start         func(*testing.T) string
	}{
		{"Prometheus of Debian", remotewrite.Version1, prometheus(debians)},
		{"Prometheus 3", remotewrite.Version1, prometheus("")},
		{"Prometheus 3, version 2", remotewrite.Version2, prometheus("")},
		{"VictoriaMetrics", remotewrite.Version1, victoria},
	} {
		t.Run(c.name, func(t *testing.T) { holdsAfterEach(t, c.start(t), c.version) })
	}
}

// holdsAfterEach plays the sequences in the order of their times: a Prometheus takes
// nothing that is much older than what it has.
func holdsAfterEach(t *testing.T, receiver, version string) {
	for _, name := range []string{"two-scrapes", "go-program", "unchanged", "two-hosts", "remote-write-in"} {
		b := start(t, nil, func(c *pipeline.Config) {
			c.Metrics.Listen, c.Metrics.SeriesTTL = "127.0.0.1:0", time.Minute
			c.RemoteWrite = &remotewrite.Config{URL: receiver + "/api/v1/write", Version: version}
		})
		for _, f := range testkit.Sequence(t, name) {
			b.clock.Advance(f.At.Sub(b.clock.Now().Time()))
			if got := b.Flush(f.Tag, f.Payload, workerThread); got != pipeline.OK {
				t.Errorf("%s: Flush = %d\n%s", name, got, b.log)
			}
		}
		shown, totals := pageSeries(t, b.page())
		if len(shown) == 0 {
			t.Errorf("%s: the page shows nothing", name)
		}
		awaitStored(t, receiver, name, shown, b.clock.Now().Time())
		for series, values := range storedSeries(t, receiver, `{__name__=~".+"}[1m]`, b.clock.Now().Time()) {
			if totals[series] && !slices.IsSorted(values) {
				t.Errorf("%s: %s falls: %v", name, series, values)
			}
		}
		b.stop(ample)
	}
}

// awaitStored waits until an instant query gives all that the page shows. VictoriaMetrics
// remembers for a second which series a query has found, also when newer ones have been
// flushed meanwhile.
func awaitStored(t *testing.T, receiver, name string, shown map[string]bool, at time.Time) {
	t.Helper()
	tick, enough := time.NewTicker(100*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for {
		stored := storedSeries(t, receiver, `{__name__=~".+"}`, at)
		missing := slices.DeleteFunc(slices.Sorted(maps.Keys(shown)), func(series string) bool { return len(stored[series]) > 0 })
		if len(missing) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-enough:
			t.Errorf("%s: the instant query does not give %s", name, strings.Join(missing, "\n"))
			return
		}
	}
}

// canonicalSeries writes a series with sorted labels, and bounds as numbers.
func canonicalSeries(name string, labels map[string]string) string {
	var parts []string
	for k, v := range labels {
		if f, err := strconv.ParseFloat(v, 64); err == nil && (k == "le" || k == "quantile") {
			v = fmt.Sprint(f)
		}
		parts = append(parts, k+"="+v)
	}
	slices.Sort(parts)
	return name + "{" + strings.Join(parts, ",") + "}"
}

// pageSeries are the series on a page but for the plugin's own about itself, and those
// of them that never fall.
func pageSeries(t *testing.T, page string) (all, totals map[string]bool) {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	own := []string{"edge_adjusted", "edge_build", "edge_clock", "edge_datadog", "edge_dropped", "edge_flush", "edge_last", "edge_records", "edge_remote", "edge_rule", "edge_time"}
	samples, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{}, slices.Collect(maps.Values(families))...)
	if err != nil {
		t.Fatal(err)
	}
	all, totals = map[string]bool{}, map[string]bool{}
	for _, s := range samples {
		labels := map[string]string{}
		for k, v := range s.Metric {
			if k != model.MetricNameLabel {
				labels[string(k)] = string(v)
			}
		}
		name := string(s.Metric[model.MetricNameLabel])
		if slices.ContainsFunc(own, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		key := canonicalSeries(name, labels)
		all[key] = true
		f := families[name]
		totals[key] = strings.HasSuffix(name, "_total") || f == nil || f.GetType() == dto.MetricType_COUNTER
	}
	return all, totals
}

// storedSeries are the values that an expression gives at a time, by series.
func storedSeries(t *testing.T, receiver, expression string, at time.Time) map[string][]float64 {
	t.Helper()
	if resp, err := http.Get(receiver + "/internal/force_flush"); err == nil { // VictoriaMetrics shows then what it has
		resp.Body.Close()
	}
	q := url.Values{"query": {expression}, "time": {fmt.Sprintf("%.3f", float64(at.UnixMilli())/1e3)}, "step": {lookBack}}
	resp, err := http.Get(receiver + "/api/v1/query?" + q.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v %s", expression, resp.Status, err, body)
	}
	http.DefaultClient.CloseIdleConnections()
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  []any
				Values [][]any
			}
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	found := map[string][]float64{}
	for _, r := range answer.Data.Result {
		name := r.Metric["__name__"]
		delete(r.Metric, "__name__")
		if r.Value != nil {
			r.Values = append(r.Values, r.Value)
		}
		for _, v := range r.Values {
			value, err := strconv.ParseFloat(v[1].(string), 64)
			if err != nil {
				t.Fatal(err)
			}
			key := canonicalSeries(name, r.Metric)
			found[key] = append(found[key], value)
		}
	}
	return found
}
