package textformat_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"out_edge/exporter/textformat"
	"out_edge/plugin/metric"
)

// one is a series as expfmt and as textformat are given it.
type one struct {
	name, help string
	kind       metric.Kind
	labels     []metric.Label
	value      float64
	dist       *metric.Distribution
	exemplars  metric.Exemplars
}

// text is what textformat makes.
func (o *one) text(f textformat.Format) string {
	line := textformat.Line{Name: o.name, Labels: string(textformat.AppendLabels(nil, o.labels))}
	head := textformat.NewHead(o.name, o.help, o.kind)
	dst := f.AppendHead(nil, &head)
	if o.kind.IsDistribution() {
		dst = f.AppendDistribution(dst, line, o.kind, o.dist, &o.exemplars)
	} else {
		dst = f.AppendValue(dst, line, o.kind, o.value, &o.exemplars)
	}
	return string(f.AppendEnd(dst))
}

// reference is what expfmt makes.
func (o *one) reference(t *testing.T, f textformat.Format) string {
	t.Helper()
	family := &dto.MetricFamily{Name: &o.name, Help: &o.help, Metric: []*dto.Metric{o.metric()},
		Type: [...]dto.MetricType{dto.MetricType_GAUGE, dto.MetricType_COUNTER, dto.MetricType_UNTYPED, dto.MetricType_HISTOGRAM, dto.MetricType_SUMMARY}[o.kind].Enum()}
	format := [...]expfmt.Format{expfmt.FmtText, expfmt.FmtOpenMetrics_1_0_0}[f]
	var b strings.Builder
	enc := expfmt.NewEncoder(&b, format)
	if err := enc.Encode(family); err != nil {
		t.Fatal(err)
	}
	if err := enc.(expfmt.Closer).Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func (o *one) metric() *dto.Metric {
	m := &dto.Metric{Label: pairs(o.labels)}
	switch o.kind {
	case metric.Gauge:
		m.Gauge = &dto.Gauge{Value: &o.value}
	case metric.Counter:
		m.Counter = &dto.Counter{Value: &o.value, Exemplar: exemplar(o.exemplars.In(math.Inf(-1), math.Inf(1)))}
	case metric.Histogram:
		m.Histogram = o.histogram()
	case metric.Summary:
		m.Summary = &dto.Summary{SampleCount: &o.dist.Count, SampleSum: &o.dist.Sum}
		for i := range o.dist.Bounds {
			m.Summary.Quantile = append(m.Summary.Quantile, &dto.Quantile{Quantile: &o.dist.Bounds[i], Value: &o.dist.Values[i]})
		}
	default:
		m.Untyped = &dto.Untyped{Value: &o.value}
	}
	return m
}

func (o *one) histogram() *dto.Histogram {
	h := &dto.Histogram{SampleCount: &o.dist.Count, SampleSum: &o.dist.Sum}
	if o.dist.NoSum {
		h.SampleSum = proto.Float64(math.NaN())
	}
	low := math.Inf(-1)
	for i, bound := range append(slices.Clone(o.dist.Bounds), math.Inf(1)) {
		count := o.dist.Count
		if i < len(o.dist.Bounds) {
			count = o.dist.Counts[i]
		}
		if i == 0 || bound > low {
			h.Bucket = append(h.Bucket, &dto.Bucket{UpperBound: &bound, CumulativeCount: &count, Exemplar: exemplar(o.exemplars.In(low, bound))})
		}
		low = bound
	}
	return h
}

func pairs(labels []metric.Label) (all []*dto.LabelPair) {
	for i := range labels {
		all = append(all, &dto.LabelPair{Name: &labels[i].Name, Value: &labels[i].Value})
	}
	return all
}

func exemplar(e *metric.Exemplar) *dto.Exemplar {
	if e == nil {
		return nil
	}
	x := &dto.Exemplar{Label: pairs(e.Labels), Value: &e.Value}
	if e.UnixNano > 0 {
		x.Timestamp = timestamppb.New(time.Unix(0, e.UnixNano))
	}
	return x
}

// numbers are those that formats write in ways of their own, and neighbours of the limits
// of what is fast.
var numbers = []float64{0, math.Copysign(0, -1), 1, -1, 10, 0.1, 1.5, 1e-5, 1e-4, 999999, 1e6, 1000001, -999999, -1e6, 1234567, 1e20, 1e21, 1e22,
	1<<53 - 1, 1 << 53, 1<<53 + 2, -(1<<53 - 1), -(1 << 53), 1 << 62, 1 << 63, -(1 << 63), 1 << 64, 9007199254740990, 100000000000000,
	math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64, math.SmallestNonzeroFloat64, 1792300000.123, 1792300000}

var words = []string{"a", "", "eth0", `back\slash`, "two\nlines", `"quoted"`, `\n`, "ü€😀", "a,b}", strings.Repeat("long ", 40), `\`, "\n", `"`}

func pick[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

func number(r *rand.Rand) float64 {
	switch r.IntN(4) {
	case 0:
		return pick(r, numbers)
	case 1:
		return float64(r.Int64N(1 << (1 + r.IntN(62))))
	case 2:
		return math.Float64frombits(r.Uint64())
	default:
		return math.Round(r.NormFloat64()*1e6) / pick(r, []float64{1, 10, 100, 1e3, 1e6})
	}
}

func random(r *rand.Rand) *one {
	o := &one{name: pick(r, []string{"x", "x_total", "_total", "a:b_bytes", "x_total_total", "hist_bucket"}), help: pick(r, words),
		kind: metric.Kind(r.IntN(5)), value: number(r)}
	for _, name := range []string{"device", "le2", "q", "zone"}[:r.IntN(5)] {
		o.labels = append(o.labels, metric.Label{Name: name, Value: pick(r, words)})
	}
	o.dist = &metric.Distribution{Count: r.Uint64() >> r.IntN(64), Sum: number(r), NoSum: r.IntN(5) == 0}
	for range r.IntN(5) {
		if b := number(r); !math.IsNaN(b) {
			o.dist.Bounds = append(o.dist.Bounds, b)
		}
	}
	slices.Sort(o.dist.Bounds)
	o.dist.Bounds = slices.Compact(o.dist.Bounds)
	for range o.dist.Bounds {
		o.dist.Counts = append(o.dist.Counts, r.Uint64()>>r.IntN(64))
		o.dist.Values = append(o.dist.Values, number(r))
	}
	for range r.IntN(4) {
		e := metric.Exemplar{Value: number(r), UnixNano: r.Int64N(1<<62) * r.Int64N(2)}
		for _, name := range []string{"trace_id", "span:id", "with.dot", "1st", ""}[:r.IntN(6)] {
			e.Labels = append(e.Labels, metric.Label{Name: name, Value: pick(r, words)})
		}
		o.exemplars = append(o.exemplars, e)
	}
	return o
}

func compare(t *testing.T, o *one) {
	t.Helper()
	for f := range textformat.Format(textformat.NumFormats) {
		if got, want := o.text(f), o.reference(t, f); got != want {
			t.Fatalf("format %d, got\n%s\nwant\n%s", f, got, want)
		}
	}
}

// Each series is written as expfmt writes it.
func TestTextIsThatOfExpfmt(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		compare(t, random(r))
	}
	for _, v := range numbers {
		compare(t, &one{name: "x", kind: metric.Gauge, value: v, dist: new(metric.Distribution)})
	}
}

// FuzzText compares random series of a seed, with a value and a text that the fuzzer
// chooses.
func FuzzText(f *testing.F) {
	for i, v := range numbers {
		f.Add(uint64(i), v, pick(rand.New(rand.NewPCG(uint64(i), 0)), words))
	}
	f.Fuzz(func(t *testing.T, seed uint64, v float64, text string) {
		o := random(rand.New(rand.NewPCG(seed, 0)))
		o.value, o.dist.Sum = v, v
		if text = strings.ToValidUTF8(text, "\uFFFD"); len(o.labels) > 0 {
			o.labels[0].Value = text
		} else {
			o.help = text
		}
		compare(t, o)
	})
}

// The order is that of client_golang, and whole: no two series that differ are equal.
func TestOrder(t *testing.T) {
	l := func(pairs ...string) (all []metric.Label) {
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, metric.Label{Name: pairs[i], Value: pairs[i+1]})
		}
		return all
	}
	ordered := [][]metric.Label{l(), l("z", "1"), l("a", "2"), l("a", "1", "b", "1"), l("a", "1", "c", "1"), l("a", "1", "b", "2"), l("a", "2", "b", "0")}
	for i, a := range ordered {
		for k, b := range ordered {
			if got := textformat.Compare(a, b); (got < 0) != (i < k) || (got > 0) != (i > k) {
				t.Errorf("%v, %v: %d", a, b, got)
			}
		}
	}
}

func TestMergeSortsAndKeepsTheFirstHelp(t *testing.T) {
	series := func(value string) textformat.Series {
		return textformat.Series{Labels: []metric.Label{{Name: "output", Value: value}}, Text: []byte(value)}
	}
	family := func(name, help string, series ...textformat.Series) textformat.Family {
		return textformat.Family{Head: textformat.NewHead(name, help, metric.Gauge), Series: series}
	}
	got := textformat.Merge([]textformat.Family{family("b", "first", series("1"), series("3")), family("a", ""), family("b", "second", series("2"))})
	var texts []string
	for _, f := range got {
		texts = append(texts, f.Name+f.Help)
		for _, s := range f.Series {
			texts = append(texts, string(s.Text))
		}
	}
	if want := []string{"a", "bfirst", "1", "2", "3"}; !slices.Equal(texts, want) {
		t.Errorf("got %q, want %q", texts, want)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	dst := make([]byte, 0, 1<<16)
	for range 100 {
		o := random(r)
		line := textformat.Line{Name: o.name, Labels: string(textformat.AppendLabels(nil, o.labels))}
		if n := testing.AllocsPerRun(3, func() {
			for f := range textformat.Format(textformat.NumFormats) {
				b := f.AppendValue(dst[:0], line, metric.Gauge, o.value, nil)
				f.AppendDistribution(b, line, metric.Histogram, o.dist, &o.exemplars)
			}
		}); n != 0 {
			t.Fatalf("%v allocations for %+v", n, o)
		}
	}
}
