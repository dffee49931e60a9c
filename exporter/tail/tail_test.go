package tail_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"out_edge/build/testkit"
	"out_edge/exporter/tail"
	"out_edge/plugin/wire"
	"out_edge/timefix"
)

// body makes a map of pairs of keys and values.
func body(t testing.TB, pairs ...any) wire.Value {
	t.Helper()
	var b bytes.Buffer
	e := msgpack.NewEncoder(&b)
	e.SetSortMapKeys(true)
	if err := e.EncodeMapLen(len(pairs) / 2); err != nil {
		t.Fatal(err)
	}
	for _, v := range pairs {
		if err := e.Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// texts are those of a tail, the newest first.
func texts(tl *tail.Tail) (all []string) {
	for _, e := range tl.Entries() {
		all = append(all, e.Tag+": "+e.Text)
	}
	return all
}

func flush(t testing.TB, tl *tail.Tail, tag string, bodies ...wire.Value) {
	t.Helper()
	var l tail.Last
	for i, b := range bodies {
		l.Note(tail.Record{UnixNano: int64(i), Body: b, Verdict: timefix.WrappedMs})
	}
	tl.Add(tag, timefix.Instant{Boot: 7}, &l)
}

// A record's main text comes first, and what looks like a secret does not come at all.
func TestTexts(t *testing.T) {
	const secret = "hunter2"
	for _, c := range []struct {
		name string
		body wire.Value
		want string
	}{
		{"main text first", body(t, "a", 1, "log", "it is so", "b", 2.5), "it is so a=1 b=2.5"},
		{"all kinds", body(t, "b", true, "n", nil, "i", -3, "u", uint64(1<<63), "m", map[string]any{"x": []any{1, "y"}}, "e", ""), "b=true n=null i=-3 u=9223372036854775808 m={x=[1 y]} e="},
		{"deep", body(t, "a", map[string]any{"b": map[string]any{"c": map[string]any{"d": map[string]any{"e": 1}}}}), "a={b={c={d=…}}}"},
		{"empty", body(t), ""},
		{"secret by its name", body(t, "API-Key", secret, "db_Password", secret, "u", map[string]any{"accessToken": secret}), "API-Key=•••••• db_Password=•••••• u={accessToken=••••••"},
		{"in a text", body(t, "log", "password="+secret+" ok"), "password=•••••• ok"},
		{"in JSON", body(t, "log", `{"token": "`+secret+`", "a": 1}`), `{"token": ••••••, "a": 1}`},
		{"in a header", body(t, "log", "Authorization: Bearer "+secret+secret), "Authorization: •••••• ••••••"},
		{"in an address", body(t, "log", "GET http://u:"+secret+"@h/p"), "GET http://••••••@h/p"},
		{"a private key", body(t, "log", "-----BEGIN RSA PRIVATE KEY-----\n"+secret), "••••••"},
		{"a Datadog key", body(t, "log", "key 0123456789abcdef0123456789abcdef here"), "key •••••• here"},
		{"a web token", body(t, "log", "got eyJhbGciOi.eyJzdWIiOiI.x_y-z"), "got ••••••"},
		{"no secret", body(t, "log", "the passenger took the train at 12:30 to /token-ring"), "the passenger took the train at 12:30 to /token-ring"},
	} {
		var tl tail.Tail
		flush(t, &tl, "t", c.body)
		if got := texts(&tl); len(got) != 1 || got[0] != "t: "+c.want {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

// A secret that is cut off at the end of what is kept is not shown in part.
func TestCutSecret(t *testing.T) {
	for n := 300; n < 900; n++ {
		var tl tail.Tail
		flush(t, &tl, "t", body(t, "log", strings.Repeat("x", n)+" http://user:hunter2hunter2@host password=hunter2hunter2"))
		got := tl.Entries()[0].Text
		if strings.Contains(got, "hunter") || len(got) > 450 {
			t.Fatalf("%d: %q", n, got)
		}
	}
}

// Of a flush the last three are kept; a busy tag takes what no other needs, and leaves
// others theirs.
func TestShares(t *testing.T) {
	var tl tail.Tail
	flush(t, &tl, "rare", body(t, "log", "1"), body(t, "log", "2"), body(t, "log", "3"), body(t, "log", "4"))
	if got := fmt.Sprint(texts(&tl)); got != "[rare: 4 rare: 3 rare: 2]" {
		t.Errorf("a flush of four: %s", got)
	}
	for i := range 50 {
		flush(t, &tl, "busy", body(t, "log", fmt.Sprint(i)))
	}
	all := texts(&tl)
	if len(all) != 24 || all[0] != "busy: 49" || all[23] != "rare: 2" {
		t.Errorf("a busy tag and a rare one: %d, %q", len(all), all)
	}
	for k := range 40 {
		flush(t, &tl, fmt.Sprint("tag", k), body(t, "log", "x"))
	}
	if all := texts(&tl); len(all) != 24 || all[0] != "tag39: x" || all[23] != "tag16: x" {
		t.Errorf("many tags: %q", all)
	}
}

// A tail that is full allocates nothing.
func TestAddAllocatesNothing(t *testing.T) {
	var tl tail.Tail
	b := body(t, "log", strings.Repeat("x", 2000), "password", "y", "n", 1.5)
	for range 30 {
		flush(t, &tl, "t", b, b, b)
	}
	var l tail.Last
	if n := testkit.Allocs(func() {
		l.Reset()
		for range 5 {
			l.Note(tail.Record{Body: b})
		}
		tl.Add("t", timefix.Instant{}, &l)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzTexts: no bytes break the writer, and nothing it shows is too long.
func FuzzTexts(f *testing.F) {
	f.Add([]byte(body(f, "log", "password=x", "a", map[string]any{"b": []any{1}})))
	f.Add([]byte{0xdf, 0xff, 0xff, 0xff, 0xff, 0xa1, 'a'})
	f.Fuzz(func(t *testing.T, b []byte) {
		var tl tail.Tail
		flush(t, &tl, "t", b)
		if got := tl.Entries()[0].Text; len(got) > 1200 {
			t.Errorf("%d bytes", len(got))
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	var tl tail.Tail
	one := body(b, "log", "GET /api/v1/items/1 HTTP/1.1 took 5 ms", "level", "info", "status", 200, "bytes", 1234, "remote", "10.0.1.2", "user", "plant-operator")
	var l tail.Last
	b.ReportAllocs()
	for b.Loop() {
		l.Reset()
		for range 3 {
			l.Note(tail.Record{Body: one})
		}
		tl.Add("t", timefix.Instant{}, &l)
	}
}

func BenchmarkEntries(b *testing.B) {
	one := body(b, "log", strings.Repeat("GET /api/v1/items/1 HTTP/1.1 took 5 ms ", 10), "level", "info")
	for b.Loop() {
		var tl tail.Tail
		for range 8 {
			flush(b, &tl, "t", one, one, one)
		}
		tl.Entries()
	}
}
