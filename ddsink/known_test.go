package ddsink_test

import (
	"strings"
	"testing"

	"out_edge/build/testkit"
	"out_edge/ddsink"
	"out_edge/plugin/chunk"
	"out_edge/plugin/wire"
)

// recordOf is a record with a body that was checked.
func recordOf(body wire.Value) *chunk.Record {
	return &chunk.Record{Time: chunk.Time{Form: chunk.EventTime, Bits: 1764771798 << 32}, Body: body}
}

// FuzzNamesOfBefore lets one writer have the values in a text one after the other, as
// bodies of records, and a new writer for each: what a writer knows of the names of
// before must change nothing.
func FuzzNamesOfBefore(f *testing.F) {
	log := func(pairs ...any) string { return string(pack(f, testkit.Pairs(pairs))) }
	many := func(n int) string {
		var pairs []any
		for i := range n {
			pairs = append(pairs, strings.Repeat("k", i+1), i)
		}
		return log(pairs...)
	}
	a := log("log", "x", "level", "info", "n", 1)
	for _, seed := range []string{
		a + a, a + log("log", "x", "n", 1, "level", "info") + a, a + log("log", "y") + a,
		log("a", 1, "a", 2, "b", 3) + log("a", 1, "b", 3, "a", 2) + log("a", 1, "a", 2, "b", 3),
		log("a", 1, "b", 2, "c", 3) + log("a", 1, []byte("c"), 2, "c", 3),
		log("service", "s", "timestamp", 5, "message", "m") + log("service", "", "timestamp", "x", "message", 1),
		many(21) + many(22) + many(23) + many(60) + many(22) + many(60),
		log("a\"b", 1, "\x00", 2) + log("a\"b", 1, []byte("\x00"), 2) + log("a\"b", 1, 7, 2),
		log(strings.Repeat("\x01", 127), 1, strings.Repeat("x", 128), 2) + log(strings.Repeat("\x01", 127), 1, strings.Repeat("x", 128), 2),
		log("log", map[string]any{"level": "warn"}, "log.level", "", "lvl", "error") + log("log", map[string]any{"level": "warn"}, "log.level", "x", "lvl", "error"),
	} {
		f.Add([]byte(seed))
	}
	cfg := ddsink.Config{Service: "svc", Source: "edge", Tags: "env:test", Hostname: "h"}
	f.Fuzz(func(t *testing.T, bodies []byte) {
		var checker wire.Checker
		e := ddsink.NewEntries(cfg)
		for i := 0; i < len(bodies); {
			end, state := checker.Check(bodies, i)
			if v := wire.Value(bodies[i:end]); state == wire.Whole && v.IsMap() {
				got := string(e.Append(nil, recordOf(v), "app", 1764771798000))
				if want := string(ddsink.NewEntries(cfg).Append(nil, recordOf(v), "app", 1764771798000)); got != want {
					t.Fatalf("got %s, want %s", got, want)
				}
			}
			i = end
		}
	})
}

// TestLongValuesBehindKnownNames has values that leave no room for the next.
func TestLongValuesBehindKnownNames(t *testing.T) {
	cfg := ddsink.Config{Service: "svc"}
	e := ddsink.NewEntries(cfg)
	for _, size := range []int{1, 799_000, 799_500, 799_900, 799_990, 800_100, 1} {
		body := pack(t, testkit.Pairs{"a", 1, "b", strings.Repeat("x", size), "c", strings.Repeat("y", 100), "d", 2})
		got := string(e.Append(nil, recordOf(body), "app", 1764771798000))
		if want := string(ddsink.NewEntries(cfg).Append(nil, recordOf(body), "app", 1764771798000)); got != want {
			t.Fatalf("behind a value of %d bytes: %s, want %s", size, got[max(len(got)-300, 0):], want[max(len(want)-300, 0):])
		}
	}
}
