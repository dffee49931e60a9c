package ddsink_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"out_edge/ddsink"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
)

func series(name string, kind metric.Kind, labels ...metric.Label) *metric.Series {
	return &metric.Series{Name: name, Kind: kind, Labels: labels}
}

// at is now and a number of seconds, in ns.
func at(seconds int) int64 { return now().Add(time.Duration(seconds) * time.Second).UnixNano() }

func gauge(s *metric.Series, seconds int, value float64) metric.Sample {
	return metric.Sample{Series: s, UnixNano: at(seconds), Value: value}
}

func added(s *metric.Series, seconds int, delta float64) metric.Sample {
	return metric.Sample{Series: s, UnixNano: at(seconds), Delta: delta, HasDelta: true}
}

func (s *setup) metrics(t *testing.T, done *delivery.Set, samples ...metric.Sample) error {
	t.Helper()
	if done == nil {
		done = new(delivery.Set)
	}
	positions := make([]int, len(samples))
	for i := range positions {
		positions[i] = i
	}
	err := s.offer(context.Background(), s.series, "tag", sampleChunk(samples), positions, done)
	var retry *delivery.RetryError
	if err != nil && !errors.As(err, &retry) {
		t.Fatalf("err = %v, want a RetryError", err)
	}
	if err == nil {
		for i := range samples {
			if !done.Has(i) {
				t.Errorf("sample %d is not in done", i)
			}
		}
	}
	return err
}

func TestSendMetrics(t *testing.T) {
	s := newSink(t, func(c *ddsink.Config) {
		c.Tags, c.Hostname = "env:Prod, team:edge", "h1"
	})
	temp := &metric.Series{
		Name: "edge_temperature_celsius", DatadogName: "edge.temperature.celsius", Unit: "degree celsius",
		Labels: []metric.Label{{Name: "type", Value: "CPU thermal"}, {Name: "zone", Value: "0"}, {Name: "empty", Value: ""}},
	}
	bytes := &metric.Series{Name: "edge_disk_read_bytes_total", DatadogName: "edge.disk.read_bytes", Kind: metric.Counter, Unit: "byte"}
	plain := series("http_requests_total", metric.Counter)
	if err := s.metrics(t, nil,
		gauge(temp, -2, 48.312), added(bytes, -2, 100), gauge(temp, -1, -2.5), added(bytes, -1, 50), gauge(temp, -1, 7), added(plain, 0, 0.5),
	); err != nil {
		t.Fatal(err)
	}
	got := s.intake.got()
	if len(got) != 1 || got[0].path != "/api/v2/series" || got[0].header.Get("Content-Encoding") != "zstd1" {
		t.Fatalf("got %v", got)
	}
	sec := now().Unix()
	want := `{"series":[` +
		fmt.Sprintf(`{"metric":"edge.temperature.celsius","type":3,"points":[{"timestamp":%d,"value":7}],`, sec-1) +
		`"tags":["type:cpu_thermal","zone:0","env:prod","team:edge"],"unit":"degree celsius","resources":[{"name":"h1","type":"host"}]},` +
		fmt.Sprintf(`{"metric":"edge.disk.read_bytes","type":1,"points":[{"timestamp":%d,"value":150}],`, sec) +
		`"tags":["env:prod","team:edge"],"unit":"byte","resources":[{"name":"h1","type":"host"}]},` +
		fmt.Sprintf(`{"metric":"http_requests.count","type":1,"points":[{"timestamp":%d,"value":0.5}],`, sec) +
		`"tags":["env:prod","team:edge"],"resources":[{"name":"h1","type":"host"}]}]}`
	if string(got[0].body) != want {
		t.Errorf("got\n%s\nwant\n%s", got[0].body, want)
	}
	s.wantCounts(t, map[string]int{"datadog_metrics delivered": 4, "datadog_metrics adjusted superseded": 2, "request series 202": 1})
}

func TestMetricsEncoding(t *testing.T) {
	s := newSink(t, func(c *ddsink.Config) { c.Compress = "zstd" })
	if err := s.metrics(t, nil, gauge(series("a", metric.Gauge), 0, 1), gauge(series("b", metric.Gauge), 0, 1), gauge(series("c", metric.Gauge), 0, 1)); err != nil {
		t.Fatal(err)
	}
	if got := s.intake.got()[0].header.Get("Content-Encoding"); got != "zstd1" {
		t.Errorf("Content-Encoding = %s", got)
	}
}

func TestMetricsRefused(t *testing.T) {
	g, c := series("g", metric.Gauge), series("c_total", metric.Counter)
	tests := []struct {
		name   string
		sample metric.Sample
		reason string
	}{
		{"older than an hour", gauge(g, -3601, 1), "too_old"},
		{"more than ten minutes ahead", gauge(g, 601, 1), "too_new"},
		{"less than the margin below an hour", gauge(g, -3586, 1), "too_old"},
		{"less than the margin below ten minutes ahead", gauge(g, 586, 1), "too_new"},
		{"NaN", gauge(g, 0, math.NaN()), "not_finite"},
		{"Inf", gauge(g, 0, math.Inf(1)), "not_finite"},
		{"a NaN delta", added(c, 0, math.NaN()), "not_finite"},
		{"a NaN total", metric.Sample{Series: c, UnixNano: at(0), Value: math.NaN()}, "not_finite"},
		{"no name", gauge(series("123", metric.Gauge), 0, 1), "no_name"},
		{"a histogram without any", gauge(series("h", metric.Histogram), 0, 1), "not_finite"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSink(t, nil)
			if err := s.metrics(t, nil, test.sample); err != nil {
				t.Fatal(err)
			}
			if len(s.intake.got()) != 0 {
				t.Error("it was sent")
			}
			s.wantCounts(t, map[string]int{"datadog_metrics dropped " + test.reason: 1})
		})
	}
	s := newSink(t, nil)
	if err := s.metrics(t, nil, gauge(g, -3585, 1), gauge(series("h", metric.Gauge), 585, 1)); err != nil {
		t.Fatal(err)
	}
	s.wantCounts(t, map[string]int{"datadog_metrics delivered": 2})
}

// values are the points of all requests that were accepted: metric, tags, offset of
// the second, value.
func (s *setup) values(skip ...int) string {
	var out []string
	for n, r := range s.intake.got() {
		refused := false
		for _, k := range skip {
			refused = refused || k == n
		}
		if refused {
			continue
		}
		for _, item := range r.items {
			tags := fmt.Sprint(item["tags"])
			for _, p := range item["points"].([]any) {
				m := p.(map[string]any)
				sec, _ := m["timestamp"].(interface{ Int64() (int64, error) }).Int64()
				out = append(out, fmt.Sprintf("%v%s@%d=%v", item["metric"], strings.ReplaceAll(tags, "[]", ""), sec-now().Unix(), m["value"]))
			}
		}
	}
	return strings.Join(out, " ")
}

// deliver offers samples as a chunk that comes at a second, and must be delivered.
func (s *setup) deliver(t *testing.T, second int, samples ...metric.Sample) {
	t.Helper()
	s.arrive(second)
	if err := s.metrics(t, nil, samples...); err != nil {
		t.Fatal(err)
	}
}

// arrive lets time pass until a second.
func (s *setup) arrive(second int) {
	s.clock.Advance(time.Unix(0, at(second)).Sub(s.clock.Now().Time()))
}

func (s *setup) want(t *testing.T, want string, skip ...int) {
	t.Helper()
	if got := s.values(skip...); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestCountsAreSumsOfASecond: of a counter, the sum of the second in which its
// samples arrived goes, and goes again for that second when more has come.
func TestCountsAreSumsOfASecond(t *testing.T) {
	s := newSink(t, nil)
	c := series("c", metric.Counter)
	s.deliver(t, 0, added(c, 0, 1), added(c, 0, 1), added(c, 540, 2))
	s.deliver(t, 0, added(c, -9, 4))
	s.deliver(t, 1, added(c, 0, 8), added(c, 0, 16))
	s.deliver(t, 3, added(c, 0, 32))
	s.want(t, "c@0=4 c@0=8 c@1=24 c@3=32")
	s.wantCounts(t, map[string]int{"datadog_metrics delivered": 7})
}

// TestManyTags: chunks of many tags in one second make one point of it, never ahead
// of the clock.
func TestManyTags(t *testing.T) {
	for _, tags := range []int{2, 7, 200} {
		s := newSink(t, nil)
		c := series("c", metric.Counter)
		for second := range 3 {
			for range tags {
				s.deliver(t, second, added(c, second, 5))
			}
		}
		last := map[int64]float64{}
		for _, p := range s.points(t) {
			last[p.second] = p.value
		}
		want := map[int64]float64{0: float64(5 * tags), 1: float64(5 * tags), 2: float64(5 * tags)}
		if !maps.Equal(last, want) {
			t.Errorf("%d tags: %v, want %v", tags, last, want)
		}
	}
}

// point is one that the intake got.
type point struct {
	metric string
	second int64 // after now
	value  float64
}

// points are those of all requests, in their order.
func (s *setup) points(t *testing.T) (all []point) {
	t.Helper()
	for _, r := range s.intake.got() {
		for _, item := range r.items {
			for _, p := range item["points"].([]any) {
				m := p.(map[string]any)
				sec, err := m["timestamp"].(json.Number).Int64()
				value, err2 := m["value"].(json.Number).Float64()
				if err != nil || err2 != nil {
					t.Fatal(err, err2)
				}
				all = append(all, point{item["metric"].(string), sec - now().Unix(), value})
			}
		}
	}
	return all
}

// TestLostAnswers: what may have arrived goes again with the same second, and what
// comes meanwhile with it or with a second of its own.
func TestLostAnswers(t *testing.T) {
	for name, fail := range map[string]func(http.ResponseWriter){
		"reset": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"500":   func(w http.ResponseWriter) { w.WriteHeader(500) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSink(t, nil)
			c := series("c", metric.Counter)
			s.deliver(t, 0, added(c, 0, 1))
			s.intake.answer = func(n int, _ request, w http.ResponseWriter) {
				if n < 3 {
					fail(w)
					return
				}
				accept(w)
			}
			s.arrive(5)
			_ = s.metrics(t, nil, added(c, 0, 2))
			_ = s.metrics(t, nil, added(c, 0, 4))
			s.deliver(t, 9, added(c, 0, 8))
			s.want(t, "c@0=1 c@5=2 c@5=6 c@5=6 c@9=8")
		})
	}
}

// TestRefusedForCertain: what cannot have arrived is still the second's own.
func TestRefusedForCertain(t *testing.T) {
	s := newSink(t, nil)
	c := series("c", metric.Counter)
	s.deliver(t, 0, added(c, 0, 1))
	s.intake.answer = failOnly(1)
	_ = s.metrics(t, nil, added(c, 0, 2))
	s.deliver(t, 0, added(c, 0, 4))
	s.deliver(t, 1, added(c, 0, 8))
	s.want(t, "c@0=1 c@0=7 c@1=8", 1)
}

// TestCountsThatWaitForLong: what Datadog does not take any more goes with the
// oldest second that it takes; what may have arrived is given up then.
func TestCountsThatWaitForLong(t *testing.T) {
	s := newSink(t, nil)
	c, d := series("c", metric.Counter), series("d", metric.Counter)
	s.deliver(t, 0, added(c, 0, 1), added(d, 0, 1))
	s.intake.answer = func(n int, _ request, w http.ResponseWriter) {
		switch {
		case n == 1:
			panic(http.ErrAbortHandler)
		case n < 4:
			w.WriteHeader(503)
		default:
			accept(w)
		}
	}
	s.arrive(1)
	_ = s.metrics(t, nil, added(c, 0, 2))
	s.arrive(2)
	_ = s.metrics(t, nil, added(d, 0, 4))
	s.arrive(3)
	_ = s.metrics(t, nil, added(d, 0, 8))
	s.deliver(t, 4000, added(d, 0, 16))
	s.want(t, "c@0=1 d@0=1 d@415=12 d@4000=16", 1, 2, 3)
	s.wantCounts(t, map[string]int{
		"datadog_metrics delivered": 5, "datadog_metrics dropped too_old": 1, "datadog_metrics adjusted folded": 2})
}

// TestCountsWhenTheClockIsSet: a second that has been used is added to, as far as
// Datadog takes it; the time of arrival goes by the clock as it is when it leaves.
func TestCountsWhenTheClockIsSet(t *testing.T) {
	for _, test := range []struct {
		name string
		step time.Duration
		want string
	}{
		{"back by five minutes", -5 * time.Minute, "c@0=1 c@0=3 c@0=7 c@61=8"},
		{"back by an hour", -time.Hour, "c@0=1 c@-3600=2 c@-3240=4 c@-3239=8"},
		{"ahead by an hour", time.Hour, "c@0=1 c@3600=2 c@3960=4 c@3961=8"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSink(t, nil)
			c := series("c", metric.Counter)
			offer := func(n float64) {
				t.Helper()
				if err := s.metrics(t, nil, added(c, 0, n)); err != nil {
					t.Fatal(err)
				}
			}
			offer(1)
			s.clock.Step(test.step)
			offer(2)
			if test.step == -5*time.Minute {
				s.clock.Advance(time.Minute)
			} else {
				s.clock.Advance(6 * time.Minute)
			}
			offer(4)
			if test.step == -5*time.Minute {
				s.clock.Advance(5 * time.Minute)
			}
			s.clock.Advance(time.Second)
			offer(8)
			s.want(t, test.want)
		})
	}
}

// TestClockSetWhileCountsWait: the time of arrival is right once the clock is.
func TestClockSetWhileCountsWait(t *testing.T) {
	s := newSink(t, nil)
	c := series("c", metric.Counter)
	s.clock.Step(-now().Sub(time.Unix(60, 0)))
	s.intake.answer = failOnly(0)
	_ = s.metrics(t, nil, added(c, 0, 1))
	s.clock.Advance(10 * time.Second)
	s.clock.Set(now().Add(10 * time.Second))
	s.deliver(t, 10, added(c, 0, 2))
	s.want(t, "c@0=1 c@10=2", 0)
}

// TestTotals: counters that tell their total only, which nobody has compared.
func TestTotals(t *testing.T) {
	s := newSink(t, nil)
	c := series("c_total", metric.Counter)
	total := func(sec int, v float64) metric.Sample {
		return metric.Sample{Series: c, UnixNano: at(sec), Value: v}
	}
	for i, v := range []float64{100, 110, 110, 5} { // nothing, +10, +0, a restart
		s.deliver(t, i, total(i, v))
	}
	// another Series value with the same name and labels is the same series
	c = series("c_total", metric.Counter)
	s.deliver(t, 4, total(4, 6), total(5, 9))
	s.deliver(t, 5, total(3, 7)) // was on its way for long
	s.want(t, "c.count@1=10 c.count@2=0 c.count@3=5 c.count@4=4")
	s.wantCounts(t, map[string]int{"datadog_metrics adjusted first_sight": 1, "datadog_metrics delivered": 5, "datadog_metrics adjusted superseded": 1})
}

// TestTotalsAfterTheClockIsSetBack: totals go on although the last one is of a time
// that has not come yet.
func TestTotalsAfterTheClockIsSetBack(t *testing.T) {
	c := series("c_total", metric.Counter)
	total := func(sec int, v float64) metric.Sample {
		return metric.Sample{Series: c, UnixNano: at(sec), Value: v}
	}
	for _, test := range []struct {
		name  string
		after []metric.Sample
		want  string
	}{
		{"they go on", []metric.Sample{total(20, 120), total(30, 130), total(25, 125)}, "c.count@7210=10 c.count@20=10 c.count@21=10"},
		{"a chunk of before comes late", []metric.Sample{total(5, 105), total(20, 120)}, "c.count@7210=10 c.count@21=10"},
		{"a restart meanwhile", []metric.Sample{total(20, 3), total(30, 5), total(40, 9)}, "c.count@7210=10 c.count@21=5 c.count@22=4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSink(t, nil)
			s.clock.Step(2 * time.Hour)
			s.deliver(t, 7200, total(7200, 100))
			s.deliver(t, 7210, total(7210, 110))
			s.clock.Step(-2 * time.Hour)
			for i, sample := range test.after {
				s.deliver(t, 20+i, sample)
			}
			s.want(t, test.want)
		})
	}
}

// TestKeptDistribution: the first of a histogram that is kept here is all growth.
func TestKeptDistribution(t *testing.T) {
	s := newSink(t, nil)
	h := series("lat", metric.Histogram)
	dist := func(n uint64) metric.Sample {
		return metric.Sample{Series: h, UnixNano: at(0), Kept: true,
			Dist: &metric.Distribution{Count: n, Sum: float64(2 * n), Bounds: []float64{1}, Counts: []uint64{n - 1}}}
	}
	s.deliver(t, 0, dist(1), dist(2), dist(3))
	s.deliver(t, 0, dist(4))
	s.deliver(t, 7, dist(9))
	s.want(t, "lat.count@0=3 lat.sum@0=6 lat.bucket[upper_bound:1]@0=2 lat.bucket[upper_bound:inf]@0=3 "+
		"lat.count@0=4 lat.sum@0=8 lat.bucket[upper_bound:1]@0=3 lat.bucket[upper_bound:inf]@0=4 "+
		"lat.count@7=5 lat.sum@7=10 lat.bucket[upper_bound:1]@7=5 lat.bucket[upper_bound:inf]@7=5")
	s.wantCounts(t, map[string]int{"datadog_metrics delivered": 5})
}

func TestHistogram(t *testing.T) {
	s := newSink(t, nil)
	h := series("lat", metric.Histogram, metric.Label{Name: "k", Value: "v"})
	dist := func(sec int, counts []uint64, count uint64, sum float64) metric.Sample {
		return metric.Sample{Series: h, UnixNano: at(sec), Dist: &metric.Distribution{
			Count: count, Sum: sum, Bounds: []float64{0.5, 1}, Counts: counts,
		}}
	}
	s.deliver(t, 0, dist(0, []uint64{1, 2}, 3, 4))
	s.deliver(t, 10, dist(10, []uint64{2, 5}, 8, 6.5))
	s.deliver(t, 20, dist(20, []uint64{1, 1}, 1, 0.5)) // it began anew
	s.want(t, "lat.count[k:v]@10=5 lat.sum[k:v]@10=2.5 lat.bucket[k:v upper_bound:0.5]@10=1 "+
		"lat.bucket[k:v upper_bound:1]@10=3 lat.bucket[k:v upper_bound:inf]@10=5 "+
		"lat.count[k:v]@20=1 lat.sum[k:v]@20=0.5 lat.bucket[k:v upper_bound:0.5]@20=1 "+
		"lat.bucket[k:v upper_bound:1]@20=1 lat.bucket[k:v upper_bound:inf]@20=1")
	s.wantCounts(t, map[string]int{"datadog_metrics delivered": 2, "datadog_metrics adjusted first_sight": 1})
}

func TestSummary(t *testing.T) {
	s := newSink(t, nil)
	q := series("rpc", metric.Summary)
	for sec, n := range []uint64{10, 15} {
		s.deliver(t, sec, metric.Sample{Series: q, UnixNano: at(sec), Dist: &metric.Distribution{
			Count: n, Sum: float64(n) * 2, Bounds: []float64{0.5, 0.99}, Values: []float64{1.5, math.NaN()},
		}})
	}
	s.want(t, "rpc.count@0=0 rpc.sum@0=0 rpc.quantile[quantile:0.5]@0=1.5 rpc.count@1=5 rpc.sum@1=10 rpc.quantile[quantile:0.5]@1=1.5")
}

// failOnly refuses request n for a while.
func failOnly(fail int) func(int, request, http.ResponseWriter) {
	return func(n int, _ request, w http.ResponseWriter) {
		if n == fail {
			w.WriteHeader(503)
			return
		}
		accept(w)
	}
}

// TestMetricsSplit keeps each request under the intake's two limits.
func TestMetricsSplit(t *testing.T) {
	for _, compress := range []string{"gzip", "off"} {
		t.Run(compress, func(t *testing.T) {
			s := newSink(t, func(c *ddsink.Config) { c.Compress = compress })
			var samples []metric.Sample
			for i := range 20_000 {
				name := fmt.Sprintf("m%d.%x", i, uint32(i)*2654435761)
				labels := []metric.Label{{Name: "k", Value: fmt.Sprintf("%x", uint64(i)*11400714819323198485)}}
				samples = append(samples, gauge(&metric.Series{Name: name, Labels: labels}, 0, float64(i)*math.Pi))
			}
			if err := s.metrics(t, nil, samples...); err != nil {
				t.Fatal(err)
			}
			n, seen := 0, map[any]bool{}
			for _, r := range s.intake.got() {
				var wire int
				if _, err := fmt.Sscan(r.header.Get("Content-Length"), &wire); err != nil || wire > 512_000 || len(r.body) > 5_242_880 {
					t.Errorf("%d bytes, %d raw: %v", wire, len(r.body), err)
				}
				for _, item := range r.items {
					n++
					seen[item["metric"]] = true
				}
			}
			if n != 20_000 || len(seen) != 20_000 {
				t.Errorf("%d series, %d names", n, len(seen))
			}
			s.wantCounts(t, map[string]int{"datadog_metrics delivered": 20_000})
		})
	}
}

// TestMetricsBadSeriesIsFound has an intake that refuses one of the series.
func TestMetricsBadSeriesIsFound(t *testing.T) {
	s := newSink(t, nil)
	s.intake.answer = func(_ int, r request, w http.ResponseWriter) {
		for _, item := range r.items {
			if item["metric"] == "m77" {
				w.WriteHeader(400)
				return
			}
		}
		accept(w)
	}
	var samples []metric.Sample
	for i := range 100 {
		m := series(fmt.Sprintf("m%d", i), metric.Gauge)
		samples = append(samples, gauge(m, 0, 1), gauge(m, 1, 2))
	}
	if err := s.metrics(t, nil, samples...); err != nil {
		t.Fatal(err)
	}
	s.wantCounts(t, map[string]int{"datadog_metrics delivered": 99, "datadog_metrics adjusted superseded": 100, "datadog_metrics dropped rejected": 1})
}

func TestMetricsDryRun(t *testing.T) {
	s := newSink(t, func(c *ddsink.Config) { c.DryRun = true })
	if err := s.metrics(t, nil, gauge(series("g", metric.Gauge), 0, 1)); err != nil {
		t.Fatal(err)
	}
	if len(s.intake.got()) != 0 || !strings.Contains(s.log.String(), "endpoint=series") {
		t.Errorf("log = %s", s.log)
	}
	s.wantCounts(t, map[string]int{"datadog_metrics adjusted dry_run": 1})
}

func TestMetricName(t *testing.T) {
	tests := []struct{ name, want string }{
		{"edge.cpu.usage_ratio", "edge.cpu.usage_ratio"},
		{"Mixed.Case9", "Mixed.Case9"},
		{"9_edge-cpu temp°", "edge_cpu_temp_"},
		{"_", ""},
		{"", ""},
		{"日本", ""},
		{strings.Repeat("a", 300), strings.Repeat("a", 200)},
	}
	for _, test := range tests {
		if got := ddsink.MetricName(test.name); got != test.want {
			t.Errorf("%q: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestMetricTag(t *testing.T) {
	tests := []struct{ name, value, want string }{
		{"device", "eth0", "device:eth0"},
		{"Mode", "User Time", "mode:user_time"},
		{"1st", "x", "st:x"},
		{"a", "/dev/sda1", "a:/dev/sda1"},
		{"a", "x  y__z!", "a:x_y_z"},
		{"a", "!!!", ""},
		{"env:Prod", "", "env:prod"},
		{" team:edge ", "", "team:edge"},
		{"ort", "Köln", "ort:köln"},
		{"bad", "a\xffb", "bad:a_b"},
		{"a", strings.Repeat("é", 300), "a:" + strings.Repeat("é", 198)},
		{"a", "x:", "a:x"},
		{"", "", ""},
	}
	for _, test := range tests {
		if got := ddsink.MetricTag(test.name, test.value); got != test.want {
			t.Errorf("%q %q: got %q, want %q", test.name, test.value, got, test.want)
		}
	}
}
