package rules_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"out_edge/build/testkit"
	"out_edge/exporter/rules"
	"out_edge/plugin/chunk"
	"out_edge/plugin/metric"
	"out_edge/plugin/wire"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// fields is a record's body.
type fields map[string]any

// rec makes a record with a body.
func rec(tb testing.TB, body fields) *chunk.Record {
	tb.Helper()
	return &chunk.Record{Index: 7, Body: pack(tb, body)}
}

func pack(tb testing.TB, v any) wire.Value {
	tb.Helper()
	b, err := msgpack.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// parse reads rules that are right.
func parse(tb testing.TB, text string) *rules.File {
	tb.Helper()
	f, err := rules.Parse("rules.yaml", []byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// refusals counts what an engine refuses.
type refusals struct {
	mu sync.Mutex
	n  map[string]int
}

func (r *refusals) add(rule, reason string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n == nil {
		r.n = make(map[string]int)
	}
	r.n[rule+" "+reason] += n
}

// take gives the counts as text, sorted, and forgets them.
func (r *refusals) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := fmt.Sprint(r.n)
	r.n = nil
	return strings.TrimSuffix(strings.TrimPrefix(text, "map["), "]")
}

// show writes a sample: name{labels} value.
func show(s *metric.Sample) string {
	var b strings.Builder
	b.WriteString(showSeries(s.Series))
	switch {
	case s.Dist != nil:
		fmt.Fprintf(&b, " %v of %v, %d, sum %v", s.Dist.Counts, s.Dist.Bounds, s.Dist.Count, s.Dist.Sum)
	case s.HasDelta:
		fmt.Fprintf(&b, " %v (+%v)", s.Value, s.Delta)
	default:
		fmt.Fprintf(&b, " %v", s.Value)
	}
	return b.String()
}

func showSeries(s *metric.Series) string {
	var b strings.Builder
	b.WriteString(s.Name)
	for i, l := range s.Labels {
		b.WriteString(map[bool]string{true: "{", false: ","}[i == 0] + l.Name + "=" + strconv.Quote(l.Value))
	}
	if len(s.Labels) > 0 {
		b.WriteByte('}')
	}
	return b.String()
}

// showAll writes samples, one a line.
func showAll(samples []metric.Sample) string {
	lines := make([]string, len(samples))
	for i := range samples {
		lines[i] = show(&samples[i])
	}
	return strings.Join(lines, "\n")
}
