// Command baseline measures what others' code takes for a chunk of log records that it
// reads from standard input, in ns of the processor's time a record: fluent-bit-go's
// decoder, encoding/json and compress/gzip, one after the other, and the models of
// Datadog's client. It prints lines of a name, ns, bytes and allocations a record.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"github.com/fluent/fluent-bit-go/output"
)

const repetitions = 30

func main() {
	log.SetFlags(0)
	chunk, err := io.ReadAll(os.Stdin)
	if err != nil || len(chunk) == 0 {
		log.Fatal("no chunk on standard input: ", err)
	}
	records := decode(chunk, nil)
	for _, step := range []struct {
		name string
		run  func() int
	}{
		{"decode", func() int { decode(chunk, nil); return 0 }},
		{"json", func() int { return len(encode(chunk)) }},
		{"gzip", func() int { return len(compress(encode(chunk))) }},
		{"models", func() int { return len(models(chunk)) }},
	} {
		if step.name == "models" && models == nil {
			continue // they are not built for this processor
		}
		measure(step.name, records, step.run)
	}
}

// models encodes with the models of Datadog's client; nil where they are not built.
var models func(chunk []byte) []byte

// measure runs a step some times.
func measure(name string, records int, run func() (size int)) {
	run()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start, size := cpuNanos(), 0
	for range repetitions {
		size = run()
	}
	took := cpuNanos() - start
	runtime.ReadMemStats(&after)
	per := float64(repetitions * records)
	fmt.Printf("%s %.1f %.2f %.2f\n", name, float64(took)/per, float64(size)/float64(records), float64(after.Mallocs-before.Mallocs)/per)
}

func cpuNanos() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		log.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// decode calls each for every record, as a Go plugin of Fluent Bit does.
func decode(chunk []byte, each func(at time.Time, record map[any]any)) (records int) {
	d := output.NewDecoder(unsafe.Pointer(&chunk[0]), len(chunk))
	for {
		ret, at, record := output.GetRecord(d)
		if ret != 0 {
			return records
		}
		records++
		if each != nil {
			each(at.(output.FLBTime).Time, record)
		}
	}
}

// fields is a record with texts as such, which the decoder gives as bytes.
func fields(record map[any]any) map[string]any {
	m := make(map[string]any, len(record)+5)
	for k, v := range record {
		if b, ok := v.([]byte); ok {
			v = string(b)
		}
		m[k.(string)] = v
	}
	m["message"] = m["log"]
	delete(m, "log")
	return m
}

func encode(chunk []byte) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	decode(chunk, func(at time.Time, record map[any]any) {
		m := fields(record)
		m["timestamp"], m["ddsource"], m["service"], m["ddtags"] = at.UnixMilli(), "edge", "svc", "env:test"
		if err := e.Encode(m); err != nil {
			log.Fatal(err)
		}
	})
	return b.Bytes()
}

func compress(body []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body)
	_ = w.Close()
	return b.Bytes()
}
