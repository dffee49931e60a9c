package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/receivers"
	"out_edge/build/testkit"
)

// The same data of OpenTelemetry's Go SDK at four Prometheus 3: by its own OTLP
// receiver, and through Fluent Bit and the library by remote write 1 and 2 and by
// scrape. What differs on purpose is in docs/otlp.md, and taken away here by name.

// sdkFlushes are what a real Fluent Bit handed over; build/testdata/otlp has what it was
// sent.
func sdkFlushes(t *testing.T) (chunks []harness.Chunk, clock time.Time) {
	t.Helper()
	for _, f := range slices.Concat(testkit.Sequence(t, "otlp-sdk"), testkit.Sequence(t, "otlp-odd")) {
		file := filepath.Join(t.TempDir(), strconv.Itoa(len(chunks)))
		if err := os.WriteFile(file, f.Payload, 0o600); err != nil {
			t.Fatal(err)
		}
		chunks, clock = append(chunks, harness.Chunk{Type: harness.Metrics, Tag: f.Tag, File: file}), f.At
	}
	return chunks, clock
}

// prometheus3 is one that takes all that there is.
func prometheus3(t *testing.T, config string) *receivers.Prometheus {
	t.Helper()
	p, err := receivers.StartPrometheus(t.Context(), t.TempDir(), "", config, "--web.enable-otlp-receiver",
		"--enable-feature=otlp-deltatocumulative,exemplar-storage,type-and-unit-labels")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

const otlpConfig = "storage: {exemplars: {max_exemplars: 10000}}\notlp: {promote_scope_metadata: true, promote_resource_attributes: [service.version]}\n"

// viaOTLP is what Prometheus makes of the SDK's own requests.
func viaOTLP(t *testing.T) *receivers.Prometheus {
	t.Helper()
	p := prometheus3(t, otlpConfig)
	files, err := filepath.Glob("../testdata/otlp/[01]*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no requests: %v", err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.OTLP(t.Context(), body, strings.HasSuffix(file, ".json")); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// viaLibrary plays the flushes to the library.
func viaLibrary(t *testing.T, properties ...string) (l *live, done signal) {
	t.Helper()
	chunks, clock := sdkFlushes(t)
	r := harness.Run{V5: true, Without: noParking, Threads: 1, Chunks: chunks, Timeout: 2 * patience, Seconds: (2 * patience).Seconds(),
		Outputs: []harness.Output{serving(edge(append([]string{"otlp_promote", "service.version", "otlp_bools", "cached",
			"clock_start", clock.UTC().Format(time.RFC3339)}, properties...)...))}}
	done = settled(&r, len(chunks))
	return start(t, r), done
}

// storedSeries is one series as a Prometheus has it, for comparing.
type storedSeries struct {
	points     map[int64]string // by ms
	last       string
	histograms int
}

// storedSeriesOf are the series of OpenTelemetry's services, by their labels. Left out of
// them is what differs on purpose: how whole numbers are written in le, and the unit.
func storedSeriesOf(t *testing.T, p *receivers.Prometheus, at time.Time, leave ...string) map[string]storedSeries {
	t.Helper()
	var all []receivers.Series
	for _, selector := range []string{`{otel_scope_name="shop/web"}[1h]`, `target_info[1h]`} {
		some, err := p.Instant(t.Context(), selector, at)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, some...)
	}
	found := map[string]storedSeries{}
	for _, s := range all {
		if s.Labels["__name__"] == "target_info" {
			delete(s.Labels, "__type__")
		}
		if le, err := strconv.ParseFloat(s.Labels["le"], 64); err == nil {
			s.Labels["le"] = strconv.FormatFloat(le, 'g', -1, 64)
		}
		for _, name := range append(leave, "__unit__") {
			delete(s.Labels, name)
		}
		one := storedSeries{points: map[int64]string{}}
		for _, point := range s.Points {
			one.last = fmt.Sprint(point.Value)
			one.points[point.UnixMilli] = one.last
		}
		for _, h := range s.Histograms {
			one.histograms++
			one.last = fmt.Sprint(h.Count, h.Sum, h.Buckets)
			one.points[h.UnixMilli] = one.last
		}
		found[labelText(s.Labels)] = one
	}
	return found
}

func labelText(labels map[string]string) string {
	var parts []string
	for name, value := range labels {
		parts = append(parts, fmt.Sprintf("%s=%q", name, value))
	}
	sort.Strings(parts)
	return strings.Join(parts, ",")
}

// sameSeries compares two Prometheus: labels, the last values, and if times is set all
// values at their times. Totals of deltas hold from their arrival on, so that their times
// are others.
func sameSeries(t *testing.T, got, want map[string]storedSeries, times bool) {
	t.Helper()
	for labels, w := range want {
		g, has := got[labels]
		if strings.Contains(labels, `"odd_stock"`) { // a counter before it fell
			if g.last != w.last || len(g.points) != 1 && times {
				t.Errorf("%s = %v, want the last of %v", labels, g.points, w.points)
			}
			delete(got, strings.Replace(strings.Replace(labels, "odd_stock", "odd_stock_total", 1), `"gauge"`, `"counter"`, 1))
			continue
		}
		switch {
		case !has:
			t.Errorf("missing: %s = %s", labels, w.last)
		case g.last != w.last:
			t.Errorf("%s = %s, want %s", labels, g.last, w.last)
		case times && !strings.Contains(labels, `job="shop/batch"`) && !strings.Contains(labels, `"target_info"`) && fmt.Sprint(g.points) != fmt.Sprint(w.points):
			t.Errorf("%s: %v, want %v", labels, g.points, w.points)
		}
	}
	for labels, g := range got {
		if _, wanted := want[labels]; !wanted {
			t.Errorf("too much: %s = %s", labels, g.last)
		}
	}
	if len(want) < 60 {
		t.Errorf("%d series: too few to prove anything", len(want))
	}
}

func TestOTLPIsStoredAsPrometheusOwnReceiverDoes(t *testing.T) {
	_, clock := sdkFlushes(t)
	at := clock.Add(5 * time.Minute)
	own := viaOTLP(t)
	native := 0
	for _, s := range storedSeriesOf(t, own, at) {
		native += s.histograms
	}
	if native == 0 {
		t.Error("no native histogram: nothing is proved of them")
	}
	for _, version := range []string{"1", "2"} {
		t.Run("remote write "+version, func(t *testing.T) {
			p := prometheus3(t, otlpConfig)
			properties := []string{"remote_write_url", p.WriteURL(), "remote_write_version", version, "hostname", "off"}
			var leave []string
			if version == "1" { // has no types
				properties, leave = append(properties, "remote_write_native_histograms", "on"), []string{"__type__"}
			}
			l, done := viaLibrary(t, properties...)
			l.await(done)
			noPanic(t, l.stop())
			sameSeries(t, storedSeriesOf(t, p, at, leave...), storedSeriesOf(t, own, at, leave...), true)
			for _, one := range []*receivers.Prometheus{own, p} {
				if left, err := one.Instant(t.Context(), `{__name__=~"odd_gone_.+"}`, clock.Add(time.Minute)); err != nil || len(left) > 0 {
					t.Errorf("what has no value any more has not ended: %v, error %v", left, err)
				}
			}
			sameExemplars(t, p, own, clock)
		})
	}
	t.Run("scrape", func(t *testing.T) {
		l, done := viaLibrary(t)
		l.await(done)
		p := prometheus3(t, "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"+otlpConfig+"scrape_configs:\n"+
			job("edge", l.address(), "honor_labels: true", "scrape_native_histograms: true"))
		awaitSeries(t, p, `target_info{job="shop/batch"}`)
		got, want := storedSeriesOf(t, p, time.Now().Add(time.Second)), storedSeriesOf(t, own, at)
		for labels := range want { // what has ended is not on the page
			if strings.Contains(labels, `"odd_gone_`) {
				delete(want, labels)
			}
		}
		for labels, s := range got { // the format cannot leave a sum out
			if strings.Contains(labels, `"odd_nosum_milliseconds_sum"`) && s.last == "NaN" {
				delete(got, labels)
			}
		}
		sameSeries(t, got, want, false)
		noPanic(t, l.stop())
	})
}

// awaitSeries waits until a Prometheus has a series.
func awaitSeries(t *testing.T, p *receivers.Prometheus, selector string) {
	t.Helper()
	eventually(t, browserWait, func() error {
		all, err := p.Instant(t.Context(), selector, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if len(all) == 0 {
			return fmt.Errorf("never: %s\n%s", selector, p.Log())
		}
		return nil
	})
}

// sameExemplars compares the exemplars of the tasks that send totals.
func sameExemplars(t *testing.T, got, want *receivers.Prometheus, clock time.Time) {
	t.Helper()
	var both [2][]string
	for i, p := range []*receivers.Prometheus{got, want} {
		all, err := p.Exemplars(t.Context(), `{job="shop/checkout"}`, clock.Add(-time.Hour), clock.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			if le, err := strconv.ParseFloat(e.Series["le"], 64); err == nil {
				e.Series["le"] = strconv.FormatFloat(le, 'g', -1, 64)
			}
			delete(e.Series, "__type__")
			delete(e.Series, "__unit__")
			both[i] = append(both[i], labelText(e.Series)+" "+labelText(e.Labels)+" "+e.Value)
		}
		slices.Sort(both[i])
	}
	if !slices.Equal(both[0], both[1]) || len(both[1]) < 20 {
		t.Errorf("%d exemplars, want %d:\n%s\nwant\n%s", len(both[0]), len(both[1]), strings.Join(both[0], "\n"), strings.Join(both[1], "\n"))
	}
}
