package ddsink_test

import (
	"context"
	"errors"
	"fmt"
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
		fmt.Sprintf(`{"metric":"edge.temperature.celsius","type":3,"points":[{"timestamp":%d,"value":48.312},{"timestamp":%d,"value":7}],`, sec-2, sec-1) +
		`"tags":["type:cpu_thermal","zone:0","env:prod","team:edge"],"unit":"degree celsius","resources":[{"name":"h1","type":"host"}]},` +
		fmt.Sprintf(`{"metric":"edge.disk.read_bytes","type":1,"points":[{"timestamp":%d,"value":100},{"timestamp":%d,"value":50}],`, sec-2, sec-1) +
		`"tags":["env:prod","team:edge"],"unit":"byte","resources":[{"name":"h1","type":"host"}]},` +
		fmt.Sprintf(`{"metric":"http_requests.count","type":1,"points":[{"timestamp":%d,"value":0.5}],`, sec) +
		`"tags":["env:prod","team:edge"],"resources":[{"name":"h1","type":"host"}]}]}`
	if string(got[0].body) != want {
		t.Errorf("got\n%s\nwant\n%s", got[0].body, want)
	}
	s.wantCounts(t, map[string]int{"datadog_metrics delivered": 6, "request series 202": 1})
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
	if err := s.metrics(t, nil, gauge(g, -3585, 1), gauge(g, 585, 1)); err != nil {
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

// TestTotals: counters of metrics events, which tell their total only.
func TestTotals(t *testing.T) {
	s := newSink(t, nil)
	c := series("c_total", metric.Counter)
	total := func(sec int, v float64) metric.Sample {
		return metric.Sample{Series: c, UnixNano: at(sec), Value: v}
	}
	for i, v := range []float64{100, 110, 110, 5} { // nothing, +10, +0, a restart
		if err := s.metrics(t, nil, total(i, v)); err != nil {
			t.Fatal(err)
		}
	}
	// another Series value with the same name and labels is the same series
	c = series("c_total", metric.Counter)
	if err := s.metrics(t, nil, total(4, 6), total(5, 9)); err != nil {
		t.Fatal(err)
	}
	if got, want := s.values(), "c.count@1=10 c.count@2=0 c.count@3=5 c.count@4=1 c.count@5=3"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s.wantCounts(t, map[string]int{"datadog_metrics adjusted first_sight": 1, "datadog_metrics delivered": 5})
}

// TestTotalsAfterTheClockIsSetBack: totals go on although the last one is of a time
// that has not come yet.
func TestTotalsAfterTheClockIsSetBack(t *testing.T) {
	c := series("c_total", metric.Counter)
	total := func(sec int, v float64) metric.Sample {
		return metric.Sample{Series: c, UnixNano: at(sec), Value: v}
	}
	tests := []struct {
		name  string
		ahead int // seconds
		after []metric.Sample
		want  string
	}{
		{
			"two hours", 7200,
			[]metric.Sample{total(20, 120), total(30, 130), total(25, 125)},
			"c.count@7210=10 c.count@20=10 c.count@30=10",
		},
		{
			"five minutes are waited for", 300,
			[]metric.Sample{total(20, 120), total(30, 130), total(311, 140)},
			"c.count@310=10 c.count@311=30",
		},
		{
			"a chunk of before comes late", 7200,
			[]metric.Sample{total(5, 105), total(20, 120)},
			"c.count@7210=10 c.count@20=10",
		},
		{
			"a restart meanwhile", 7200,
			[]metric.Sample{total(20, 3), total(30, 5), total(40, 9)},
			"c.count@7210=10 c.count@30=5 c.count@40=4",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSink(t, nil)
			ahead := time.Duration(test.ahead) * time.Second
			s.clock.Step(ahead)
			_ = s.metrics(t, nil, total(test.ahead, 100))
			_ = s.metrics(t, nil, total(test.ahead+10, 110))
			s.clock.Step(-ahead)
			for _, sample := range test.after {
				if err := s.metrics(t, nil, sample); err != nil {
					t.Fatal(err)
				}
			}
			if got := s.values(); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// TestHistogramAfterTheClockIsSetBack: all parts go on together.
func TestHistogramAfterTheClockIsSetBack(t *testing.T) {
	s := newSink(t, nil)
	h := series("lat", metric.Histogram)
	send := func(sec int, n uint64) {
		t.Helper()
		if err := s.metrics(t, nil, metric.Sample{Series: h, UnixNano: at(sec), Dist: &metric.Distribution{Count: n, Sum: float64(2 * n)}}); err != nil {
			t.Fatal(err)
		}
	}
	s.clock.Step(2 * time.Hour)
	send(7200, 1)
	s.clock.Step(-2 * time.Hour)
	send(10, 4)
	if got, want := s.values(), "lat.count@10=3 lat.sum@10=6 lat.bucket[upper_bound:inf]@10=3"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestTotalsAreNotLostInRetries: what a failed request carried comes with whichever
// request follows, and once.
func TestTotalsAreNotLostInRetries(t *testing.T) {
	c := series("c_total", metric.Counter)
	total := func(sec int, v float64) metric.Sample {
		return metric.Sample{Series: c, UnixNano: at(sec), Value: v}
	}
	t.Run("retry comes first", func(t *testing.T) {
		s := newSink(t, nil)
		_ = s.metrics(t, nil, total(0, 100))
		s.intake.answer = failOnly(0)
		var done delivery.Set
		if s.metrics(t, &done, total(1, 110)) == nil {
			t.Fatal("no error")
		}
		if err := s.metrics(t, &done, total(1, 110)); err != nil {
			t.Fatal(err)
		}
		_ = s.metrics(t, nil, total(2, 115))
		if got, want := s.values(0), "c.count@1=10 c.count@2=5"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("a later chunk comes first", func(t *testing.T) {
		s := newSink(t, nil)
		_ = s.metrics(t, nil, total(0, 100))
		s.intake.answer = failOnly(0)
		var done delivery.Set
		if s.metrics(t, &done, total(1, 110)) == nil {
			t.Fatal("no error")
		}
		_ = s.metrics(t, nil, total(2, 115))
		if err := s.metrics(t, &done, total(1, 110)); err != nil {
			t.Fatal(err)
		}
		_ = s.metrics(t, nil, total(3, 120))
		if got, want := s.values(0), "c.count@2=15 c.count@3=5"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// fillTotals has the sink remember as many totals as it may, all of them from now.
func (s *setup) fillTotals(t *testing.T) {
	t.Helper()
	const n = 20_000
	samples := make([]metric.Sample, n)
	for i := range samples {
		samples[i] = metric.Sample{Series: series(fmt.Sprintf("c%d_total", i), metric.Counter), UnixNano: at(0), Value: 1}
	}
	if err := s.metrics(t, nil, samples...); err != nil {
		t.Fatal(err)
	}
	s.wantCounts(t, map[string]int{"datadog_metrics adjusted first_sight": n, "datadog_metrics dropped series_limit": 0})
}

// total offers one total at the present time.
func (s *setup) total(t *testing.T, name string, value float64) {
	t.Helper()
	sample := metric.Sample{Series: series(name, metric.Counter), UnixNano: s.clock.Now().Wall, Value: value}
	if err := s.metrics(t, nil, sample); err != nil {
		t.Fatal(err)
	}
}

// TestRoomForTotals: series that have been silent for an hour make room. As looking
// for them takes long, it is done once a minute at most while there are none.
func TestRoomForTotals(t *testing.T) {
	s := newSink(t, nil)
	s.fillTotals(t)
	for _, step := range []struct {
		name    string
		advance time.Duration
		refused int // in all
	}{
		{"a first look", 59*time.Minute + 30*time.Second, 1},
		{"not so soon again", 59 * time.Second, 2},
		{"a minute after the first", time.Second, 2},
	} {
		s.clock.Advance(step.advance)
		s.total(t, "new_total", 1)
		if got := s.counts.Get("datadog_metrics dropped series_limit"); got != step.refused {
			t.Errorf("%s: %d refused, want %d", step.name, got, step.refused)
		}
	}
	s.clock.Advance(time.Second)
	s.total(t, "new_total", 5)
	if got, want := s.values(), "new.count@3631=4"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestRoomForTotalsWhenTheClockIsSet: setting the wall clock neither makes a series
// look silent nor puts off the next look.
func TestRoomForTotalsWhenTheClockIsSet(t *testing.T) {
	s := newSink(t, nil)
	s.fillTotals(t)
	s.clock.Step(24 * time.Hour)
	s.total(t, "new_total", 1)
	s.total(t, "c7_total", 4)
	if got, want := s.values(), "c7.count@86400=3"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s.clock.Step(-24 * time.Hour)
	s.clock.Advance(time.Hour + time.Second)
	s.total(t, "new_total", 1)
	s.wantCounts(t, map[string]int{"datadog_metrics dropped series_limit": 1})
}

// TestRoomForTotalsWithoutABootClock: the next look is not put off by a step back
// where the wall clock is all there is.
func TestRoomForTotalsWithoutABootClock(t *testing.T) {
	s := newSink(t, nil)
	s.clock.HideBoot()
	s.fillTotals(t)
	s.total(t, "new_total", 1)
	s.clock.Step(-3 * time.Hour)
	s.total(t, "c7_total", 1)
	s.clock.Advance(time.Hour + time.Second)
	s.total(t, "new_total", 1)
	s.wantCounts(t, map[string]int{"datadog_metrics dropped series_limit": 1})
}

// TestTotalsOfRequestsNeverMade: what waited behind a request that failed is given
// back too.
func TestTotalsOfRequestsNeverMade(t *testing.T) {
	s := newSink(t, func(c *ddsink.Config) { c.Compress = "off" })
	const n = 10_000 // more than fit into one request
	totals := func(sec int, v float64) (out []metric.Sample) {
		for i := range n {
			out = append(out, metric.Sample{Series: series(fmt.Sprintf("c%d_total", i), metric.Counter), UnixNano: at(sec), Value: v})
		}
		return out
	}
	_ = s.metrics(t, nil, totals(0, 1)...)
	s.intake.answer = failOnly(0)
	var done delivery.Set
	if s.metrics(t, &done, totals(1, 3)...) == nil || len(s.intake.got()) != 1 {
		t.Fatalf("no error, or %d requests", len(s.intake.got()))
	}
	s.wantCounts(t, map[string]int{"datadog_metrics retried": n})
	if err := s.metrics(t, &done, totals(1, 3)...); err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, r := range s.intake.got()[1:] {
		for _, item := range r.items {
			v, _ := item["points"].([]any)[0].(map[string]any)["value"].(interface{ Int64() (int64, error) }).Int64()
			sum += int(v)
		}
	}
	if sum != 2*n {
		t.Errorf("%d were added, want %d", sum, 2*n)
	}
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

// TestCountsKeepTheirSeconds: Datadog lets a count overwrite another one of the
// same second, so no two requests may use one.
func TestCountsKeepTheirSeconds(t *testing.T) {
	s := newSink(t, nil)
	c := series("c", metric.Counter)
	send := func(samples ...metric.Sample) {
		t.Helper()
		if err := s.metrics(t, nil, samples...); err != nil {
			t.Fatal(err)
		}
	}
	send(added(c, 0, 1), added(c, 0, 1), added(c, 1, 2)) // 0: 2, 1: 2
	send(added(c, 1, 4), added(c, 2, 8))                 // 1 is taken: 2 has both
	send(added(c, 2, 16))                                // moves behind: 3
	send(added(c, 0, 32), added(c, 1, 64))               // both taken, and what follows
	send(added(c, -5, 128))                              // an old chunk: free
	want := "c@0=2 c@1=2 c@2=12 c@3=16 c@4=96 c@-5=128"
	if got := s.values(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestCountsKeepTheirSecondsWhenTheClockIsSetBack: neither what was sent after the
// step is overwritten, nor what was sent before it at the seconds that come again.
func TestCountsKeepTheirSecondsWhenTheClockIsSetBack(t *testing.T) {
	c := series("c", metric.Counter)
	for _, test := range []struct {
		name string
		back time.Duration
		want string
	}{
		{"by five minutes", 5 * time.Minute, "c@0=1 c@300=2 c@1=4 c@2=8 c@-3024=16"},
		{"by twenty minutes", 20 * time.Minute, "c@0=1 c@1200=2 c@1=4 c@2=8 c@-3024=16"},
		{"by an hour", time.Hour - 15*time.Second, "c@0=1 c@3585=2 c@1=4 c@2=8 c@-3024=16"},
		{"by two hours", 2 * time.Hour, "c@7200=2 c@0=4 c@1=8 c@-3024=16"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSink(t, nil)
			s.clock.Step(test.back)
			ahead := int(test.back / time.Second)
			for _, sample := range []metric.Sample{added(c, 0, 1), added(c, ahead, 2)} {
				_ = s.metrics(t, nil, sample) // the first is too old if it is two hours
			}
			s.clock.Step(-test.back)
			// The last is 4224 s, one round of what is remembered, before 1200.
			for _, sample := range []metric.Sample{added(c, 0, 4), added(c, 0, 8), added(c, -3024, 16)} {
				if err := s.metrics(t, nil, sample); err != nil {
					t.Fatal(err)
				}
			}
			if got := s.values(); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// TestCountsForgetSeconds: what is remembered of seconds long past does not get in
// the way.
func TestCountsForgetSeconds(t *testing.T) {
	s := newSink(t, nil)
	c := series("c", metric.Counter)
	for _, sec := range []int{0, 1, 4223, 4224, 4225, 100_000, 104_224} {
		s.clock.Advance(time.Unix(0, at(sec)).Sub(s.clock.Now().Time()))
		if err := s.metrics(t, nil, added(c, sec, 1)); err != nil {
			t.Fatal(err)
		}
	}
	want := "c@0=1 c@1=1 c@4223=1 c@4224=1 c@4225=1 c@100000=1 c@104224=1"
	if got := s.values(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestCountsAround1970: a clock that was never set may show a sample of before.
func TestCountsAround1970(t *testing.T) {
	s := newSink(t, nil)
	s.clock.Step(-now().Sub(time.Unix(60, 0)))
	c := series("c", metric.Counter)
	for _, sec := range []int64{-100, 30, 30} {
		if err := s.metrics(t, nil, metric.Sample{Series: c, UnixNano: sec * 1e9, Delta: 1, HasDelta: true}); err != nil {
			t.Fatal(err)
		}
	}
	epoch := -now().Unix()
	if got, want := s.values(), fmt.Sprintf("c@%d=1 c@%d=1 c@%d=1", epoch-100, epoch+30, epoch+31); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestCountsAreAddedOnce: retries in any number deliver each delta once.
func TestCountsAreAddedOnce(t *testing.T) {
	s := newSink(t, nil)
	c, d := series("c", metric.Counter), series("d", metric.Counter)
	s.intake.answer = func(n int, _ request, w http.ResponseWriter) {
		if n < 3 {
			w.WriteHeader([]int{500, 408, 429}[n])
			return
		}
		accept(w)
	}
	var done delivery.Set
	samples := []metric.Sample{added(c, 0, 1), added(d, 0, 2), added(c, 1, 4)}
	for range 3 {
		if s.metrics(t, &done, samples...) == nil {
			t.Fatal("no error")
		}
	}
	for range 2 {
		if err := s.metrics(t, &done, samples...); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := s.values(0, 1, 2), "c@0=1 c@1=4 d@0=2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s.wantCounts(t, map[string]int{"datadog_metrics delivered": 3, "datadog_metrics retried": 9})
}

func TestHistogram(t *testing.T) {
	s := newSink(t, nil)
	h := series("lat", metric.Histogram, metric.Label{Name: "k", Value: "v"})
	dist := func(sec int, counts []uint64, count uint64, sum float64) metric.Sample {
		return metric.Sample{Series: h, UnixNano: at(sec), Dist: &metric.Distribution{
			Count: count, Sum: sum, Bounds: []float64{0.5, 1}, Counts: counts,
		}}
	}
	for _, sample := range []metric.Sample{dist(0, []uint64{1, 2}, 3, 4), dist(10, []uint64{2, 5}, 8, 6.5)} {
		if err := s.metrics(t, nil, sample); err != nil {
			t.Fatal(err)
		}
	}
	want := "lat.count[k:v]@10=5 lat.sum[k:v]@10=2.5 lat.bucket[k:v upper_bound:0.5]@10=1 " +
		"lat.bucket[k:v upper_bound:1]@10=3 lat.bucket[k:v upper_bound:inf]@10=5"
	if got := s.values(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s.wantCounts(t, map[string]int{"datadog_metrics delivered": 1, "datadog_metrics adjusted first_sight": 1})
}

func TestSummary(t *testing.T) {
	s := newSink(t, nil)
	q := series("rpc", metric.Summary)
	for sec, n := range []uint64{10, 15} {
		sample := metric.Sample{Series: q, UnixNano: at(sec), Dist: &metric.Distribution{
			Count: n, Sum: float64(n) * 2, Bounds: []float64{0.5, 0.99}, Values: []float64{1.5, math.NaN()},
		}}
		if err := s.metrics(t, nil, sample); err != nil {
			t.Fatal(err)
		}
	}
	want := "rpc.quantile[quantile:0.5]@0=1.5 rpc.count@1=5 rpc.sum@1=10 rpc.quantile[quantile:0.5]@1=1.5"
	if got := s.values(); got != want {
		t.Errorf("got %s, want %s", got, want)
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
	s.wantCounts(t, map[string]int{"datadog_metrics delivered": 198, "datadog_metrics dropped rejected": 2})
}

func TestMetricsDryRun(t *testing.T) {
	s := newSink(t, func(c *ddsink.Config) { c.DryRun = true })
	if err := s.metrics(t, nil, gauge(series("g", metric.Gauge), 0, 1)); err != nil {
		t.Fatal(err)
	}
	if len(s.intake.got()) != 0 || !strings.Contains(s.log.String(), "endpoint=series") {
		t.Errorf("log = %s", s.log)
	}
	s.wantCounts(t, map[string]int{"datadog_metrics dropped dry_run": 1})
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
