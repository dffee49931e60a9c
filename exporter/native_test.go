package exporter_test

import (
	"math"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"google.golang.org/protobuf/proto"

	"out_edge/exporter"
	"out_edge/exporter/rules"
	"out_edge/plugin/chunk"
	"out_edge/plugin/metric"
)

// scrapeProtobuf gets a histogram in the protobuf format.
func scrapeProtobuf(t *testing.T, m *exporter.Instance, name string) *dto.Histogram {
	t.Helper()
	resp, body := fetch(t, m, "/metrics?name[]="+name, "Accept", string(expfmt.NewFormat(expfmt.TypeProtoDelim)))
	var family dto.MetricFamily
	if err := expfmt.NewDecoder(strings.NewReader(body), expfmt.ResponseFormat(resp.Header)).Decode(&family); err != nil {
		t.Fatal(err)
	}
	if family.GetName() != name || len(family.Metric) != 1 || family.Metric[0].Histogram == nil {
		t.Fatalf("%v", &family)
	}
	return family.Metric[0].Histogram
}

// TestNativeHistogram scrapes what a rule makes, and what client_golang makes of
// the same values.
func TestNativeHistogram(t *testing.T) {
	values := []float64{0, 1, 1, 1.05, 1.2, 1.5, 2, 100, 0.003, 1e-50, -1, -1.1, -40, 1e9}
	for _, c := range []struct {
		name, rule string
		bounds     []float64
		text       string
	}{
		{"alone", "native: {}", nil, "h_bucket{le=\"+Inf\"} 14\nh_sum S\nh_count 14\n"},
		{"beside classic buckets", "native: {}, buckets: [1, 10]", []float64{1, 10},
			"h_bucket{le=\"1\"} 8\nh_bucket{le=\"10\"} 12\nh_bucket{le=\"+Inf\"} 14\nh_sum S\nh_count 14\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file, err := rules.Parse("rules.yaml", []byte("metrics: [{name: h, type: histogram, help: Help., value_field: v, "+c.rule+"}]"))
			if err != nil {
				t.Fatal(err)
			}
			engine := file.Engine(rules.EngineConfig{})
			m := open(t, quietExporter(newClock()), loopback())
			ref := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", Help: "Help.", Buckets: c.bounds, NativeHistogramBucketFactor: 1.1})
			for _, v := range values {
				apply(m, observeRule(t, engine, v))
				ref.Observe(v)
			}
			var want dto.Metric
			if err := ref.Write(&want); err != nil {
				t.Fatal(err)
			}
			want.Histogram.CreatedTimestamp = nil
			if got := scrapeProtobuf(t, m, "h"); !proto.Equal(got, want.Histogram) {
				t.Errorf("\n got %v\nwant %v", got, want.Histogram)
			}
			_, body := fetch(t, m, "/metrics?name[]=h")
			if _, lines, _ := strings.Cut(body, "# TYPE h histogram\n"); lines != strings.ReplaceAll(c.text, "S", "1.000000065653e+09") {
				t.Errorf("text\n%s", body)
			}
		})
	}
}

// observeRule gives the field v of a record to the rules.
func observeRule(t *testing.T, e *rules.Engine, v float64) []metric.Sample {
	t.Helper()
	var d chunk.Decoder
	d.Reset(payload(t, "v", v))
	if !d.Next() {
		t.Fatal("no record")
	}
	return e.Observe(nil, "t", d.Record(), start.UnixNano())
}

func TestNativeRefuses(t *testing.T) {
	good := func() *metric.Distribution {
		return &metric.Distribution{Count: 6, Native: &metric.Native{Schema: 3, ZeroThreshold: 1e-9, ZeroCount: 1,
			Positive: metric.NativeBuckets{Indices: []int32{-4, 7}, Counts: []uint64{1, 2}},
			Negative: metric.NativeBuckets{Indices: []int32{0}, Counts: []uint64{2}}}}
	}
	for name, spoil := range map[string]func(d *metric.Distribution, n *metric.Native){
		"schema too low":      func(_ *metric.Distribution, n *metric.Native) { n.Schema = -5 },
		"schema too high":     func(_ *metric.Distribution, n *metric.Native) { n.Schema = 9 },
		"no zero threshold":   func(_ *metric.Distribution, n *metric.Native) { n.ZeroThreshold = 0 },
		"zero threshold NaN":  func(_ *metric.Distribution, n *metric.Native) { n.ZeroThreshold = math.NaN() },
		"more zeros than all": func(_ *metric.Distribution, n *metric.Native) { n.ZeroCount = 7 },
		"fewer than all":      func(d *metric.Distribution, _ *metric.Native) { d.Count = 7 },
		"more than all":       func(d *metric.Distribution, _ *metric.Native) { d.Count = 5 },
		"counts that wrap":    func(_ *metric.Distribution, n *metric.Native) { n.Positive.Counts[1] = math.MaxUint64 },
		"a count missing":     func(_ *metric.Distribution, n *metric.Native) { n.Negative.Counts = nil },
		"indices fall":        func(_ *metric.Distribution, n *metric.Native) { n.Positive.Indices = []int32{7, -4} },
		"an index twice":      func(_ *metric.Distribution, n *metric.Native) { n.Positive.Indices[1] = -4 },
		"an index too low":    func(_ *metric.Distribution, n *metric.Native) { n.Positive.Indices[0] = math.MinInt32 },
		"an index too high":   func(_ *metric.Distribution, n *metric.Native) { n.Positive.Indices[1] = math.MaxInt32 },
	} {
		t.Run(name, func(t *testing.T) {
			m := open(t, quietExporter(newClock()), loopback())
			apply := func(name string, d *metric.Distribution) {
				apply(m, []metric.Sample{{Series: intern(metric.Series{Name: name, Kind: metric.Histogram}), Dist: d}})
			}
			bad := good()
			spoil(bad, bad.Native)
			apply("good", good())
			apply("bad", bad)
			wantLines(t, scrape(t, m, "good_count", "bad_count", `"malformed"`),
				`edge_dropped_records_total{reason="malformed",sink="prometheus"} 1`, "good_count 6")
		})
	}
}
