package rules_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"out_edge/exporter/rules"
	"out_edge/plugin/metric"
)

// nativeEngine makes a native histogram alone.
func nativeEngine(tb testing.TB, factor float64, limit int) *rules.Engine {
	tb.Helper()
	return parse(tb, fmt.Sprintf("metrics: [{name: h, type: histogram, help: Help., value_field: v, native: {bucket_factor: %v, max_buckets: %d}}]", factor, limit)).
		Engine(rules.EngineConfig{})
}

// observeValue gives one value to the engine's one histogram.
func observeValue(tb testing.TB, e *rules.Engine, v float64) *metric.Distribution {
	tb.Helper()
	got := e.Observe(nil, "t", rec(tb, fields{"v": v}), 1)
	if len(got) != 1 {
		tb.Fatalf("%v makes %d samples", v, len(got))
	}
	return got[0].Dist
}

// reference is client_golang's histogram.
func reference(factor float64, limit int) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", Help: "Help.",
		NativeHistogramBucketFactor: factor, NativeHistogramMaxBucketNumber: uint32(limit)})
}

func showReference(tb testing.TB, h prometheus.Histogram) string {
	tb.Helper()
	var m dto.Metric
	if err := h.Write(&m); err != nil {
		tb.Fatal(err)
	}
	d := m.Histogram
	return fmt.Sprintf("%d sum %v schema %d zero %v %d +%v -%v", d.GetSampleCount(), d.GetSampleSum(), d.GetSchema(), d.GetZeroThreshold(), d.GetZeroCount(),
		unpack(d.PositiveSpan, d.PositiveDelta), unpack(d.NegativeSpan, d.NegativeDelta))
}

// unpack gives the buckets that are not empty, as index:count.
func unpack(spans []*dto.BucketSpan, deltas []int64) []string {
	var all []string
	var index int32
	var count int64
	for _, s := range spans {
		index += s.GetOffset()
		for range s.GetLength() {
			if count += deltas[0]; count != 0 {
				all = append(all, fmt.Sprintf("%d:%d", index, count))
			}
			deltas = deltas[1:]
			index++
		}
	}
	return all
}

func showNative(d *metric.Distribution) string {
	n := d.Native
	return fmt.Sprintf("%d sum %v schema %d zero %v %d +%v -%v", d.Count, d.Sum, n.Schema, n.ZeroThreshold, n.ZeroCount, bucketsOf(n.Positive), bucketsOf(n.Negative))
}

func bucketsOf(b metric.NativeBuckets) []string {
	var all []string
	for i, index := range b.Indices {
		all = append(all, fmt.Sprintf("%d:%d", index, b.Counts[i]))
	}
	return all
}

// edges are values at which buckets begin and end.
func edges() []float64 {
	all := []float64{0, 0x1p-128, math.Nextafter(0x1p-128, 1), math.SmallestNonzeroFloat64, 0x1p-1022, math.MaxFloat64 / 2, 1.1, 3, 1e-9, 1e9, 1e100}
	for i := range 1024 {
		v := math.Exp2(float64(i)/256 - 2)
		all = append(all, math.Nextafter(v, 0), v, math.Nextafter(v, 9))
	}
	for _, v := range slices.Clone(all[1:]) {
		all = append(all, -v)
	}
	return all
}

// TestNativeBuckets holds the index of each value to client_golang's, in every
// schema.
func TestNativeBuckets(t *testing.T) {
	for want, factor := range map[int8]float64{8: 1.001, 7: 1.006, 6: 1.011, 5: 1.022, 4: 1.05, 3: 1.1, 2: 1.2, 1: math.Sqrt2, 0: 2, -1: 4, -2: 16, -3: 256, -4: 65536} {
		t.Run(fmt.Sprint("schema ", want), func(t *testing.T) {
			for _, v := range edges() {
				d := observeValue(t, nativeEngine(t, factor, 160), v)
				h := reference(factor, 160)
				h.Observe(v)
				if got, ref := showNative(d), showReference(t, h); got != ref || d.Native.Schema != want {
					t.Fatalf("%v\n got %s\nwant %s", v, got, ref)
				}
			}
		})
	}
}

func TestNativeInfinity(t *testing.T) {
	var refused refusals
	e := parse(t, "metrics: [{name: h, type: histogram, help: Help., value_field: v, native: {}}]").Engine(rules.EngineConfig{Refused: refused.add})
	for _, v := range []float64{math.Inf(1), math.Inf(-1), math.NaN()} {
		if got := e.Observe(nil, "t", rec(t, fields{"v": v}), 1); len(got) != 0 {
			t.Errorf("%v makes %s", v, showNative(got[0].Dist))
		}
	}
	if got := refused.take(); got != "h not_finite:3" {
		t.Error(got)
	}
	before := showNative(observeValue(t, e, math.MaxFloat64))
	if got := e.Observe(nil, "t", rec(t, fields{"v": math.MaxFloat64}), 1); len(got) != 0 { // the sum
		t.Errorf("%s after %s", showNative(got[0].Dist), before)
	}
}

// TestNativeMaxBuckets: the limit holds after each value, and the buckets are
// those of client_golang once that has come to rest: it widens once a value.
func TestNativeMaxBuckets(t *testing.T) {
	for _, c := range []struct {
		name   string
		factor float64
		limit  int
		spread float64 // of the exponent
		schema int8    // at the end
	}{
		{"all fit", 1.1, 160, 4, 3},
		{"one step", 1.1, 40, 4, 2},
		{"many steps", 1.001, 20, 8, 0},
		{"wide", 1.1, 8, 100, -4},
	} {
		t.Run(c.name, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(1, 2))
			e, h := nativeEngine(t, c.factor, c.limit), reference(c.factor, c.limit)
			var d *metric.Distribution
			for i := range 3000 {
				v := math.Exp2((rnd.Float64() - 0.5) * c.spread)
				if i%3 == 0 {
					v = -v
				}
				if i >= 2980 {
					v = 0
				}
				d = observeValue(t, e, v)
				h.Observe(v)
				if n := len(d.Native.Positive.Indices) + len(d.Native.Negative.Indices); n > c.limit && d.Native.Schema > -4 {
					t.Fatalf("%d buckets after %v", n, v)
				}
			}
			if got, want := showNative(d), showReference(t, h); got != want || d.Native.Schema != c.schema {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
		})
	}
}

// TestNativeSnapshots: what was handed out stays as it was, when buckets are
// added, counted up and widened.
func TestNativeSnapshots(t *testing.T) {
	e := nativeEngine(t, 1.1, 8)
	var dists []*metric.Distribution
	var before []string
	for _, v := range []float64{1, 1, -3, 0, 2, 0.01, 7, 1, 9, 100, 1000, -3, -70, 40, 60, 1e6} {
		d := observeValue(t, e, v)
		dists, before = append(dists, d), append(before, showNative(d))
	}
	for i, d := range dists {
		if got := showNative(d); got != before[i] {
			t.Errorf("%s became %s", before[i], got)
		}
	}
	if first, last := dists[0].Native.Schema, dists[len(dists)-1].Native.Schema; first != 3 || last >= first {
		t.Errorf("schema %d, then %d", first, last)
	}
}

func TestNativeBesideClassic(t *testing.T) {
	e := parse(t, "metrics: [{name: h, type: histogram, help: Help., value_field: v, buckets: [0.1, 1], native: {}}]").Engine(rules.EngineConfig{})
	observeValue(t, e, 0.5)
	got := e.Observe(nil, "t", rec(t, fields{"v": 0.05}), 1)
	if text := show(&got[0]) + "; " + showNative(got[0].Dist); text != "h [1 2] of [0.1 1], 2, sum 0.55; 2 sum 0.55 schema 3 zero 2.938735877055719e-39 0 +[-34:1 -8:1] -[]" {
		t.Error(text)
	}
}

func BenchmarkObserveNative(b *testing.B) {
	for _, limit := range []int{40, 160} {
		b.Run(fmt.Sprint(limit, " buckets"), func(b *testing.B) {
			e := nativeEngine(b, 1.1, limit)
			for i := range limit {
				observeValue(b, e, math.Exp2((float64(i)+0.5)/8))
			}
			r := rec(b, fields{"v": 1.5})
			var dst []metric.Sample
			b.ReportAllocs()
			for b.Loop() {
				if dst = e.Observe(dst[:0], "t", r, 1); len(dst[0].Dist.Native.Positive.Indices) != limit {
					b.Fatal("other buckets")
				}
			}
		})
	}
}
