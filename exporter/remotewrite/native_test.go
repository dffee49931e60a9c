package remotewrite_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	writev2 "github.com/prometheus/client_golang/exp/api/remote/genproto/v2"

	"out_edge/exporter/remotewrite"
	"out_edge/plugin/metric"
)

// exponential is a sample of an exponential histogram, with an exemplar.
func exponential(sec float64) metric.Sample {
	n := &metric.Native{Schema: 1, ZeroThreshold: metric.NoZeroThreshold, ZeroCount: 2,
		Positive: metric.NativeBuckets{Indices: []int32{-1, 0, 5}, Counts: []uint64{1, 3, 2}},
		Negative: metric.NativeBuckets{Indices: []int32{4}, Counts: []uint64{7}}}
	d := &metric.Distribution{Count: 15, Sum: 2.5, Native: n, Exponential: true}
	d.Bounds, d.Counts = n.Classic()
	s := at(&metric.Series{Name: "size", Kind: metric.Histogram}, sec, 0)
	s.Dist = d
	s.Exemplars = &metric.Exemplars{{Labels: []metric.Label{{Name: "trace_id", Value: "0af7"}}, Value: 5, UnixNano: s.UnixNano}}
	return s
}

func TestExponentialHistogramIsNative(t *testing.T) {
	e := remotewrite.NewEncoding(remotewrite.Config{}, []metric.Sample{exponential(1)})
	var req writev2.Request
	if err := req.UnmarshalVT(e.EncodeNative(true)); err != nil {
		t.Fatal(err)
	}
	if len(req.Timeseries) != 1 || len(req.Timeseries[0].Histograms) != 1 || len(req.Timeseries[0].Samples) != 0 {
		t.Fatalf("%+v", &req)
	}
	s := req.Timeseries[0]
	h := s.Histograms[0]
	got := fmt.Sprint(h.GetCountInt(), h.Sum, h.Schema, h.GetZeroCountInt(), h.ZeroThreshold, h.Timestamp)
	if want := fmt.Sprint(15, 2.5, 1, 2, 1e-128, ms(1)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var spans []string
	for _, span := range append(h.NegativeSpans, h.PositiveSpans...) {
		spans = append(spans, fmt.Sprint(span.Offset, "+", span.Length))
	}
	if got := fmt.Sprint(spans, h.NegativeDeltas, h.PositiveDeltas); got != "[4+1 -1+2 4+1] [7] [1 2 -1]" {
		t.Errorf("buckets %s", got)
	}
	x := s.Exemplars[0]
	if name, value := req.Symbols[x.LabelsRefs[0]], req.Symbols[x.LabelsRefs[1]]; name != "trace_id" || value != "0af7" || x.Value != 5 || x.Timestamp != ms(1) {
		t.Errorf("exemplar %+v", x)
	}
}

// Version 1 has no way to say that histograms were written: classic buckets go there,
// and each exemplar with its own.
func TestExponentialHistogramIsClassicInVersion1(t *testing.T) {
	k := newKit(t, func(c *remotewrite.Config) { c.Version = remotewrite.Version1 })
	k.mustSend(&flushed{samples: []metric.Sample{exponential(1)}})
	lines := strings.Join(k.in.lines(), "\n")
	for _, want := range []string{`{__name__="size_bucket",le="+Inf"} 15@`, `{__name__="size_count"} 15@`, `{__name__="size_bucket",le="0.0"} 9@`} {
		if !strings.Contains(lines, want) {
			t.Errorf("no %s in\n%s", want, lines)
		}
	}
}

// A receiver of version 2 that does not say that it has written histograms gets them
// with classic buckets, from the first one on; one that does, native.
func TestHistogramsThatAreNotWrittenGoClassic(t *testing.T) {
	for _, writes := range []bool{true, false} {
		k := newKit(t, func(c *remotewrite.Config) { c.Version = remotewrite.Version2 })
		k.in.set(func(r *receiver) {
			r.answer = func(_ int, req request, w http.ResponseWriter) bool {
				if n := nativeIn(t, req.raw); n > 0 && writes {
					w.Header().Set("X-Prometheus-Remote-Write-Histograms-Written", strconv.Itoa(n))
				}
				return false
			}
		})
		k.mustSend(&flushed{samples: []metric.Sample{exponential(1), at(gauge("up"), 1, 1)}})
		k.mustSend(&flushed{samples: []metric.Sample{exponential(2)}})
		native := 0
		for _, req := range k.in.got() {
			native += nativeIn(t, req.raw)
		}
		classic := strings.Count(strings.Join(k.in.lines(), "\n"), `{__name__="size_count"} 15@`)
		if writes && (native != 2 || classic != 0) || !writes && (native != 1 || classic != 1) {
			t.Errorf("writes %v: %d native, %d classic:\n%s", writes, native, classic, strings.Join(k.in.lines(), "\n"))
		}
		k.counts.want(t, "delivered 3")
	}
}

// nativeIn is how many native histograms a request of version 2 has.
func nativeIn(t *testing.T, raw []byte) (n int) {
	t.Helper()
	var req writev2.Request
	if err := req.UnmarshalVT(raw); err != nil {
		t.Fatal(err)
	}
	for _, s := range req.Timeseries {
		n += len(s.Histograms)
	}
	return n
}

// A histogram without a sum has none, and ends with a marker like a gauge.
func TestHistogramWithoutSumAndItsEnd(t *testing.T) {
	k := newKit(t, nil)
	h := &metric.Series{Name: "h", Kind: metric.Histogram}
	s := at(h, 1, 0)
	s.Dist = &metric.Distribution{Count: 3, NoSum: true, Bounds: []float64{1}, Counts: []uint64{2}}
	k.mustSend(&flushed{samples: []metric.Sample{s}})
	k.Expire(h)
	k.mustSend(&flushed{samples: []metric.Sample{at(gauge("up"), 2, 1)}})
	lines := strings.Join(stamped(k.in.lines()), "\n")
	if strings.Contains(lines, "h_sum") || strings.Count(lines, "stale") != 3 {
		t.Error(lines)
	}
}
