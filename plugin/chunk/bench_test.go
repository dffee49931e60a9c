package chunk_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"out_edge/plugin/chunk"
	"out_edge/plugin/wire"
)

// chunkOf makes a payload of n log records as Fluent Bit writes them: a v2
// header with an EventTime and empty metadata, and a body of eight fields of
// mixed kinds, about 196 bytes each.
func chunkOf(tb testing.TB, n int) []byte {
	tb.Helper()
	var buf bytes.Buffer
	enc := msgpack.NewEncoder(&buf)
	enc.UseCompactInts(true)
	must := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	for i := range n {
		must(enc.EncodeArrayLen(2))
		must(enc.EncodeArrayLen(2))
		buf.Write([]byte{0xd7, 0})
		buf.Write(binary.BigEndian.AppendUint32(nil, uint32(1764771798+i/100)))
		buf.Write(binary.BigEndian.AppendUint32(nil, uint32(767208589+i)))
		must(enc.EncodeMapLen(0))
		must(enc.EncodeMapLen(8))
		for _, field := range []struct {
			key   string
			value any
		}{
			{"log", fmt.Sprintf("GET /api/v1/devices/%04d/state HTTP/1.1 200 ok", i)},
			{"level", "info"},
			{"service", "edge-gateway"},
			{"request_id", fmt.Sprintf("b3c1e1f2-%08x", uint32(i)*2654435761)},
			{"status", 200},
			{"bytes", 1000 + i*37},
			{"duration_ms", 12.5 + float64(i)/8},
			{"upstream", map[string]any{"host": "10.0.0.12", "ok": i%2 == 0}},
		} {
			must(enc.EncodeString(field.key))
			must(enc.Encode(field.value))
		}
	}
	return buf.Bytes()
}

func BenchmarkDecode(b *testing.B) {
	const records = 1000
	payload := chunkOf(b, records)
	var d chunk.Decoder
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		d.Reset(payload)
		n := 0
		for d.Next() {
			n += d.Record().Index & 1
		}
		if n != records/2 {
			b.Fatalf("%d odd records, want %d", n, records/2)
		}
	}
	perRecord(b, len(payload), records)
}

func BenchmarkReader(b *testing.B) {
	const records = 1000
	payload := chunkOf(b, records)
	var d chunk.Decoder
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		d.Reset(payload)
		n := 0
		for d.Next() {
			r := d.Record().Body.Reader()
			for r.Next() != wire.End {
				n++
			}
		}
		if n != records*21 {
			b.Fatalf("%d tokens, want %d", n, records*21)
		}
	}
	perRecord(b, len(payload), records)
}

func perRecord(b *testing.B, size, records int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(records), "ns/record")
	b.ReportMetric(float64(size)/float64(records), "B/record")
}
