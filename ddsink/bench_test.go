package ddsink_test

import (
	"bytes"
	"fmt"
	"io"
	"syscall"
	"testing"

	"out_edge/ddsink"
	"out_edge/plugin/chunk"
	"out_edge/plugin/metric"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/vmihailenco/msgpack/v5"
)

// payload1000 is a chunk of 1,000 log records of eight fields, about 200 bytes
// each, no two alike.
func payload1000(tb testing.TB) []byte {
	var b bytes.Buffer
	e := msgpack.NewEncoder(&b)
	e.UseCompactInts(true)
	words := []string{"started", "stopped", "connection to broker lost", "sensor read failed: timeout", "retrying", "ok"}
	for i := range 1000 {
		b.WriteString("\x92\x92\xd7\x00\x69\x30\x47\xd6\x2d\xba\xac\x8d\x80")
		err := e.Encode(pairs{
			"log", fmt.Sprintf("worker %d: %s (attempt %d)", i*7919%64, words[i*31%len(words)], i%5),
			"level", []string{"info", "warn", "error"}[i%3], "unit", "app.service", "pid", 1000 + i*13%500,
			"seq", i, "duration_ms", float64(i*37%10000) / 8, "ok", i%3 == 0,
			"request_id", fmt.Sprintf("%08x-%04x-%012x", uint32(i)*2654435761, i*40503&0xffff, uint64(i)*11400714819323%0xffffffffffff),
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	return b.Bytes()
}

// encodeAll decodes a payload and makes one body of it.
func encodeAll(e *ddsink.Entries, d *chunk.Decoder, dst, payload []byte) []byte {
	d.Reset(payload)
	for d.Next() {
		r := d.Record()
		dst = append(e.Append(append(dst, ','), r, "app", nano(r.Time)/1e6), '\n')
	}
	return dst
}

func BenchmarkDecode(b *testing.B) {
	payload := payload1000(b)
	var d chunk.Decoder
	b.ReportAllocs()
	b.SetBytes(int64(len(payload)))
	watch := startWatch()
	for b.Loop() {
		n := 0
		for d.Reset(payload); d.Next(); {
			n++
		}
		if n != 1000 {
			b.Fatal(n)
		}
	}
	watch.perRecord(b)
}

func BenchmarkDecodeJSON(b *testing.B) {
	payload := payload1000(b)
	var d chunk.Decoder
	e := ddsink.NewEntries(ddsink.Config{Service: "svc", Source: "edge", Tags: "env:test"})
	dst := encodeAll(e, &d, nil, payload)
	b.ReportAllocs()
	b.SetBytes(int64(len(payload)))
	watch := startWatch()
	for b.Loop() {
		dst = encodeAll(e, &d, dst[:0], payload)
	}
	b.ReportMetric(float64(len(dst))/1000, "B/record")
	watch.perRecord(b)
}

func BenchmarkDecodeJSONGzip(b *testing.B) { benchmarkCompressed(b, ddsink.CompressGzip) }
func BenchmarkDecodeJSONZstd(b *testing.B) { benchmarkCompressed(b, ddsink.CompressZstd) }

func benchmarkCompressed(b *testing.B, kind string) {
	payload := payload1000(b)
	var d chunk.Decoder
	e := ddsink.NewEntries(ddsink.Config{Service: "svc", Source: "edge", Tags: "env:test"})
	c := ddsink.NewCompressor(kind)
	dst := encodeAll(e, &d, nil, payload)
	var out []byte
	b.ReportAllocs()
	b.SetBytes(int64(len(payload)))
	watch := startWatch()
	for b.Loop() {
		dst = encodeAll(e, &d, dst[:0], payload)
		out = c.Compress(dst)
	}
	b.ReportMetric(float64(len(out))/1000, "B/record")
	watch.perRecord(b)
}

// BenchmarkCompress is what the choice of levels rests on.
func BenchmarkCompress(b *testing.B) {
	var d chunk.Decoder
	e := ddsink.NewEntries(ddsink.Config{Service: "svc", Source: "edge", Tags: "env:test"})
	body := encodeAll(e, &d, nil, payload1000(b))
	run := func(name string, enc interface {
		io.WriteCloser
		Reset(io.Writer)
	}, err error) {
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			var out bytes.Buffer
			b.SetBytes(int64(len(body)))
			watch := startWatch()
			for b.Loop() {
				out.Reset()
				enc.Reset(&out)
				_, _ = enc.Write(body)
				_ = enc.Close()
			}
			b.ReportMetric(float64(out.Len())/1000, "B/record")
			watch.perRecord(b)
		})
	}
	for level := 1; level <= 9; level++ {
		enc, err := gzip.NewWriterLevel(nil, level)
		run(fmt.Sprintf("gzip-%d", level), enc, err)
	}
	for _, level := range []zstd.EncoderLevel{zstd.SpeedFastest, zstd.SpeedDefault, zstd.SpeedBetterCompression} {
		for _, window := range []int{64 << 10, 256 << 10, 1 << 20} {
			enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(window), zstd.WithEncoderLevel(level))
			run(fmt.Sprintf("zstd-%s-%dk", level, window>>10), enc, err)
		}
	}
}

// stopwatch reports what a record took of the processor, which on a machine that
// others use too says more than the time on the wall.
type stopwatch struct{ start int64 }

func startWatch() stopwatch { return stopwatch{cpuNanos()} }

func (w stopwatch) perRecord(b *testing.B) {
	b.ReportMetric(float64(cpuNanos()-w.start)/float64(b.N)/1000, "cpu-ns/record")
}

// cpuNanos is the processor time of this process, in ns.
func cpuNanos() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// TestNoAllocations is the budget of the hot path: decode and encode allocate
// nothing once the buffers have grown.
func TestNoAllocations(t *testing.T) {
	payload := payload1000(t)
	var d chunk.Decoder
	e := ddsink.NewEntries(ddsink.Config{Service: "svc", Provider: "ecs", Hostname: "m", IncludeTagKey: true})
	var dst []byte
	run := func() { dst = encodeAll(e, &d, dst[:0], payload) }
	run()
	if n := testing.AllocsPerRun(10, run); n != 0 {
		t.Errorf("%v allocations for 1,000 records", n)
	}
}

// repeated is a chunk of one record, n times over.
type repeated struct {
	*chunk.Record
	n int
}

func (r repeated) Records(yield func(*chunk.Record, int64) bool) {
	for i := range r.n {
		r.Index = i
		if !yield(r.Record, now().UnixNano()) {
			return
		}
	}
}

func (r repeated) Samples() []metric.Sample     { return nil }
func (r repeated) Again(string) []metric.Sample { return nil }
