package pipeline_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"out_edge/build/testkit"
	"out_edge/ddsink"
	"out_edge/exporter"
	"out_edge/plugin/delivery"
	"out_edge/plugin/pipeline"
	"out_edge/timefix"
)

// BenchmarkFlush is a whole flush of 1,000 records of about 200 bytes: decode,
// time repair, routing, JSON, compression and an HTTP request over loopback: to the
// intake at BENCH_INTAKE (build/bench has one in a process of its own), else to one in
// this process, whose work is counted too.
func BenchmarkFlush(b *testing.B) {
	intake := os.Getenv("BENCH_INTAKE")
	if intake == "" {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusAccepted)
		}))
		defer s.Close()
		intake = s.URL
	}
	for _, compress := range []string{ddsink.CompressOff, ddsink.CompressGzip, ddsink.CompressZstd} {
		b.Run(compress, func(b *testing.B) {
			log, c := slog.New(slog.DiscardHandler), newClock()
			p, err := pipeline.New(pipeline.Config{
				Metrics: exporter.Config{Listen: "off"}, Time: timefix.Config{BuildDate: time.Unix(present-3600, 0)},
				Datadog: &ddsink.Config{URL: intake, MetricsURL: intake, APIKey: delivery.NewSecret("k"), Compress: compress},
			}, pipeline.Deps{Exporter: exporter.New(log, c), Clock: c, Log: log, Thread: engineThread})
			if err != nil {
				b.Fatal(err)
			}
			defer p.Close(b.Context())
			flushRecords(b, p)
		})
	}
}

// flushRecords flushes a chunk of 1,000 records again and again.
func flushRecords(b *testing.B, p *pipeline.Pipeline) {
	const records = 1000
	chunk := testkit.LogChunk(records, present)
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	watch := testkit.StartCPUWatch()
	for b.Loop() {
		if got := p.Flush("app", chunk, workerThread); got != pipeline.OK {
			b.Fatal(got)
		}
	}
	watch.Report(b, records, "record")
}

// BenchmarkPage is what the page costs a flush: the same without receivers, with and
// without somebody who may look.
func BenchmarkPage(b *testing.B) {
	for _, listen := range []string{"off", "127.0.0.1:0"} {
		b.Run(listen, func(b *testing.B) {
			log, c := slog.New(slog.DiscardHandler), newClock()
			p, err := pipeline.New(pipeline.Config{Metrics: exporter.Config{Listen: listen}, Time: timefix.Config{BuildDate: time.Unix(present-3600, 0)}},
				pipeline.Deps{Exporter: exporter.New(log, c), Clock: c, Log: log, Thread: engineThread})
			if err != nil {
				b.Fatal(err)
			}
			defer p.Close(b.Context())
			flushRecords(b, p)
		})
	}
}
