package pipeline_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"out_edge/ddsink"
	"out_edge/exporter"
	"out_edge/plugin/delivery"
	"out_edge/plugin/pipeline"
	"out_edge/timefix"
)

// BenchmarkFlush is a whole flush of 1,000 records of about 200 bytes: decode,
// time repair, routing, JSON, gzip and an HTTP request over loopback. Its
// receiver's work is counted too, as it runs in this process.
func BenchmarkFlush(b *testing.B) {
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusAccepted)
	}))
	defer sink.Close()
	for _, compress := range []string{ddsink.CompressOff, ddsink.CompressGzip, ddsink.CompressZstd} {
		b.Run(compress, func(b *testing.B) {
			log, c := slog.New(slog.DiscardHandler), newClock()
			p, err := pipeline.New(pipeline.Config{
				Metrics: exporter.Config{Listen: "off"}, Time: timefix.Config{BuildDate: time.Unix(present-3600, 0)},
				Datadog: &ddsink.Config{URL: sink.URL, MetricsURL: sink.URL, APIKey: delivery.NewSecret("k"), Compress: compress},
			}, pipeline.Deps{Exporter: exporter.New(log, c), Clock: c, Log: log, Thread: engineThread})
			if err != nil {
				b.Fatal(err)
			}
			defer p.Close(b.Context())
			const records = 1000
			chunk := benchChunk(b, records)
			b.SetBytes(int64(len(chunk)))
			b.ReportAllocs()
			for b.Loop() {
				if got := p.Flush("app", chunk, workerThread); got != pipeline.OK {
					b.Fatal(got)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
			b.ReportMetric(float64(len(chunk))/records, "B/record")
		})
	}
}

func benchChunk(b *testing.B, n int) []byte {
	var buf bytes.Buffer
	enc := msgpack.NewEncoder(&buf)
	for i := range n {
		sec := uint32(present)
		buf.Write([]byte{0x92, 0x92, 0xd7, 0x00, byte(sec >> 24), byte(sec >> 16), byte(sec >> 8), byte(sec), 0, 0, 0, byte(i), 0x80})
		if err := enc.Encode(map[string]any{
			"log": fmt.Sprintf("GET /api/v1/items/%d HTTP/1.1 took %d ms", i, i%97), "level": "info", "status": 200 + i%5,
			"bytes": 1234 + i, "remote": fmt.Sprintf("10.0.%d.%d", i%7, i%251), "ratio": float64(i) / 7, "ok": i%3 == 0, "user": "plant-operator",
		}); err != nil {
			b.Fatal(err)
		}
	}
	return buf.Bytes()
}
