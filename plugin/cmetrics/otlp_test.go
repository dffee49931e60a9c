package cmetrics_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"out_edge/build/testkit"
	"out_edge/plugin/cmetrics"
	"out_edge/plugin/metric"
)

// otlpEvent is an event of a service as Fluent Bit's opentelemetry input makes it. The
// metrics' points have their metadata under points, by kind and name.
func otlpEvent(tb testing.TB, resource, points object, metrics ...any) []byte {
	tb.Helper()
	return marshal(tb, object{
		"meta": object{"cmetrics": object{"producer": "opentelemetry"}, "processing": object{"static_labels": list{}}, "external": object{
			"resource": object{"metadata": object{}, "attributes": resource},
			"scope":    object{"metadata": object{"name": "lib", "version": "1"}, "attributes": object{}},
			"otlp":     object{"metrics": points},
		}},
		"metrics": append(list{}, metrics...),
	})
}

// sum is a counter of OTLP's with one point.
func sum(name, unit string, aggregation int, labels list, point object) object {
	return metricOf(counter, labels, object{"opts": object{"ns": "", "ss": "", "name": name, "desc": "-", "unit": unit}, "aggregation_type": aggregation}, point)
}

const (
	delta      = 1
	cumulative = 2
)

func checkout(instance string) object {
	return object{"service.namespace": "shop", "service.name": "checkout", "service.instance.id": instance}
}

// line is a sample as PromQL writes it, without the scope's labels.
func line(s *metric.Sample) string {
	var labels []string
	for _, l := range s.Series.Labels {
		if !strings.HasPrefix(l.Name, "otel_scope_") {
			labels = append(labels, fmt.Sprintf("%s=%q", l.Name, l.Value))
		}
	}
	text := fmt.Sprintf("%s %s{%s}", s.Series.Kind, s.Series.Name, strings.Join(labels, ","))
	switch {
	case metric.IsStale(s.Value):
		return text + " stale"
	case s.Dist != nil:
		return fmt.Sprintf("%s %d %v %v %v", text, s.Dist.Count, s.Dist.Sum, s.Dist.Bounds, s.Dist.Counts)
	}
	return fmt.Sprintf("%s %v", text, s.Value)
}

// wantLines decodes a payload and compares its samples.
func wantLines(t *testing.T, in *cmetrics.Interner, payload []byte, want ...string) []metric.Sample {
	t.Helper()
	samples, err := cmetrics.Append(nil, payload, arrival, in)
	if err != nil {
		t.Error(err)
	}
	var got []string
	for i := range samples {
		got = append(got, line(&samples[i]))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	return samples
}

// Two tasks of one service are two series, and the resource is told once an event.
func TestResourceMakesJobInstanceAndTargetInfo(t *testing.T) {
	var in cmetrics.Interner
	with := checkout("i-1")
	with["host.name"], with["spot"], with["job"] = "task-7", true, "x"
	wantLines(t, &in, otlpEvent(t, with, nil, sum("http.requests", "{request}", cumulative, list{"http.route", "job"}, object{"ts": 5, "value": 3.0, "labels": list{"/a", "own"}})),
		`counter http_requests_total{http_route="/a",instance="i-1",job="shop/checkout"} 3`,
		`gauge target_info{host_name="task-7",instance="i-1",job="shop/checkout",spot="true"} 1`)
	wantLines(t, &in, otlpEvent(t, checkout("i-2"), nil, sum("http.requests", "{request}", cumulative, list{}, object{"ts": 5, "value": 4.0})),
		`counter http_requests_total{instance="i-2",job="shop/checkout"} 4`)
	wantLines(t, &in, otlpEvent(t, object{"host.name": "h"}, nil, sum("a", "", cumulative, list{}, object{"ts": 5, "value": 4.0})),
		`counter a_total{} 4`)
}

func TestNamesAndUnitsAreThoseOfPrometheus(t *testing.T) {
	for _, c := range []struct{ name, unit, want, plain string }{
		{"http.server.io", "By", "counter http_server_io_bytes_total", "counter http_server_io"},
		{"x.total", "s", "counter x_seconds_total", "counter x_total"},
		{"speed", "km/h", "counter speed_km_per_hour_total", "counter speed"},
		{"9lives", "{life}", "counter _9lives_total", "counter _9lives"},
		{"größe", "1", "counter gr_e_total", "counter gr_e"},
	} {
		payload := otlpEvent(t, object{}, nil, sum(c.name, c.unit, cumulative, list{}, object{"ts": 5, "value": 4.0}))
		wantLines(t, &cmetrics.Interner{}, payload, c.want+"{} 4")
		wantLines(t, &cmetrics.Interner{OTLP: cmetrics.OTLP{NoSuffixes: true}}, payload, c.plain+"{} 4")
	}
}

func TestPromotedAttributesFillGaps(t *testing.T) {
	in := cmetrics.Interner{OTLP: cmetrics.OTLP{Promote: []string{"service.version", "http.route"}, Bools: []string{"cached"}}}
	with := checkout("i-1")
	with["service.version"], with["http.route"] = "2", "never"
	wantLines(t, &in, otlpEvent(t, with, nil, sum("a", "", cumulative, list{"http.route", "cached", "n"}, object{"ts": 5, "value": 4.0, "labels": list{"/a", "1", "1"}})),
		`counter a_total{cached="true",http_route="/a",instance="i-1",job="shop/checkout",n="1",service_version="2"} 4`,
		`gauge target_info{http_route="never",instance="i-1",job="shop/checkout",service_version="2"} 1`)
	all := cmetrics.Interner{OTLP: cmetrics.OTLP{PromoteAll: true}}
	wantLines(t, &all, otlpEvent(t, checkout("i-1"), nil, sum("a", "", cumulative, list{}, object{"ts": 5, "value": 4.0})),
		`counter a_total{instance="i-1",job="shop/checkout",service_instance_id="i-1",service_name="checkout",service_namespace="shop"} 4`)
}

// Attributes whose names become the same are joined, in the order of their names.
func TestMergedAttributesAreJoined(t *testing.T) {
	wantLines(t, &cmetrics.Interner{}, otlpEvent(t, object{}, nil, sum("a", "", cumulative, list{"a_b", "a.b", "_c"}, object{"ts": 5, "value": 4.0, "labels": list{"2", "1", "3"}})),
		`counter a_total{a_b="1;2",key_c="3"} 4`)
}

// Fluent Bit does not say which sums may fall: the semantic conventions' are known, others
// are seen to, and the counter that they were taken for is ended.
func TestSumsThatFallAreGauges(t *testing.T) {
	in := cmetrics.Interner{OTLP: cmetrics.OTLP{UpDown: []string{"stock"}}}
	at := func(name string, ts, start int, value float64) []byte {
		return otlpEvent(t, object{}, nil, sum(name, "", cumulative, list{}, object{"ts": ts, "start_ts": start, "value": value}))
	}
	wantLines(t, &in, at("http.server.active_requests", 5, 1, 4), "gauge http_server_active_requests{} 4")
	wantLines(t, &in, at("stock", 5, 1, 4), "gauge stock{} 4")
	wantLines(t, &in, at("below", 5, 1, -4), "gauge below{} -4")
	wantLines(t, &in, at("level", 5, 1, 4), "counter level_total{} 4")
	wantLines(t, &in, at("level", 6, 6, 3), "counter level_total{} 3") // it began anew
	wantLines(t, &in, at("level", 5, 6, 2), "counter level_total{} 2") // late
	wantLines(t, &in, at("level", 7, 6, 1), "counter level_total{} stale", "gauge level{} 1")
	wantLines(t, &in, at("level", 8, 6, 5), "gauge level{} 5")
}

// What one Interner of an instance has seen to fall is no counter for the others.
func TestFallenSumsAreShared(t *testing.T) {
	both := cmetrics.OTLP{Fallen: new(cmetrics.Fallen)}
	one, other := cmetrics.Interner{OTLP: both}, cmetrics.Interner{OTLP: both}
	at := func(value float64) []byte {
		return otlpEvent(t, object{}, nil, sum("level", "", cumulative, list{}, object{"ts": 5, "start_ts": 1, "value": value}))
	}
	wantLines(t, &other, at(4), "counter level_total{} 4")
	wantLines(t, &one, at(-4), "gauge level{} -4")
	wantLines(t, &other, at(5), "counter level_total{} stale", "gauge level{} 5")
}

func TestDeltasOfOTLPAreAddedUp(t *testing.T) {
	var in cmetrics.Interner
	point := func(value float64) []byte {
		return otlpEvent(t, object{}, nil, sum("jobs", "1", delta, list{}, object{"ts": 5, "value": value}))
	}
	wantLines(t, &in, point(3), "counter jobs_total{} 3")
	if s := wantLines(t, &in, point(2), "counter jobs_total{} 5"); s[0].Delta != 2 || !s[0].Kept || s[0].Start != 0 {
		t.Errorf("%+v", s[0])
	}
	wantLines(t, &in, point(-1), "counter jobs_total{} stale", "gauge jobs{} -1")
	wantLines(t, &in, point(3), "gauge jobs{} 2")
}

// What cmetrics has no place for is found beside the metric: flags, a sum that is not
// there, exemplars, the start.
func TestPointMetadata(t *testing.T) {
	named := func(name string) object {
		return object{"opts": object{"ns": "", "ss": "", "name": name, "desc": "-", "unit": "s"}}
	}
	hist := named("h")
	hist["buckets"] = list{1.0}
	points := object{
		"histogram": object{"h": object{"datapoints": object{"0:7": object{"has_sum": false, "flags": 0}, "a:7": object{"flags": 1}}}},
		"counter": object{"c": object{"datapoints": object{"0:7": object{"start_time_unix_nano": 3, "exemplars": list{
			object{"time_unix_nano": 6, "as_int": 2, "trace_id": []byte{0x0a, 0xf7}, "span_id": []byte{1}, "filtered_attributes": object{"user.id": 5, "trace_id": "no"}},
			object{"time_unix_nano": 6, "span_id": []byte{1}},
		}}}}},
	}
	value := object{"buckets": list{1, 1}, "sum": 9.0, "count": 2}
	samples := wantLines(t, &cmetrics.Interner{}, otlpEvent(t, object{}, points,
		metricOf(counter, list{}, named("c"), object{"ts": 7, "value": 4.0, "hash": 0}),
		metricOf(histogram, list{"k"}, hist, object{"ts": 7, "histogram": value, "hash": 0}, object{"ts": 7, "histogram": value, "hash": 10, "labels": list{"v"}})),
		"counter c_seconds_total{} 4", "histogram h_seconds{} 2 0 [1] [1]", `histogram h_seconds{k="v"} stale`)
	if !samples[1].Dist.NoSum || samples[2].Dist != nil || samples[0].Start != 3 {
		t.Errorf("%+v", samples)
	}
	want := metric.Exemplars{{Labels: []metric.Label{{Name: "span_id", Value: "01"}, {Name: "trace_id", Value: "0af7"}, {Name: "user_id", Value: "5"}}, Value: 2, UnixNano: 6}}
	if e := samples[0].Exemplars; e == nil || fmt.Sprint(*e) != fmt.Sprint(want) {
		t.Errorf("exemplars %+v, want %+v", e, want)
	}
}

func exponential(scale, offset int, counts list, negative list, zero int) object {
	total := zero
	for _, n := range slices.Concat(counts, negative) {
		total += n.(int)
	}
	return object{"ts": 5, "exp_histogram": object{"scale": scale, "zero_count": zero, "zero_threshold": 0.0, "positive_offset": offset, "positive_buckets": counts,
		"negative_offset": 0, "negative_buckets": negative, "count": total, "sum_set": 1, "sum": uint64(4630826316843712512)}}
}

func TestExponentialHistograms(t *testing.T) {
	decode := func(in *cmetrics.Interner, aggregation int, point object) []metric.Sample {
		samples, err := cmetrics.Append(nil, otlpEvent(t, object{}, nil, metricOf(expHistogram, list{}, object{"aggregation_type": aggregation}, point)), arrival, in)
		if err != nil {
			t.Error(err)
		}
		return samples
	}
	for _, c := range []struct {
		name  string
		point object
		want  string
		wide  metric.Native
	}{
		{"whole", exponential(0, 1, list{1, 0, 2}, list{}, 0), "histogram name{} 3 40 [4 8 16] [1 1 3]",
			metric.Native{Schema: 0, Positive: metric.NativeBuckets{Indices: []int32{2, 4}, Counts: []uint64{1, 2}}}},
		{"both signs and zero", exponential(0, 0, list{1}, list{2, 1}, 4), "histogram name{} 8 40 [-2 -1 0 2] [1 3 7 8]",
			metric.Native{Schema: 0, ZeroCount: 4, Positive: metric.NativeBuckets{Indices: []int32{1}, Counts: []uint64{1}}, Negative: metric.NativeBuckets{Indices: []int32{1, 2}, Counts: []uint64{2, 1}}}},
		{"finer than Prometheus", exponential(10, 1022, list{1, 2, 4, 8}, list{}, 0), "histogram name{} 15 40 [2 2.005423] [3 15]",
			metric.Native{Schema: 8, Positive: metric.NativeBuckets{Indices: []int32{256, 257}, Counts: []uint64{3, 12}}}},
		{"empty", exponential(3, 0, list{}, list{}, 0), "histogram name{} 0 40 [0] [0]", metric.Native{Schema: 3}},
	} {
		s := decode(&cmetrics.Interner{OTLP: cmetrics.OTLP{NoSuffixes: true}}, cumulative, c.point)
		if len(s) != 1 {
			t.Fatalf("%s: %d samples", c.name, len(s))
		}
		for i, b := range s[0].Dist.Bounds {
			s[0].Dist.Bounds[i] = float64(int64(b*1e6+0.5*sign(b))) / 1e6
		}
		s[0].Series = &metric.Series{Name: "name", Kind: metric.Histogram}
		c.wide.ZeroThreshold = metric.NoZeroThreshold
		if got := line(&s[0]); got != c.want || fmt.Sprint(*s[0].Dist.Native) != fmt.Sprint(c.wide) {
			t.Errorf("%s: got %s %v, want %s %v", c.name, got, *s[0].Dist.Native, c.want, c.wide)
		}
	}
	var in cmetrics.Interner
	decode(&in, delta, exponential(1, 0, list{1, 1}, list{}, 0))
	s := decode(&in, delta, exponential(0, 0, list{3}, list{}, 1))
	want := metric.Native{Schema: 0, ZeroThreshold: metric.NoZeroThreshold, ZeroCount: 1, Positive: metric.NativeBuckets{Indices: []int32{1}, Counts: []uint64{5}}}
	if d := s[0].Dist; d.Count != 6 || d.Sum != 80 || !s[0].Kept || fmt.Sprint(*d.Native) != fmt.Sprint(want) {
		t.Errorf("deltas: %+v %+v", d, d.Native)
	}
	for name, point := range map[string]object{"too coarse": exponential(-5, 0, list{1}, list{}, 0), "no float64": exponential(0, 5000, list{1}, list{}, 0),
		"far away": exponential(20, 1<<31-3, list{1, 1, 1}, list{}, 0)} {
		payload := otlpEvent(t, object{}, nil, metricOf(expHistogram, list{}, nil, point))
		if samples, err := cmetrics.Append(nil, payload, arrival, &in); err == nil || len(samples) > 0 {
			t.Errorf("%s: %d samples, error %v", name, len(samples), err)
		}
	}
}

func sign(f float64) float64 {
	if f < 0 {
		return -1
	}
	return 1
}

// Of two metrics that would be one series the first is used, and the other named.
func TestMergedNamesAreRefused(t *testing.T) {
	var told []string
	in := cmetrics.Interner{OTLP: cmetrics.OTLP{Clash: func(used, refused string) { told = append(told, used+" "+refused) }}}
	for range 2 {
		wantLines(t, &in, otlpEvent(t, object{}, nil, sum("a.b", "s", cumulative, list{}, object{"ts": 5, "value": 4.0}), sum("a_b", "s", cumulative, list{}, object{"ts": 5, "value": 7.0})),
			"counter a_b_seconds_total{} 4")
	}
	if !slices.Equal(told, []string{"a.b (s) a_b (s)"}) || in.Clashed() != 2 {
		t.Errorf("told %q, %d samples", told, in.Clashed())
	}
	wantLines(t, &in, otlpEvent(t, checkout("i-1"), nil, sum("a_b", "s", cumulative, list{}, object{"ts": 5, "value": 7.0})),
		`counter a_b_seconds_total{instance="i-1",job="shop/checkout"} 7`)
}

// Datadog has host, service, env and version, and the newest of them.
func TestResourceAsDatadogHasIt(t *testing.T) {
	var in cmetrics.Interner
	with := checkout("i-1")
	with["host.name"], with["deployment.environment"], with["service.version"], with["container.id"], with["telemetry.sdk.name"] = "task-7", "prod", "1", "c1", "otel"
	payload := func() []byte {
		return otlpEvent(t, with, nil, sum("a", "", cumulative, list{}, object{"ts": 5, "value": 4.0}))
	}
	first, err := cmetrics.Append(nil, payload(), arrival, &in)
	if err != nil {
		t.Fatal(err)
	}
	with["service.version"] = "2"
	second, err := cmetrics.Append(nil, payload(), arrival, &in)
	if err != nil || first[0].Series != second[0].Series {
		t.Fatalf("another series, error %v", err)
	}
	want := `task-7 [{container_id c1} {env prod} {service checkout} {service.namespace shop} {version 2}]`
	if res := second[0].Series.Resource.Get(); res.Host+" "+fmt.Sprint(res.Tags) != want {
		t.Errorf("%+v", res)
	}
	if info := second[1].Series; !info.Info || info.Name != "target_info" {
		t.Errorf("%+v", info)
	}
}

// manyPoints is an event of n points in ten metrics, with metadata.
func manyPoints(tb testing.TB, n int) []byte {
	tb.Helper()
	const families = 10
	points, metrics := object{}, list{}
	for f := range families {
		name := fmt.Sprintf("http.server.requests.%d", f)
		noted, values := object{}, list{}
		for i := range n / families {
			hash, ts := 1_000_000+i, int64(1_764_771_798_000_000_000)
			noted[fmt.Sprintf("%x:%d", hash, ts)] = object{"start_time_unix_nano": 5, "flags": 0, "number_value_case": "int"}
			values = append(values, object{"ts": ts, "start_ts": 5, "value": 4.0, "hash": hash, "labels": list{fmt.Sprintf("/path/%d", i), "GET", "200"}})
		}
		points[name] = object{"datapoints": noted}
		metrics = append(metrics, metricOf(counter, list{"http.route", "http.request.method", "http.response.status_code"},
			object{"opts": object{"ns": "", "ss": "", "name": name, "desc": "-", "unit": "{request}"}, "aggregation_type": cumulative}, values...))
	}
	return otlpEvent(tb, checkout("i-1"), object{"counter": points}, metrics...)
}

// BenchmarkAppendOTLP decodes an event of 10,000 points whose series are known.
func BenchmarkAppendOTLP(b *testing.B) {
	const n = 10_000
	payload := manyPoints(b, n)
	in := cmetrics.Interner{Limit: 2 * n}
	dst, err := cmetrics.Append(nil, payload, arrival, &in)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if dst, err = cmetrics.Append(dst[:0], payload, arrival, &in); err != nil || len(dst) != n {
			b.Fatalf("%d samples, error %v", len(dst), err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/point")
}

// An event of 10,000 new points takes less than 16 MiB, with its series and samples.
func TestLargeEventTakesLittleMemory(t *testing.T) {
	const n = 10_000
	payload := manyPoints(t, n)
	before := testkit.Heap()
	in := cmetrics.Interner{Limit: 2 * n}
	samples, err := cmetrics.Append(nil, payload, arrival, &in)
	if err != nil || len(samples) != n {
		t.Fatalf("%d samples, error %v", len(samples), err)
	}
	grown := testkit.Heap() - before
	t.Logf("payload %d KiB, grown %d KiB", len(payload)>>10, grown>>10)
	if grown > 16<<20 {
		t.Errorf("%d bytes grown", grown)
	}
	runtime.KeepAlive(&in)
	runtime.KeepAlive(samples)
	testkit.CheckSamples(t, samples)
}

// A known event costs nothing but what it says anew.
func TestKnownOTLPEventAllocatesNothing(t *testing.T) {
	payload := manyPoints(t, 100)
	var in cmetrics.Interner
	dst, err := cmetrics.Append(nil, payload, arrival, &in)
	if err != nil {
		t.Fatal(err)
	}
	if allocs := testkit.Allocs(func() { dst, _ = cmetrics.Append(dst[:0], payload, arrival, &in) }); allocs > 40 {
		t.Errorf("%v allocations for 100 points in ten metrics", allocs)
	}
}
