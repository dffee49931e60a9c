package cmetrics_test

import (
	"fmt"
	"testing"

	"out_edge/build/testkit"
	"out_edge/plugin/chunk"
	"out_edge/plugin/cmetrics"
)

// FuzzMetrics holds Append to the contract of Sample for any bytes.
func FuzzMetrics(f *testing.F) {
	for _, c := range testkit.Payloads(f, "*") {
		if chunk.Detect(c.Payload) == chunk.Metrics && len(c.Payload) < 4096 { // a fuzzer gets nowhere with the large ones
			f.Add(c.Payload)
		}
	}
	for _, s := range []string{"", "c1", good, "dfffffffff", "82 a46d65746180 a76d65747269637390", "82 a46d65746180 a76d657472696373 95"} {
		f.Add(testkit.Unhex(f, s))
	}
	f.Add(event(f, list{list{"site", "s1"}},
		metricOf(counter, list{"k"}, object{"aggregation_type": 1}, object{"ts": 1, "value": 7.5, "labels": list{"v"}}),
		metricOf(gauge, list{"a", nil}, nil, object{"ts": 1, "value_int64": -5, "labels": list{"", "x"}}),
		metricOf(summary, list{}, object{"quantiles": list{0.5}}, object{"summary": object{"quantiles_set": 1, "quantiles": list{1.5}, "count": 1, "sum": 2}}),
		metricOf(histogram, list{}, object{"buckets": list{1.0}, "aggregation_type": 1}, object{"histogram": object{"buckets": list{1, 1}, "sum": 0.5, "count": 2}}),
		metricOf(untyped, list{}, nil, object{"value": 1.0}),
		metricOf(expHistogram, list{}, nil, object{"value": 1.0})))
	f.Add(manyPoints(f, 20))
	f.Add(otlpEvent(f, checkout("i-1"), object{"exp_histogram": object{"name": object{"datapoints": object{"0:5": object{"flags": 1, "has_sum": false}}}}},
		metricOf(expHistogram, list{}, object{"aggregation_type": delta}, exponential(10, -5, list{1, 0, 2}, list{3}, 1)),
		sum("a", "s", cumulative, list{"a.b", "a_b"}, object{"ts": 1, "value": -7.5, "labels": list{"v", "w"}})))
	f.Fuzz(func(t *testing.T, payload []byte) {
		in := cmetrics.Interner{Limit: 4}
		samples, err := cmetrics.Append(nil, payload, arrival, &in)
		testkit.CheckSamples(t, samples)
		if len(samples) > len(payload)/8 || in.Len() > 8 {
			t.Fatalf("%d samples and %d series of %d bytes", len(samples), in.Len(), len(payload))
		}
		again, errAgain := cmetrics.Append(nil, payload, arrival, &in)
		if len(again) != len(samples) || fmt.Sprint(err) != fmt.Sprint(errAgain) {
			t.Fatalf("%d samples, then %d; error %v, then %v", len(samples), len(again), err, errAgain)
		}
	})
}
