package captured

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"out_edge/build/harness"
	"out_edge/build/testkit"
)

// Set is captured payloads that are played together, under one clock.
type Set struct {
	Name string
	// Clock is the moment of the capture (RFC 3339).
	Clock string

	tags *regexp.Regexp
	logs bool
}

// Sets are those of log records, and last that of metrics events and traces. What
// senders wrote on purpose is from late 2025, what inputs read from the machine
// from late 2026. Each payload is in one of them.
func Sets() []Set {
	return []Set{
		{"senders", "2025-12-03T14:30:00Z", regexp.MustCompile(`^(fw\.|otel|v1_logs|dummy\.fixed)`), true},
		{"inputs", "2026-11-21T05:31:00Z", regexp.MustCompile(`^(app|cpu|mem|disk|netif|proc|thermal|dummy\.meta|statsd)`), true},
		{"events", "2026-11-21T05:31:00Z", regexp.MustCompile(`.`), false},
	}
}

// Hosts are the two Fluent Bits that the payloads were captured from; only the
// first has events.
func Hosts() []string { return []string{"amd64-v5.1.1", "armv7-v4.2.0"} }

var number = regexp.MustCompile(`\.\d+\.msgpack$`)

// Chunks are the set's payloads of a host, in a fixed order.
func (s Set) Chunks(root, host string) (chunks []harness.Chunk, err error) {
	files, err := filepath.Glob(testkit.PayloadFile(root, host, "*"))
	if len(files) == 0 {
		return nil, fmt.Errorf("find payloads of %s: %w", host, errors.Join(err, os.ErrNotExist))
	}
	for _, f := range files {
		payload, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("find payloads: %w", err)
		}
		c := harness.Chunk{Type: typeOf(payload), Tag: number.ReplaceAllString(filepath.Base(f), ""), File: f}
		if (c.Type == harness.Logs) == s.logs && s.tags.MatchString(c.Tag) {
			chunks = append(chunks, c)
		}
	}
	return chunks, nil
}

// typeOf tells events from log records by their first byte: a map.
func typeOf(payload []byte) harness.Type {
	switch {
	case payload[0]&0xf0 != 0x80:
		return harness.Logs
	case bytes.Contains(payload, []byte("resourceSpans")):
		return harness.Traces
	}
	return harness.Metrics
}
