package cmetrics_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"out_edge/build/testkit"
	"out_edge/plugin/chunk"
	"out_edge/plugin/cmetrics"
	"out_edge/plugin/metric"
)

type (
	object = map[string]any
	list   = []any
	pairs  = testkit.Pairs
)

// event makes a metrics event as cmetrics does.
func event(tb testing.TB, static list, metrics ...any) []byte {
	tb.Helper()
	return marshal(tb, object{
		"meta":    object{"cmetrics": object{}, "external": object{}, "processing": object{"static_labels": static}},
		"metrics": append(list{}, metrics...),
	})
}

func marshal(tb testing.TB, v any) []byte {
	tb.Helper()
	var buf bytes.Buffer
	enc := msgpack.NewEncoder(&buf)
	enc.UseCompactInts(true)
	enc.SetSortMapKeys(true)
	if err := enc.Encode(v); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

// The types of cmetrics.
const (
	counter = iota
	gauge
	histogram
	summary
	untyped
	expHistogram
)

// metricOf makes one metric; meta is added to what each has.
func metricOf(kind int, labels list, meta object, values ...any) object {
	m := object{
		"ver": 2, "type": kind, "labels": labels,
		"opts": object{"ns": "ns", "ss": "ss", "name": "name", "desc": "help text", "unit": ""},
	}
	for k, v := range meta {
		m[k] = v
	}
	return object{"meta": m, "values": append(list{}, values...)}
}

func named(ns, ss, name string) object {
	return object{"opts": object{"ns": ns, "ss": ss, "name": name, "desc": "-", "unit": ""}}
}

// good is a log record.
const good = "92 07 81a16da178"

// arrival is what the tests' payloads arrive at.
const arrival = 1_764_771_800_000_000_000

// TestGoldenEvents lists the samples of the captured metrics events.
func TestGoldenEvents(t *testing.T) {
	var out strings.Builder
	var in cmetrics.Interner
	for _, c := range testkit.Payloads(t, "*") {
		if chunk.Detect(c.Payload) != chunk.Metrics {
			continue
		}
		samples, err := cmetrics.Append(nil, c.Payload, arrival, &in)
		fmt.Fprintf(&out, "%s: %d samples, error %v\n", c, len(samples), err)
		testkit.CheckSamples(t, samples)
		if strings.HasSuffix(c.Name, ".2") {
			continue // the same series a little later
		}
		for _, s := range samples {
			fmt.Fprintf(&out, "  %s (%s, %q, %q)\n", testkit.RenderSample(s), s.Series.DatadogName, s.Series.Unit, s.Series.Help)
		}
	}
	testkit.Golden(t, "metrics.txt", out.String())
}

// TestEveryByteCorrupt puts each of a few telling bytes at each place of every
// captured event (at thirty places of the large ones) and decodes what it is then.
func TestEveryByteCorrupt(t *testing.T) {
	var in cmetrics.Interner
	for _, c := range testkit.Payloads(t, "*") {
		if chunk.Detect(c.Payload) == chunk.Metrics {
			testkit.Corrupt(c.Payload, func(payload []byte) {
				samples, _ := cmetrics.Append(nil, payload, 1, &in)
				testkit.CheckSamples(t, samples)
			})
		}
	}
}

func TestAppendMetrics(t *testing.T) {
	bits := math.Float64bits
	for _, test := range []struct {
		name    string
		payload []byte
		want    []string
	}{
		{"counter", event(t, list{}, metricOf(counter, list{"k"}, object{"aggregation_type": 2},
			object{"ts": uint64(1764771798767208589), "value": 7.5, "labels": list{"v"}, "hash": uint64(1)})),
			[]string{`counter ns_ss_name{k="v"} 7.5 @1764771798767208589 #0`}},
		{"gauge and untyped", event(t, list{},
			metricOf(gauge, list{}, nil, object{"ts": 1, "value": -2.5, "hash": 0}),
			metricOf(untyped, list{}, nil, object{"ts": 2, "value": 3.0, "hash": 0})),
			[]string{`gauge ns_ss_name -2.5 @1 #0`, `untyped ns_ss_name 3 @2 #0`}},
		{"integers", event(t, list{},
			metricOf(counter, list{}, nil, object{"ts": 1, "value": 1.0, "value_type": 2, "value_uint64": uint64(1 << 63)}),
			metricOf(gauge, list{}, nil, object{"ts": 1, "value": 1.0, "value_type": 1, "value_int64": -5})),
			[]string{`counter ns_ss_name 9.223372036854776e+18 @1 #0`, `gauge ns_ss_name -5 @1 #0`}},
		{"integers, members in another order", event(t, list{}, metricOf(gauge, list{}, nil,
			pairs{"value_int64", -5, "value", 1.0, "ts", 1})),
			[]string{`gauge ns_ss_name -5 @1 #0`}},
		{"infinite and not a number", event(t, list{}, metricOf(gauge, list{}, nil,
			object{"ts": 1, "value": math.Inf(-1)}, object{"ts": 1, "value": math.NaN()})),
			[]string{`gauge ns_ss_name -Inf @1 #0`, `gauge ns_ss_name NaN @1 #0`}},
		{"without a time", event(t, list{}, metricOf(gauge, list{}, nil,
			object{"value": 1.0}, object{"ts": 0, "value": 2.0}, object{"ts": uint64(1 << 63), "value": 3.0}, object{"ts": "x", "value": 4.0})),
			[]string{
				`gauge ns_ss_name 1 @1764771800000000000 #0`, `gauge ns_ss_name 2 @1764771800000000000 #0`,
				`gauge ns_ss_name 3 @1764771800000000000 #0`, `gauge ns_ss_name 4 @1764771800000000000 #0`}},
		{"labels that are missing", event(t, list{}, metricOf(gauge, list{"z", "b", nil, "a"}, nil,
			object{"ts": 1, "value": 1.0},
			object{"ts": 1, "value": 2.0, "labels": list{"1"}},
			object{"ts": 1, "value": 3.0, "labels": list{"1", nil, "3", "4"}},
			object{"ts": 1, "value": 4.0, "labels": list{"", "2", "3", "4", "5"}})),
			[]string{`gauge ns_ss_name 1 @1 #0`, `gauge ns_ss_name{z="1"} 2 @1 #0`,
				`gauge ns_ss_name{a="4", z="1"} 3 @1 #0`, `gauge ns_ss_name{a="4", b="2"} 4 @1 #0`}},
		{"static labels", event(t, list{list{"site", "s1"}, list{"k", "static"}, list{"", "x"}, list{"none", ""}, list{"one"}, 7},
			metricOf(gauge, list{"k"}, nil,
				object{"ts": 1, "value": 1.0, "labels": list{"own"}}, object{"ts": 1, "value": 2.0})),
			[]string{`gauge ns_ss_name{k="own", site="s1"} 1 @1 #0`, `gauge ns_ss_name{k="static", site="s1"} 2 @1 #0`}},
		{"names", event(t, list{list{"1st.label", "é"}},
			metricOf(gauge, list{"a.b", "ü", "__name__"}, named("", "", "http.server:count/s"), object{"ts": 1, "value": 1.0, "labels": list{"1", "2", "3"}}),
			metricOf(gauge, list{}, named("", "cpu", "9"), object{"ts": 1, "value": 2.0}),
			metricOf(gauge, list{}, named("9a", "", "x"), object{"ts": 1, "value": 3.0})),
			[]string{
				`gauge http_server:count_s{_="2", _st_label="é", a_b="1", exported___name__="3"} 1 @1 #0`,
				`gauge cpu_9{_st_label="é"} 2 @1 #0`, `gauge _a_x{_st_label="é"} 3 @1 #0`}},
		{"a label that says the name", event(t, list{},
			metricOf(gauge, list{"__name__", "k"}, nil, object{"ts": 1, "value": 1.0, "labels": list{"ns_ss_name", "v"}})),
			[]string{`gauge ns_ss_name{k="v"} 1 @1 #0`}},
		{"labels that are taken", event(t, list{},
			metricOf(histogram, list{"le", "quantile"}, object{"buckets": list{}}, object{"ts": 1, "histogram": object{"buckets": list{0}, "sum": 0.0, "count": 0}, "labels": list{"1", "2"}}),
			metricOf(summary, list{"le", "quantile"}, object{"quantiles": list{}}, object{"ts": 1, "summary": object{"quantiles_set": 0}, "labels": list{"1", "2"}})),
			[]string{`histogram ns_ss_name{exported_le="1", quantile="2"} count=0 sum=0 @1 #0`,
				`summary ns_ss_name{exported_quantile="2", le="1"} count=0 sum=0 @1 #0`}},
		{"text that is no UTF-8", event(t, list{}, metricOf(gauge, list{"k"}, nil, object{"ts": 1, "value": 1.0, "labels": list{"a\xff\xfeb"}})),
			[]string{`gauge ns_ss_name{k="a�b"} 1 @1 #0`}},
		{"cumulative histogram", event(t, list{}, metricOf(histogram, list{}, object{"buckets": list{0.5, 1.0, 2.5}, "aggregation_type": 2},
			object{"ts": 1, "histogram": object{"buckets": list{0, 2, 3, 4}, "sum": 9.5, "count": 4}})),
			[]string{`histogram ns_ss_name count=4 sum=9.5 le0.5=0 le1=2 le2.5=3 @1 #0`}},
		{"histogram of single buckets", event(t, list{}, metricOf(histogram, list{}, object{"buckets": list{1.0, 2.0}},
			object{"ts": 1, "histogram": object{"buckets": list{1, 1, 1}, "sum": 4.5, "count": 3}})),
			[]string{`histogram ns_ss_name count=3 sum=4.5 le1=1 le2=2 @1 #0`}},
		{"histogram read while it counts", event(t, list{}, metricOf(histogram, list{}, object{"buckets": list{1.0, 2.0}},
			object{"ts": 1, "histogram": object{"buckets": list{1, 5, 9}, "sum": 4.5, "count": 8}},
			object{"ts": 1, "histogram": object{"buckets": list{5, 1, 2}, "sum": 4.5, "count": 9}})),
			[]string{`histogram ns_ss_name count=9 sum=4.5 le1=1 le2=5 @1 #0`, `histogram ns_ss_name count=9 sum=4.5 le1=5 le2=6 @1 #0`}},
		{"histogram with +Inf, integers", event(t, list{}, metricOf(histogram, list{}, object{"buckets": list{1, 2, math.Inf(1)}},
			object{"ts": 1, "histogram": object{"buckets": list{1, 2, 3}, "sum": 4, "count": 3}})),
			[]string{`histogram ns_ss_name count=3 sum=4 le1=1 le2=2 @1 #0`}},
		{"summary", event(t, list{}, metricOf(summary, list{}, object{"quantiles": list{0.5, 0.99}},
			object{"ts": 1, "summary": object{"quantiles_set": 1, "quantiles": list{bits(1.5), bits(0)}, "count": 10, "sum": bits(12.25)}},
			object{"ts": 1, "summary": object{"quantiles_set": 0, "quantiles": list{0, 0}, "count": 10, "sum": 12.25}})),
			[]string{`summary ns_ss_name count=10 sum=12.25 q0.5=1.5 q0.99=0 @1 #0`, `summary ns_ss_name count=10 sum=12.25 @1 #0`}},
		{"two events", append(event(t, list{list{"c", "d"}}, metricOf(gauge, list{}, nil, object{"ts": 1, "value": 1.0})),
			event(t, list{list{"a", "b"}}, metricOf(gauge, list{}, nil, object{"ts": 2, "value": 2.0}))...),
			[]string{`gauge ns_ss_name{c="d"} 1 @1 #0`, `gauge ns_ss_name{a="b"} 2 @2 #1`}},
		{"no values", event(t, list{}, metricOf(gauge, list{}, nil)), nil},
		{"no metrics", event(t, list{}), nil},
		{"nothing", nil, nil},
	} {
		var in cmetrics.Interner
		samples, err := cmetrics.Append(nil, test.payload, arrival, &in)
		for i := range test.payload {
			test.payload[i] = 0xff // samples outlive the payload
		}
		if got := testkit.RenderSamples(samples); err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: error %v\n got %q\nwant %q", test.name, err, got, test.want)
		}
		testkit.CheckSamples(t, samples)
	}
}

func TestSeriesText(t *testing.T) {
	opts := func(ns, ss, name, desc, unit string) object {
		return object{"opts": object{"ns": ns, "ss": ss, "name": name, "desc": desc, "unit": unit}}
	}
	for _, test := range []struct {
		meta                     object
		name, datadog, help, uni string
	}{
		{opts("node", "cpu", "seconds_total", "Seconds.", ""), "node_cpu_seconds_total", "node.cpu.seconds_total", "Seconds.", "second"},
		{opts("", "", "my.hist", "-", "s"), "my_hist", "my.hist", "", "second"},
		{opts("", "", "x_ms", " ", "ms"), "x_ms", "x_ms", "", "millisecond"},
		{opts("a", "", "b_bytes", "\xff", ""), "a_b_bytes", "a.b_bytes", "�", "byte"},
		{opts("", "b", "ratio", "h", "1"), "b_ratio", "b.ratio", "h", "fraction"},
		{opts("", "", "temp", "h", "Cel"), "temp", "temp", "h", "degree celsius"},
		{opts("", "", "used", "h", "{things}"), "used", "used", "h", ""},
		{opts("9_a", "é", "b-c", "h", "By"), "__a___b_c", "a._.b_c", "h", "byte"},
		{opts("", "", strings.Repeat("x", 300), "h", ""), strings.Repeat("x", 300), strings.Repeat("x", 200), "h", ""},
	} {
		var in cmetrics.Interner
		samples, err := cmetrics.Append(nil, event(t, list{}, metricOf(gauge, list{}, test.meta, object{"value": 1.0})), arrival, &in)
		if err != nil || len(samples) != 1 {
			t.Fatalf("%s: %d samples, error %v", test.name, len(samples), err)
		}
		s := samples[0].Series
		if s.Name != test.name || s.DatadogName != test.datadog || s.Help != test.help || s.Unit != test.uni {
			t.Errorf("got %q %q %q %q, want %q %q %q %q", s.Name, s.DatadogName, s.Help, s.Unit, test.name, test.datadog, test.help, test.uni)
		}
	}
}

func TestUnits(t *testing.T) {
	for _, test := range []struct{ unit, name, want string }{
		{"s", "x", "second"}, {"ms", "x", "millisecond"}, {"us", "x", "microsecond"}, {"ns", "x", "nanosecond"},
		{"By", "x", "byte"}, {"%", "x", "percent"}, {"Cel", "x", "degree celsius"}, {"Hz", "x", "hertz"},
		{"", "x_seconds", "second"}, {"", "x_seconds_total", "second"}, {"", "x_bytes_total", "byte"}, {"", "x_celsius", "degree celsius"},
		{"", "x_ratio", "fraction"}, {"", "x_hertz", "hertz"}, {"", "x_volts", "volt"}, {"", "x_amperes", "ampere"}, {"", "x_watts", "watt"},
		{"", "bytes", "byte"}, {"", "x_total", ""}, {"", "kilobytes", ""}, {"1", "x", ""}, {"s", "x_bytes", "second"},
	} {
		var in cmetrics.Interner
		meta := object{"opts": object{"ns": "", "ss": "", "name": test.name, "desc": "-", "unit": test.unit}}
		samples, err := cmetrics.Append(nil, event(t, list{}, metricOf(gauge, list{}, meta, object{"value": 1.0})), arrival, &in)
		if err != nil || len(samples) != 1 || samples[0].Series.Unit != test.want {
			t.Errorf("unit %q of %s: %+v, error %v, want %q", test.unit, test.name, samples, err, test.want)
		}
	}
}

// TestBadMetrics has what is good before and after the bad, and wants just that.
func TestBadMetrics(t *testing.T) {
	ok := metricOf(gauge, list{}, nil, object{"ts": 1, "value": 1.0})
	hist := func(buckets any, bounds ...any) object {
		return metricOf(histogram, list{}, object{"buckets": list(bounds)}, object{"ts": 1, "histogram": object{"buckets": buckets, "sum": 1.0, "count": 1}})
	}
	for _, test := range []struct {
		name string
		bad  any
		want string
		is   error
	}{
		{"no map", 7, "metric without a name, a type or usable buckets", cmetrics.ErrBadMetric},
		{"no meta", object{"values": list{}}, "metric without a name, a type or usable buckets", cmetrics.ErrBadMetric},
		{"type of the future", metricOf(6, list{}, nil), "metric without a name, a type or usable buckets", cmetrics.ErrBadMetric},
		{"type is a text", metricOf(gauge, list{}, object{"type": "secret"}), "metric without a name, a type or usable buckets", cmetrics.ErrBadMetric},
		{"no name", metricOf(gauge, list{}, named("a", "b", "")), "metric without a name, a type or usable buckets", cmetrics.ErrBadMetric},
		{"bounds that fall", hist(list{1, 1, 1}, 2.0, 1.0), "metric without a name, a type or usable buckets", cmetrics.ErrBadMetric},
		{"equal bounds", hist(list{1, 1, 1}, 1.0, 1.0), "metric without a name, a type or usable buckets", cmetrics.ErrBadMetric},
		{"bound that is no number", hist(list{1, 1, 1}, math.NaN()), "metric without a name, a type or usable buckets", cmetrics.ErrBadMetric},
		{"bound that is a text", hist(list{1, 1, 1}, "secret"), "metric without a name, a type or usable buckets", cmetrics.ErrBadMetric},
		{"too few buckets", hist(list{1}, 1.0, 2.0), "sample without a usable value", cmetrics.ErrBadSample},
		{"negative bucket", hist(list{1, -1, 1}, 1.0, 2.0), "sample without a usable value", cmetrics.ErrBadSample},
		{"buckets are a text", hist("secret", 1.0, 2.0), "sample without a usable value", cmetrics.ErrBadSample},
		{"histogram without one", metricOf(histogram, list{}, object{"buckets": list{}}, object{"ts": 1, "value": 1.0}), "sample without a usable value", cmetrics.ErrBadSample},
		{"summary without one", metricOf(summary, list{}, object{"quantiles": list{}}, object{"ts": 1, "value": 1.0}), "sample without a usable value", cmetrics.ErrBadSample},
		{"summary of other length", metricOf(summary, list{}, object{"quantiles": list{0.5}}, object{"ts": 1, "summary": object{"quantiles_set": 1, "quantiles": list{1, 2}}}), "sample without a usable value", cmetrics.ErrBadSample},
		{"summary of texts", metricOf(summary, list{}, object{"quantiles": list{0.5}}, object{"ts": 1, "summary": object{"quantiles_set": 1, "quantiles": list{"secret"}}}), "sample without a usable value", cmetrics.ErrBadSample},
		{"no value", metricOf(gauge, list{}, nil, object{"ts": 1}), "sample without a usable value", cmetrics.ErrBadSample},
		{"value is a text", metricOf(gauge, list{}, nil, object{"value": "secret"}), "sample without a usable value", cmetrics.ErrBadSample},
		{"value is no map", metricOf(gauge, list{}, nil, 7), "sample without a usable value", cmetrics.ErrBadSample},
	} {
		var in cmetrics.Interner
		payload := event(t, list{}, ok, test.bad, ok)
		samples, err := cmetrics.Append(nil, payload, arrival, &in)
		want := "decode metrics: 1 unreadable, first in event 0: " + test.want
		if err == nil || err.Error() != want || !errors.Is(err, test.is) {
			t.Errorf("%s: error %v, want %s", test.name, err, want)
		}
		if got := testkit.RenderSamples(samples); !slices.Equal(got, []string{"gauge ns_ss_name 1 @1 #0", "gauge ns_ss_name 1 @1 #0"}) {
			t.Errorf("%s: got %q", test.name, got)
		}
	}
}

func TestBadEvents(t *testing.T) {
	ok := event(t, list{}, metricOf(gauge, list{}, nil, object{"ts": 1, "value": 1.0}))
	for _, test := range []struct {
		name, bad string
		want      string
		is        error
		after     bool
	}{
		{"scalar", "07", "not a metrics event", cmetrics.ErrNotMetrics, true},
		{"log record", good, "not a metrics event", cmetrics.ErrNotMetrics, true},
		{"map without metrics", "81a46d65746180", "not a metrics event", cmetrics.ErrNotMetrics, true},
		{"metrics is no array", "82a46d65746180a76d65747269637307", "not a metrics event", cmetrics.ErrNotMetrics, true},
		{"never used", "c1", "cut off, nested too deep or not MessagePack", cmetrics.ErrCutMetrics, true},
		{"too deep", strings.Repeat("91", 100) + "c0", "cut off, nested too deep or not MessagePack", cmetrics.ErrCutMetrics, true},
		{"cut", "dfffffffff", "cut off, nested too deep or not MessagePack", cmetrics.ErrCutMetrics, false},
	} {
		var in cmetrics.Interner
		payload := slices.Concat(ok, testkit.Unhex(t, test.bad), ok)
		samples, err := cmetrics.Append(nil, payload, arrival, &in)
		want := "decode metrics: 1 unreadable, first in event 1: " + test.want
		var fault *cmetrics.Error
		if !errors.As(err, &fault) || fault.Count != 1 || fault.Event != 1 || err.Error() != want || !errors.Is(err, test.is) {
			t.Errorf("%s: error %v, want %s", test.name, err, want)
		}
		wanted := []string{"gauge ns_ss_name 1 @1 #0", "gauge ns_ss_name 1 @1 #2"}
		if !test.after {
			wanted = wanted[:1]
		}
		if got := testkit.RenderSamples(samples); !slices.Equal(got, wanted) {
			t.Errorf("%s: got %q, want %q", test.name, got, wanted)
		}
	}
}

// TestDeltas adds up what is sent as deltas.
func TestDeltas(t *testing.T) {
	meta := object{"aggregation_type": 1}
	histMeta := object{"aggregation_type": 1, "buckets": list{1.0, 2.0}}
	payload := func(n int) []byte {
		return event(t, list{},
			metricOf(counter, list{"k"}, meta, object{"ts": 1, "value": float64(n), "labels": list{"v"}}),
			metricOf(histogram, list{}, histMeta, object{"ts": 1, "histogram": object{"buckets": list{0, n, n}, "sum": float64(n), "count": 2 * n}}))
	}
	var in cmetrics.Interner
	var got []string
	for n := 2; n <= 3; n++ {
		samples, err := cmetrics.Append(nil, payload(n), arrival, &in)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, testkit.RenderSamples(samples)...)
	}
	want := []string{
		`counter ns_ss_name{k="v"} 2 delta=2 @1 #0`, `histogram ns_ss_name count=4 sum=2 le1=0 le2=2 @1 #0`,
		`counter ns_ss_name{k="v"} 5 delta=3 @1 #0`, `histogram ns_ss_name count=10 sum=5 le1=0 le2=5 @1 #0`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// TestInterner wants the same Series for the same series, and others for
// others.
func TestInterner(t *testing.T) {
	var in cmetrics.Interner
	decode := func(payload []byte) []metric.Sample {
		t.Helper()
		samples, err := cmetrics.Append(nil, payload, arrival, &in)
		if err != nil {
			t.Fatal(err)
		}
		return samples
	}
	one := object{"ts": 1, "value": 1.0, "labels": list{"1", "2"}}
	first := decode(event(t, list{}, metricOf(gauge, list{"a", "b"}, nil, one)))[0].Series
	for _, same := range [][]byte{
		event(t, list{}, metricOf(gauge, list{"a", "b"}, nil, one)),
		event(t, list{}, metricOf(gauge, list{"b", "a"}, nil, object{"value": 5, "labels": list{"2", "1"}})),
		event(t, list{list{"b", "2"}}, metricOf(gauge, list{"a"}, nil, object{"value": 5, "labels": list{"1"}})),
	} {
		if got := decode(same)[0].Series; got != first {
			t.Errorf("another series: %+v", got)
		}
	}
	for _, other := range [][]byte{
		event(t, list{}, metricOf(counter, list{"a", "b"}, nil, one)),
		event(t, list{}, metricOf(gauge, list{"a", "c"}, nil, one)),
		event(t, list{}, metricOf(gauge, list{"b", "a"}, nil, one)),
		event(t, list{}, metricOf(gauge, list{"a"}, nil, one)),
		event(t, list{}, metricOf(gauge, list{"a", "b"}, named("ns", "ss", "name2"), one)),
	} {
		if got := decode(other)[0].Series; got == first {
			t.Errorf("the same series: %+v", got)
		}
	}
	if in.Len() != 6 {
		t.Errorf("%d series, want 6", in.Len())
	}
}

// TestInternerIsBounded pushes many more series than the limit, and one that
// comes each time and is kept.
func TestInternerIsBounded(t *testing.T) {
	in := cmetrics.Interner{Limit: 100}
	var kept *metric.Series
	for n := range 50 {
		values := list{object{"value": 1.0, "labels": list{"kept"}}}
		for i := range 60 {
			values = append(values, object{"value": 1.0, "labels": list{fmt.Sprint(n, ":", i)}})
		}
		samples, err := cmetrics.Append(nil, event(t, list{}, metricOf(gauge, list{"k"}, nil, values...)), arrival, &in)
		if err != nil || len(samples) != 61 {
			t.Fatalf("%d samples, error %v", len(samples), err)
		}
		if kept != nil && samples[0].Series != kept {
			t.Fatalf("round %d: the series that is in use was let go", n)
		}
		kept = samples[0].Series
		if in.Len() > 200 {
			t.Fatalf("round %d: %d series held, want at most 200", n, in.Len())
		}
	}
}

func TestInternerConcurrent(t *testing.T) {
	var in cmetrics.Interner
	all := testkit.Payloads(t, "*")
	series := make([]map[string]*metric.Series, 4)
	var wg sync.WaitGroup
	for w := range series {
		series[w] = map[string]*metric.Series{}
		wg.Go(func() {
			for _, c := range all {
				if chunk.Detect(c.Payload) != chunk.Metrics {
					continue
				}
				samples, err := cmetrics.Append(nil, c.Payload, arrival, &in)
				if err != nil {
					t.Error(err)
				}
				for _, s := range samples {
					series[w][fmt.Sprint(s.Series.Name, s.Series.Labels)] = s.Series
				}
			}
		})
	}
	wg.Wait()
	for w := range series {
		for key, s := range series[w] {
			if s != series[0][key] {
				t.Fatalf("%s: two series", key)
			}
		}
	}
}

// TestKnownSeriesAllocateNothing decodes events whose series are known.
func TestKnownSeriesAllocateNothing(t *testing.T) {
	for _, c := range testkit.Payloads(t, "*") {
		if c.String() != "amd64-v5.1.1/node_metrics.1" {
			continue
		}
		var in cmetrics.Interner
		var dst []metric.Sample
		allocs := testkit.Allocs(func() {
			var err error
			if dst, err = cmetrics.Append(dst[:0], c.Payload, arrival, &in); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 || len(dst) != 434 {
			t.Errorf("%v allocations for %d samples, want 0 for 434", allocs, len(dst))
		}
		return
	}
	t.Fatal("no chunk")
}

// TestHostileMetrics has payloads whose series could grow with the square of
// their size.
func TestHostileMetrics(t *testing.T) {
	values := func(n int, v object) list {
		all := make(list, n)
		for i := range all {
			all[i] = v
		}
		return all
	}
	long := strings.Repeat("x", 100_000)
	many := make(list, 20_000)
	statics := make(list, 20_000)
	for i := range many {
		many[i] = fmt.Sprint("l", i)
		statics[i] = list{fmt.Sprint("l", i), "v"}
	}
	metrics := make(list, 2000)
	bare := make(list, 2000)
	for i := range metrics {
		metrics[i] = metricOf(gauge, list{}, nil, object{"value": 1.0})
		bare[i] = metricOf(gauge, list{}, nil)
	}
	for _, test := range []struct {
		name    string
		payload []byte
	}{
		{"a long static label", event(t, list{list{"k", long}}, metricOf(gauge, list{}, nil, values(20_000, object{"value": 1.0})...))},
		{"a long label name", event(t, list{}, metricOf(gauge, list{long}, nil, values(20_000, object{"value": 1.0, "labels": list{"v"}})...))},
		{"a long metric name", event(t, list{}, metricOf(gauge, list{}, named("", "", long), values(20_000, object{"value": 1.0})...))},
		{"many labels", event(t, list{}, metricOf(gauge, many, nil, values(20_000, object{"value": 1.0})...))},
		{"many static labels", event(t, statics, metrics...)},
		{"many static labels without samples", event(t, statics, bare...)},
	} {
		t.Run(test.name, func(t *testing.T) {
			var in cmetrics.Interner
			samples, err := cmetrics.Append(nil, test.payload, arrival, &in)
			if !errors.Is(err, cmetrics.ErrLargeLabels) {
				t.Errorf("%d samples of %d bytes, error %v, want %v", len(samples), len(test.payload), err, cmetrics.ErrLargeLabels)
			}
			if in.Len() > 1 {
				t.Errorf("%d series", in.Len())
			}
		})
	}
}

// cmetrics writes the members of each map in one order, in which they are read once. In
// any other order, with members of other names between, they say the same.
func TestMembersInAnyOrder(t *testing.T) {
	point := pairs{"ts", 5, "value", 7.5, "labels", list{"v"}, "hash", 1}
	options := pairs{"ns", "ns", "ss", "ss", "name", "name", "desc", "help", "unit", ""}
	meta := pairs{"ver", 2, "type", gauge, "opts", options, "labels", list{"k"}, "aggregation_type", 2}
	top := pairs{"cmetrics", object{}, "external", object{}, "processing", pairs{"static_labels", list{list{"site", "s1"}}}}
	want := `gauge ns_ss_name{k="v", site="s1"} 7.5 @5 #0`
	for name, event := range map[string]pairs{
		"as cmetrics":         {"meta", top, "metrics", list{pairs{"meta", meta, "values", list{point}}}},
		"metrics first":       {"metrics", list{pairs{"meta", meta, "values", list{point}}}, "meta", top},
		"values first":        {"meta", top, "metrics", list{pairs{"values", list{point}, "meta", meta}}},
		"others between":      {"x", list{1}, "meta", top, "y", object{"a": list{}}, "metrics", list{pairs{"x", 1, "meta", meta, list{1}, 2, "values", list{point}}}},
		"named by bytes":      {[]byte("meta"), top, []byte("metrics"), list{pairs{[]byte("meta"), meta, []byte("values"), list{point}}}},
		"twice: the first is": {"meta", top, "metrics", list{pairs{"meta", meta, "values", list{point}, "values", list{}, "meta", pairs{}}}, "meta", pairs{}, "metrics", 1},
		"backwards": {"metrics", list{pairs{"values", list{pairs{"hash", 1, "labels", list{"v"}, "value", 7.5, "ts", 5}},
			"meta", pairs{"aggregation_type", 2, "labels", list{"k"}, "opts", pairs{"name", "name", "ss", "ss", "ns", "ns"}, "type", gauge}}}, "meta", top},
	} {
		var in cmetrics.Interner
		samples, err := cmetrics.Append(nil, marshal(t, event), arrival, &in)
		if err != nil || len(samples) != 1 || testkit.RenderSample(samples[0]) != want {
			t.Errorf("%s: %q, error %v, want %s", name, testkit.RenderSamples(samples), err, want)
		}
	}
}

// After a metric that cannot be read, or has no values, the next one is read.
func TestMetricsBehindBadOnes(t *testing.T) {
	whole := metricOf(gauge, list{}, nil, object{"ts": 5, "value": 1.0})
	for name, bad := range map[string]any{
		"not a map": list{1, list{2}}, "a number": 7, "empty": object{}, "meta alone": pairs{"meta", object{}},
		"no type": pairs{"meta", pairs{"opts", pairs{"name", "x"}}, "values", list{object{"value": 1}}},
		"no map":  pairs{"meta", list{1, 2}, "values", list{object{"value": 1}}},
	} {
		var in cmetrics.Interner
		samples, err := cmetrics.Append(nil, event(t, nil, bad, whole), arrival, &in)
		if len(samples) != 1 || !errors.Is(err, cmetrics.ErrBadMetric) {
			t.Errorf("%s: %q, error %v", name, testkit.RenderSamples(samples), err)
		}
	}
	for name, none := range map[string]any{
		"no values":      pairs{"meta", whole["meta"]},
		"another member": pairs{"meta", whole["meta"], "x", list{1}},
		"not an array":   pairs{"meta", whole["meta"], "values", object{"a": list{1}}},
	} {
		var in cmetrics.Interner
		samples, err := cmetrics.Append(nil, event(t, nil, none, whole), arrival, &in)
		if len(samples) != 1 || err != nil {
			t.Errorf("%s: %q, error %v", name, testkit.RenderSamples(samples), err)
		}
	}
}
