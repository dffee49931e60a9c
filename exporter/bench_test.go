package exporter_test

import (
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"out_edge/build/testkit"
	"out_edge/exporter"
	"out_edge/plugin/chunk"
	"out_edge/plugin/cmetrics"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// manyFamilies and perFamily make the page of 10,000 series.
const (
	manyFamilies = 50
	perFamily    = 200
)

// fill gives m 10,000 gauges with four labels each.
func fill(m *exporter.Instance) {
	var samples []metric.Sample
	for f := range manyFamilies {
		for i := range perFamily {
			samples = append(samples, sample(metric.Gauge, fmt.Sprintf("bench_family_%02d_bytes", f), float64(i)*1.5,
				metric.Label{Name: "device", Value: fmt.Sprintf("dev-%d", i)}, metric.Label{Name: "line", Value: "north"},
				metric.Label{Name: "rack", Value: "seventeen"}, metric.Label{Name: "site", Value: "barn"}))
		}
	}
	apply(m, samples)
}

// BenchmarkScrape reports the CPU time of the whole process, all threads, over
// a loopback connection: client and server.
func BenchmarkScrape(b *testing.B) {
	for _, encoding := range []string{"identity", "gzip", "zstd"} {
		b.Run(encoding, func(b *testing.B) {
			m := open(b, quietExporter(newClock()), loopback())
			fill(m)
			var size int
			b.ReportAllocs()
			watch := testkit.StartCPUWatch()
			for b.Loop() {
				_, body := fetch(b, m, "/metrics", "Accept-Encoding", encoding)
				size = len(body)
			}
			watch.Report(b, manyFamilies*perFamily, "series")
			b.ReportMetric(float64(size), "body-bytes")
			if size < 10_000 {
				b.Fatal("a small page")
			}
		})
	}
}

// BenchmarkScrapeOfFew is a scrape as of most devices: a hundred series and the plugin's
// own, over a connection that is kept. A record has come since the last one.
func BenchmarkScrapeOfFew(b *testing.B) {
	for _, encoding := range []string{"identity", "gzip"} {
		b.Run(encoding, func(b *testing.B) {
			m := open(b, quietExporter(newClock()), loopback())
			var in cmetrics.Interner
			samples, err := cmetrics.Append(nil, testkit.Payload(b, "amd64-v5.1.1", "node_metrics.1"), 1, &in)
			if err != nil {
				b.Fatal(err)
			}
			apply(m, samples[:100])
			client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
			b.Cleanup(client.CloseIdleConnections)
			record := testkit.Payload(b, "amd64-v5.1.1", "mem.1")
			b.ReportAllocs()
			watch := testkit.StartCPUWatch()
			for b.Loop() {
				observe(m, record, start)
				if _, body := fetchURL(b, client, "http://"+m.Addr().String()+"/metrics", "Accept-Encoding", encoding); len(body) < 1000 {
					b.Fatal("a small page")
				}
			}
			watch.Report(b, 1, "op")
		})
	}
}

// A scrape of 10,000 series may cost 50 ms of CPU and 16 MiB.
func TestScrapeCost(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	fill(m)
	fetch(t, m, "/metrics")
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu := testkit.CPUTime()
	_, body := fetch(t, m, "/metrics")
	cpu = testkit.CPUTime() - cpu
	runtime.ReadMemStats(&after)
	allocated := after.TotalAlloc - before.TotalAlloc - uint64(3*len(body)) // the client's copies, which grow by doubling
	t.Logf("%d bytes, %v CPU, %d KiB allocated", len(body), cpu, allocated>>10)
	if allocated > 16<<20 {
		t.Errorf("%d bytes allocated, want at most 16 MiB", allocated)
	}
}

// BenchmarkObserve takes one record of each input, whose series are known.
func BenchmarkObserve(b *testing.B) {
	for _, name := range []string{"cpu.1", "mem.1", "disk.1", "netif.1", "thermal.1", "proc.1", "app.1"} {
		b.Run(name, func(b *testing.B) {
			cfg := loopback()
			cfg.Listen = exporter.ListenOff
			m := open(b, quietExporter(timefix.SystemClock{}), cfg)
			var d chunk.Decoder
			d.Reset(testkit.Payload(b, "amd64-v5.1.1", name))
			d.Next()
			dst := make([]metric.Sample, 0, 32)
			b.ReportAllocs()
			var got []metric.Sample
			now := timefix.SystemClock{}.Now()
			watch := testkit.StartCPUWatch()
			for b.Loop() {
				got, _ = m.Observe(dst, "t", d.Record(), now.Wall)
				got = m.Apply(exporter.Batch{Samples: got, Tag: "t", At: now, Origin: exporter.FromHost})
			}
			watch.Report(b, 1, "op")
			b.ReportMetric(float64(len(got)), "samples")
		})
	}
}

// BenchmarkApply takes a captured metrics event whose series are known.
func BenchmarkApply(b *testing.B) {
	cfg := loopback()
	cfg.Listen = exporter.ListenOff
	m := open(b, quietExporter(timefix.SystemClock{}), cfg)
	var in cmetrics.Interner
	samples, err := cmetrics.Append(nil, testkit.Payload(b, "amd64-v5.1.1", "node_metrics.1"), 1, &in)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	watch := testkit.StartCPUWatch()
	for b.Loop() {
		apply(m, samples)
	}
	watch.Report(b, len(samples), "sample")
	b.ReportMetric(float64(len(samples)), "samples")
}

// BenchmarkAggregator takes a mem record of each of many devices, which differ in their
// host name alone: the cost of one does not depend on how many there are.
func BenchmarkAggregator(b *testing.B) {
	for _, devices := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(devices), func(b *testing.B) {
			cfg := loopback()
			cfg.Listen, cfg.SeriesLimit = exporter.ListenOff, 0
			m := open(b, quietExporter(timefix.SystemClock{}), cfg)
			payloads := make([][]byte, devices)
			for i := range payloads {
				payloads[i] = memOf(b, i)
			}
			now := timefix.SystemClock{}.Now()
			var d chunk.Decoder
			dst := make([]metric.Sample, 0, 16)
			b.ReportAllocs()
			watch := testkit.StartCPUWatch()
			for n := 0; b.Loop(); n++ {
				d.Reset(payloads[n%devices])
				d.Next()
				made, _ := m.Observe(dst, "mem", d.Record(), now.Wall)
				if len(m.Apply(exporter.Batch{Samples: made, Tag: "mem", At: now, Origin: exporter.FromHost})) != 3 {
					b.Fatal("not all samples")
				}
			}
			watch.Report(b, 1, "op")
		})
	}
}

// memOf is a mem record of a device.
func memOf(tb testing.TB, device int) []byte {
	return payload(tb, "Mem.total", 1_000_000, "Mem.used", device, "Mem.free", 1_000_000-device, "hostname", fmt.Sprintf("pump-%d", device))
}

// Each of a thousand devices has its own values.
func TestAggregator(t *testing.T) {
	const devices = 1000
	m := open(t, quietExporter(newClock()), loopback())
	for range 2 {
		for i := range devices {
			observe(m, memOf(t, i), start)
		}
	}
	lines := scrape(t, m, `state="used"`)
	if len(lines) != devices {
		t.Fatalf("%d devices", len(lines))
	}
	for i := range devices {
		want := fmt.Sprintf(`edge_memory_bytes{instance="pump-%d",state="used"} `, i)
		j := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, want) })
		if j < 0 {
			t.Fatalf("no %s", want)
		}
		if v, err := strconv.ParseFloat(lines[j][len(want):], 64); err != nil || v != float64(i)*1024 {
			t.Errorf("%s: want %d", lines[j], i*1024)
		}
	}
}
