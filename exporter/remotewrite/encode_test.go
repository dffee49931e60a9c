package remotewrite_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/snappy"
	writev2 "github.com/prometheus/client_golang/exp/api/remote/genproto/v2"

	"out_edge/exporter/remotewrite"
	"out_edge/plugin/metric"
)

// encodeBoth encodes samples in both versions.
func encodeBoth(samples []metric.Sample) (v1, v2 []byte) {
	e := remotewrite.NewEncoding(remotewrite.Config{}, samples)
	return slices.Clone(e.Encode(false)), slices.Clone(e.Encode(true))
}

func texts(all []series) (out []string) {
	for _, s := range all {
		out = append(out, s.String())
	}
	return out
}

func TestEncode(t *testing.T) {
	s := &metric.Series{Name: "edge_x_bytes_total", Kind: metric.Counter, Help: "Help.", Labels: []metric.Label{{Name: "a", Value: "ü"}, {Name: "b", Value: "a"}}}
	samples := []metric.Sample{
		{Series: s, UnixNano: -1, Value: 1}, {Series: s, UnixNano: 0, Value: math.Copysign(0, -1)},
		{Series: s, UnixNano: 1e18, Value: math.MaxFloat64}, {Series: gauge("up"), UnixNano: 5e6, Value: math.Inf(-1)}}
	want := []string{
		`{__name__="edge_x_bytes_total",a="ü",b="a"} 1@-1 -0@0 1.7976931348623157e+308@1000000000000`,
		`{__name__="up"} -Inf@5`}
	v1, v2 := encodeBoth(samples)
	wantLines(t, texts(decode1(t, v1)), want...)
	wantLines(t, texts(decode2(t, v2)), want...)
	if meta := decode2(t, v2)[0].meta; meta != "1 Help. bytes" {
		t.Errorf("metadata %q", meta)
	}
	var req writev2.Request
	if err := req.UnmarshalVT(v2); err != nil {
		t.Fatal(err)
	}
	official, err := req.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	if len(official) > len(v2) {
		t.Errorf("%d bytes, the official encoder takes %d", len(v2), len(official))
	}
	if slices.Sort(req.Symbols); len(slices.Compact(req.Symbols)) != len(req.Symbols) {
		t.Errorf("a symbol stands twice: %q", req.Symbols)
	}
	if got := decode1(t, v2); len(got) != 0 {
		t.Errorf("read as version 1, version 2 holds %v", got)
	}
}

func TestCompress(t *testing.T) {
	for _, size := range []int{0, 1, 1 << 16, 1<<16 + 1, 300_000} {
		body := bytes.Repeat([]byte("edge_"), size/5+1)[:size]
		for _, c := range []remotewrite.Compression{remotewrite.Snappy, remotewrite.Stored} {
			raw, err := snappy.Decode(nil, remotewrite.Compress(c, body))
			if err != nil || !bytes.Equal(raw, body) {
				t.Errorf("compression %d of %d bytes: %v", c, size, err)
			}
		}
	}
}

// FuzzEncode holds both versions to decoders that are not ours.
func FuzzEncode(f *testing.F) {
	f.Add("edge_cpu_usage_ratio", "mode", "user", "Help.", int64(1795240800123456789), uint64(0x4035800000000000), uint8(0), uint8(3))
	f.Add("1é\xff", "__name__", "", "", int64(-1), uint64(0x7ff0000000000002), uint8(3), uint8(200))
	f.Add(strings.Repeat("n", 300), "le", strings.Repeat("v", 200), "h", int64(math.MinInt64), uint64(1), uint8(4), uint8(0))
	f.Fuzz(func(t *testing.T, name, label, value, help string, nano int64, bits uint64, kind, n uint8) {
		s := &metric.Series{Name: name, Help: help, Kind: metric.Kind(kind % 5), Labels: []metric.Label{{Name: label, Value: value}, {Name: "zz", Value: name}}}
		other := gauge("other", metric.Label{Name: value, Value: label})
		var samples []metric.Sample
		for i := range n {
			v := math.Float64frombits(bits + uint64(i))
			d := &metric.Distribution{Count: bits, Sum: v, Bounds: []float64{1, 2.5}, Counts: []uint64{1, bits}, Values: []float64{v, -v}}
			samples = append(samples, metric.Sample{Series: s, UnixNano: nano + int64(i)*1e6, Value: v, Dist: d},
				metric.Sample{Series: other, UnixNano: int64(i), Value: v})
		}
		v1, v2 := encodeBoth(samples)
		a, b := decode1(t, v1), decode2(t, v2)
		if fmt.Sprint(texts(a)) != fmt.Sprint(texts(b)) {
			t.Fatalf("version 1 %v\nversion 2 %v", a, b)
		}
		seen := map[string]bool{}
		for _, s := range a {
			checkSeries(t, s)
			if seen[s.labels] {
				t.Errorf("%s stands twice", s.labels)
			}
			seen[s.labels] = true
		}
		for _, c := range []remotewrite.Compression{remotewrite.Snappy, remotewrite.Stored} {
			raw, err := snappy.Decode(nil, remotewrite.Compress(c, v1))
			if err != nil || !bytes.Equal(raw, v1) {
				t.Errorf("compression %d: %v", c, err)
			}
		}
	})
}

// checkSeries holds a series to what every receiver wants.
func checkSeries(t *testing.T, s series) {
	t.Helper()
	if !strings.Contains(s.labels, `__name__="`) || strings.Contains(s.labels, `=""`) && !strings.Contains(s.labels, `\"`) {
		t.Errorf("labels %s", s.labels)
	}
	last := int64(math.MinInt64)
	for i, p := range s.points {
		if i > 0 && p.ms <= last {
			t.Errorf("%s: %d after %d", s.labels, p.ms, last)
		}
		last = p.ms
		if math.Float64bits(p.value) == 0x7ff0000000000002 {
			t.Errorf("%s: a value is a staleness marker", s.labels)
		}
	}
}
