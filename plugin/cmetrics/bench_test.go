package cmetrics_test

import (
	"testing"

	"out_edge/build/testkit"
	"out_edge/plugin/cmetrics"
	"out_edge/plugin/metric"
)

// BenchmarkAppendMetrics decodes a captured event of node_exporter_metrics
// whose series are known.
func BenchmarkAppendMetrics(b *testing.B) {
	payload := testkit.Payload(b, "amd64-v5.1.1", "node_metrics.1")
	const samples = 434
	var in cmetrics.Interner
	var dst []metric.Sample
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	watch := testkit.StartCPUWatch()
	for b.Loop() {
		var err error
		dst, err = cmetrics.Append(dst[:0], payload, arrival, &in)
		if err != nil || len(dst) != samples {
			b.Fatalf("%d samples, want %d, error %v", len(dst), samples, err)
		}
	}
	watch.Report(b, samples, "sample")
}
