package ddsink_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"out_edge/ddsink"
	"out_edge/plugin/chunk"
	"out_edge/plugin/wire"
)

// TestAppendFloat compares with encoding/json.
func TestAppendFloat(t *testing.T) {
	values := []float64{
		0, math.Copysign(0, -1), 1, -1, 0.1, 1.5, 1e-6, 9.99e-7, 1e-7, 1e-9, 1.5e-10, 1e20, 1e21, 1.5e300, 123456789012345680,
		999999999999999, 1e15, -1e15, 1 << 53, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Pi, 1e-300, -1e21,
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		values = append(values, math.Float64frombits(random.Uint64()), float64(random.Int64())/1000)
		few := float64(random.Int64N(1e15)>>random.IntN(50)) / []float64{10, 100, 1000, 1e4}[random.IntN(4)]
		values = append(values, few, -few, math.Nextafter(few, 0), math.Nextafter(few, math.Inf(1)))
	}
	for _, f := range values {
		want := "null"
		if b, err := json.Marshal(f); err == nil {
			want = string(b)
		}
		if got := string(ddsink.AppendFloat(nil, f)); got != want {
			t.Fatalf("%x: got %s, want %s", f, got, want)
		}
	}
}

// TestAppendString compares with encoding/json, by what is read back.
func TestAppendString(t *testing.T) {
	parts := []string{"a", "plain text of some length", "\"", "\\", "\n", "\r", "\t", "\x00", "\x1f", "\x7f", "é", "日本", "😀", "\xff", "\xe3\x81", "<&>", "\u2028"}
	random := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		var b strings.Builder
		for range random.IntN(8) {
			b.WriteString(parts[random.IntN(len(parts))])
		}
		checkString(t, b.String())
	}
}

func checkString(t *testing.T, s string) {
	t.Helper()
	encoded, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var want, got string
	if err := json.Unmarshal(encoded, &want); err != nil {
		t.Fatal(err)
	}
	out := ddsink.AppendString(nil, []byte(s))
	if err := json.Unmarshal(out, &got); err != nil || got != want || !utf8.Valid(out) {
		t.Fatalf("%q: got %s (%v), want %s", s, out, err, encoded)
	}
}

func TestAppendStringMax(t *testing.T) {
	tests := []struct {
		name, text string
		limit      int
		want       string
		used       int
	}{
		{"fits", "abc", 5, `"abc"`, 3},
		{"cut", "abcd", 5, `"abc"`, 3},
		{"cut before a character of three bytes", "ab日", 6, `"ab"`, 2},
		{"cut after a character of three bytes", "ab日x", 7, `"ab日"`, 5},
		{"cut before an escape", "ab\x01", 9, `"ab"`, 2},
		{"cut after an escape", "ab\x01c", 10, `"ab\u0001"`, 3},
		{"no room", "abc", 2, `""`, 0},
		{"bad bytes", "a\xff\xff", 6, "\"a\ufffd\"", 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, used := ddsink.AppendStringMax(nil, []byte(test.text), test.limit)
			if string(got) != test.want || used != test.used {
				t.Errorf("got %s, %d; want %s, %d", got, used, test.want, test.used)
			}
		})
	}
}

// TestAppendValue compares random values with encoding/json, by what is read back.
func TestAppendValue(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 3000 {
		v := randomValue(random, 5)
		marshalled, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out, ok := ddsink.AppendValue(nil, pack(t, v), 1<<20)
		if !ok {
			t.Fatalf("%s is not written", marshalled)
		}
		got, want := reread(t, out), reread(t, marshalled)
		if got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
}

// reread is JSON in the form that encoding/json gives it: sorted, escaped its way.
func reread(t *testing.T, text []byte) string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func randomValue(random *rand.Rand, depth int) any {
	n := 10
	if depth == 0 {
		n = 8
	}
	switch random.IntN(n) {
	case 0:
		return nil
	case 1:
		return random.IntN(2) == 0
	case 2:
		return int64(random.Uint64()) >> random.IntN(64)
	case 3:
		return random.Uint64() >> random.IntN(64)
	case 4:
		return float64(random.Int64()) / 1024
	case 5:
		return random.NormFloat64() * math.Pow(10, float64(random.IntN(40)-20))
	case 6, 7:
		return randomText(random)
	case 8:
		list := make([]any, random.IntN(5))
		for i := range list {
			list[i] = randomValue(random, depth-1)
		}
		return list
	default:
		m := map[string]any{}
		for range random.IntN(6) {
			m[randomText(random)] = randomValue(random, depth-1)
		}
		return m
	}
}

func randomText(random *rand.Rand) string {
	parts := []string{"a", "field", " ", "\"", "\\", "\n", "\x00", "é", "日本", "😀", "<&>", "long enough for whole words "}
	var b strings.Builder
	for range random.IntN(5) {
		b.WriteString(parts[random.IntN(len(parts))])
	}
	return b.String()
}

// TestAppendValueDeep nests as deep as a record may.
func TestAppendValueDeep(t *testing.T) {
	value := append(bytesOf(0x91, wire.MaxDepth-1), 0x90)
	got, ok := ddsink.AppendValue(nil, value, 1<<20)
	want := strings.Repeat("[", wire.MaxDepth) + strings.Repeat("]", wire.MaxDepth)
	if !ok || string(got) != want {
		t.Errorf("got %s, %v", got, ok)
	}
	if _, ok := ddsink.AppendValue(nil, append(bytesOf(0x91, 1000), 0x90), 1<<20); ok {
		t.Error("a value that is nested too deep was written")
	}
}

func bytesOf(b byte, n int) []byte {
	s := make([]byte, n)
	for i := range s {
		s[i] = b
	}
	return s
}

// FuzzAppendJSON makes entries of any payload: each must be valid JSON without a
// key that stands twice, and never over the intake's limit.
func FuzzAppendJSON(f *testing.F) {
	f.Add([]byte("\x92\xd7\x00\x69\x30\x47\xd6\x2d\xba\xac\x8d\x81\xa3log\xa5hello"))
	f.Add([]byte("\x92\x01\x83\xa1a\x01\xa1a\x02\x01\xc4\x01\xff"))
	f.Add([]byte("\x92\x01\x84\xa7message\x80\xa7service\x90\xa6ddtags\x92\xa1a\xa1b\xa9timestamp\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x92\x92\x01\x81\xa4otlp\x82\xa8trace_id\xc4\x10aaaaaaaaaaaaaaaa\xaaattributes\x81\xa1k\x05\x81\xa1m\xa1x"))
	f.Add([]byte("\x92\x01\x81\xa1m\x83\xa1a\x01\xa1a\x02\xa1b\x81\xa1a\x93\xc0\xc3\x80"))
	plain := ddsink.NewEntries(ddsink.Config{})
	full := ddsink.NewEntries(ddsink.Config{
		Source: "a", Service: "b", Hostname: "c", Tags: "e:f", IncludeTagKey: true, Provider: "ecs",
	})
	f.Fuzz(func(t *testing.T, payload []byte) {
		decode(payload, func(r *chunk.Record) {
			for _, e := range []*ddsink.Entries{plain, full} {
				out := e.Append(nil, r, "tag", 1)
				m, err := strictObject(out)
				if err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				if _, ok := m["message"].(string); !ok && m["message"] != nil || len(out) > 1_000_000 || !utf8.Valid(out) {
					t.Fatalf("%d bytes: %s", len(out), out)
				}
			}
		})
	})
}
