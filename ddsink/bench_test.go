package ddsink_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"out_edge/build/testkit"
	"out_edge/ddsink"
	"out_edge/plugin/chunk"
	"out_edge/plugin/metric"
	"out_edge/timefix"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/vmihailenco/msgpack/v5"
)

// payload1000 is a chunk of 1,000 log records.
func payload1000() []byte { return testkit.LogChunk(1000, 1764771798) }

// encodeAll decodes a payload and makes one body of it.
func encodeAll(e *ddsink.Entries, d *chunk.Decoder, dst, payload []byte) []byte {
	d.Reset(payload)
	for d.Next() {
		r := d.Record()
		dst = append(e.Append(append(dst, ','), r, "app", nano(r.Time)/1e6), '\n')
	}
	return dst
}

// BenchmarkSteps is a log record's way, a step more each time. build/bench sets it beside
// what others take for the same records, and build/guard counts it.
func BenchmarkSteps(b *testing.B) {
	payload := payload1000()
	var d chunk.Decoder
	var dst []byte
	fixer, now := timefix.New(timefix.Config{}), timefix.Instant{Wall: 1764771800e9, Boot: 3600e9}
	e := ddsink.NewEntries(ddsink.Config{Service: "svc", Source: "edge", Tags: "env:test"})
	walk := func(each func(*chunk.Record, int64)) int {
		n := 0
		session := fixer.Begin("app", now, false)
		for d.Reset(payload); d.Next(); n++ {
			r := d.Record()
			each(r, session.Repair(timefix.Raw{Form: timefix.Form(r.Time.Form), Bits: r.Time.Bits}).UnixNano)
		}
		session.End()
		return n
	}
	encode := func() int {
		dst = dst[:0]
		return walk(func(r *chunk.Record, at int64) { dst = append(e.Append(append(dst, ','), r, "app", at/1e6), '\n') })
	}
	runStep(b, "decode", payload, func() (n, size int) {
		for d.Reset(payload); d.Next(); {
			n++
		}
		return n, 0
	})
	runStep(b, "repair", payload, func() (n, size int) { return walk(func(*chunk.Record, int64) {}), 0 })
	runStep(b, "json", payload, func() (n, size int) { return encode(), len(dst) })
	for _, kind := range []string{ddsink.CompressGzip, ddsink.CompressZstd} {
		c := ddsink.NewCompressor(kind)
		runStep(b, kind, payload, func() (n, size int) { return encode(), len(c.Compress(dst)) })
	}
}

// BenchmarkKinds has records of four kinds in turns.
func BenchmarkKinds(b *testing.B) {
	var payload bytes.Buffer
	enc := msgpack.NewEncoder(&payload)
	enc.UseCompactInts(true)
	for i := range 1000 {
		testkit.LogHeader(&payload, 1764771798)
		err := enc.Encode([]testkit.Pairs{
			{"log", "worker did something of note", "level", "info", "unit", "app.service", "pid", 1000 + i, "seq", i, "ok", true},
			{"message", "GET /api/v1/items", "severity", "warn", "remote", "10.0.0.1", "status_code", 200, "bytes", i, "agent", "curl/8"},
			{"log", "worker did something else", "severity", "error", "error", "timeout", "retries", i % 5, "target", "db"},
			{"msg", "tick", "level", "debug", "module", "pump", "value", float64(i) / 7},
		}[i%4])
		if err != nil {
			b.Fatal(err)
		}
	}
	var d chunk.Decoder
	var dst []byte
	e := ddsink.NewEntries(ddsink.Config{Service: "svc", Source: "edge", Tags: "env:test"})
	runStep(b, "json", payload.Bytes(), func() (n, size int) {
		dst = encodeAll(e, &d, dst[:0], payload.Bytes())
		return 1000, len(dst)
	})
}

// runStep times what a step takes for 1,000 records, and reports what it makes of one.
func runStep(b *testing.B, name string, payload []byte, step func() (records, size int)) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(payload)))
		step() // grows the buffers
		watch, size := testkit.StartCPUWatch(), 0
		for b.Loop() {
			n := 0
			if n, size = step(); n != 1000 {
				b.Fatal(n, " records")
			}
		}
		b.ReportMetric(float64(size)/1000, "B/record")
		watch.Report(b, 1000, "record")
	})
}

// BenchmarkCompress is what the choice of levels rests on.
func BenchmarkCompress(b *testing.B) {
	var d chunk.Decoder
	e := ddsink.NewEntries(ddsink.Config{Service: "svc", Source: "edge", Tags: "env:test"})
	body := encodeAll(e, &d, nil, payload1000())
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
			watch := testkit.StartCPUWatch()
			for b.Loop() {
				out.Reset()
				enc.Reset(&out)
				_, _ = enc.Write(body)
				_ = enc.Close()
			}
			b.ReportMetric(float64(out.Len())/1000, "B/record")
			watch.Report(b, 1000, "record")
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

// TestNoAllocations is the budget of the hot path: decode and encode allocate
// nothing once the buffers have grown.
func TestNoAllocations(t *testing.T) {
	payload := payload1000()
	var d chunk.Decoder
	e := ddsink.NewEntries(ddsink.Config{Service: "svc", Provider: "ecs", Hostname: "m", IncludeTagKey: true})
	var dst []byte
	run := func() { dst = encodeAll(e, &d, dst[:0], payload) }
	run()
	if n := testkit.Allocs(run); n != 0 {
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
