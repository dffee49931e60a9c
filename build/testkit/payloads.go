package testkit

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Root returns the root of the source tree that contains the test.
func Root(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			err = errors.New("no go.mod above the test")
		}
		dir = up
	}
	tb.Fatalf("find the source tree: %v", err)
	return ""
}

// PayloadFile returns the path of a captured payload in the source tree at root: cpu.1
// of the host amd64-v5.1.1. Either may be a pattern of filepath.Match.
func PayloadFile(root, host, name string) string {
	return filepath.Join(root, "build", "testdata", "chunks", host, name+".msgpack")
}

// Payload reads a captured payload, see PayloadFile.
func Payload(tb testing.TB, host, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(PayloadFile(Root(tb), host, name))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// Captured is one captured payload.
type Captured struct {
	Host, Name string // amd64-v5.1.1, cpu.1
	Payload    []byte
}

// String returns the payload's path below the folder of all: amd64-v5.1.1/cpu.1.
func (c Captured) String() string { return c.Host + "/" + c.Name }

// Payloads reads all captured payloads of the hosts that match a pattern, sorted by
// host and name. The caller owns the payloads.
func Payloads(tb testing.TB, hosts string) []Captured {
	tb.Helper()
	files, err := filepath.Glob(PayloadFile(Root(tb), hosts, "*"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no captured payloads of %s: %v", hosts, err)
	}
	var all []Captured
	for _, file := range files {
		c := Captured{Host: filepath.Base(filepath.Dir(file)), Name: strings.TrimSuffix(filepath.Base(file), ".msgpack")}
		c.Payload = Payload(tb, c.Host, c.Name)
		all = append(all, c)
	}
	return all
}

// inputs matches the payloads that Fluent Bit's own inputs wrote with right times; the
// others are from senders.
var inputs = regexp.MustCompile(`^(app|cpu|mem|disk|netif|proc|thermal|dummy\.meta|statsd|flb_metrics|node_metrics)\.\d`)

// Inputs returns those of Payloads that Fluent Bit's inputs wrote with right times.
func Inputs(tb testing.TB, hosts string) []Captured {
	tb.Helper()
	return slices.DeleteFunc(Payloads(tb, hosts), func(c Captured) bool { return !inputs.MatchString(c.Name) })
}

// corruptBytes are put at each position of a good payload: heads of every family, wrong
// lengths, and the byte that is never used.
var corruptBytes = [...]byte{0x00, 0x80, 0x81, 0x9f, 0xc1, 0xc6, 0xc9, 0xdb, 0xdd, 0xdf, 0xff}

// Corrupt calls check with a payload in which one byte is replaced by one of
// corruptBytes, or has its last bit flipped: at each position, or at thirty positions
// of a payload over 2,000 bytes. check must not keep the payload.
func Corrupt(payload []byte, check func(corrupt []byte)) {
	payload = slices.Clone(payload)
	step := 1
	if len(payload) > 2000 {
		step = len(payload) / 30
	}
	for i := 0; i < len(payload); i += step {
		old := payload[i]
		for _, b := range append(slices.Clone(corruptBytes[:]), old^1) {
			payload[i] = b
			check(payload)
		}
		payload[i] = old
	}
}

// Flush is one flush of a sequence.
type Flush struct {
	Tag     string
	At      time.Time // the wall clock at which it was flushed
	Payload []byte
}

// Sequence reads the flushes of one agent's run in order: a folder of
// build/testdata/sequences, whose README says what is right. The caller owns the
// payloads.
func Sequence(tb testing.TB, name string) []Flush {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(Root(tb), "build", "testdata", "sequences", name, "*.msgpack"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no sequence %s: %v", name, err)
	}
	var all []Flush
	for _, file := range files {
		_, rest, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".msgpack"), ".")
		cut := strings.LastIndexByte(rest, '.')
		ms, err := strconv.ParseInt(rest[cut+1:], 10, 64)
		if err != nil {
			tb.Fatalf("sequence %s: %v", name, err)
		}
		payload, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, Flush{Tag: rest[:cut], At: time.UnixMilli(ms), Payload: payload})
	}
	return all
}
