package testkit

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
)

var logEvents = []string{"started", "stopped", "connection to broker lost", "sensor read failed: timeout", "retrying", "ok"}

// LogChunk is a payload of n log records of eight fields, about 200 bytes each, no two
// alike, that happened in a second since 1970.
func LogChunk(n int, second uint32) []byte {
	var b bytes.Buffer
	e := msgpack.NewEncoder(&b)
	e.UseCompactInts(true)
	for i := range n {
		LogHeader(&b, second)
		err := e.Encode(Pairs{
			"log", fmt.Sprintf("worker %d: %s (attempt %d)", i*7919%64, logEvents[i*31%len(logEvents)], i%5),
			"level", []string{"info", "warn", "error"}[i%3], "unit", "app.service", "pid", 1000 + i*13%500,
			"seq", i, "duration_ms", float64(i*37%10000) / 8, "ok", i%3 == 0,
			"request_id", fmt.Sprintf("%08x-%04x-%012x", uint32(i)*2654435761, i*40503&0xffff, uint64(i)*11400714819323%0xffffffffffff),
		})
		if err != nil {
			panic(err) // a Buffer takes everything
		}
	}
	return b.Bytes()
}

// LogHeader writes what stands before a record's body: its time and no metadata.
func LogHeader(b *bytes.Buffer, second uint32) {
	b.WriteString("\x92\x92\xd7\x00")
	b.Write(binary.BigEndian.AppendUint32(nil, second))
	b.WriteString("\x2d\xba\xac\x8d\x80")
}
