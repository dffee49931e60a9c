package wire_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"out_edge/build/testkit"
	"out_edge/plugin/wire"
)

// TestValue reads one value of each kind and width in every way.
func TestValue(t *testing.T) {
	const no = "no"
	for _, test := range []struct {
		name, raw string
		kind      wire.TokenKind
		text      string // as render writes it
		i, u, f   string
	}{
		{"positive fixint", "7f", wire.Integer, "127", "127", "127", "127"},
		{"negative fixint", "e0", wire.Integer, "-32", "-32", no, "-32"},
		{"uint8", "ccff", wire.Integer, "255", "255", "255", "255"},
		{"uint16", "cdffff", wire.Integer, "65535", "65535", "65535", "65535"},
		{"uint32", "ceffffffff", wire.Integer, "4294967295", "4294967295", "4294967295", "4.294967295e+09"},
		{"uint64 within int64", "cf7fffffffffffffff", wire.Integer, "9223372036854775807", "9223372036854775807", "9223372036854775807", "9.223372036854775807e+18"},
		{"uint64 over int64", "cfffffffffffffffff", wire.Unsigned, "18446744073709551615", no, "18446744073709551615", "1.8446744073709552e+19"},
		{"int8", "d080", wire.Integer, "-128", "-128", no, "-128"},
		{"int16", "d18000", wire.Integer, "-32768", "-32768", no, "-32768"},
		{"int32", "d280000000", wire.Integer, "-2147483648", "-2147483648", no, "-2.147483648e+09"},
		{"int64", "d38000000000000000", wire.Integer, "-9223372036854775808", "-9223372036854775808", no, "-9.223372036854775808e+18"},
		{"int64, positive", "d30000000000000001", wire.Integer, "1", "1", "1", "1"},
		{"float32", "ca3fc00000", wire.Double, "f1.5", no, no, "1.5"},
		{"float64", "cb3ff8000000000000", wire.Double, "f1.5", no, no, "1.5"},
		{"infinity", "cb7ff0000000000000", wire.Double, "f+Inf", no, no, "+Inf"},
		{"nil", "c0", wire.Nil, "nil", no, no, no},
		{"false", "c2", wire.Bool, "false", no, no, no},
		{"true", "c3", wire.Bool, "true", no, no, no},
		{"fixstr", "a161", wire.Str, `"a"`, no, no, no},
		{"empty fixstr", "a0", wire.Str, `""`, no, no, no},
		{"longest fixstr", "bf" + strings.Repeat("61", 31), wire.Str, `"` + strings.Repeat("a", 31) + `"`, no, no, no},
		{"str8", "d90161", wire.Str, `"a"`, no, no, no},
		{"str16", "da000161", wire.Str, `"a"`, no, no, no},
		{"str32", "db0000000161", wire.Str, `"a"`, no, no, no},
		{"bin8", "c40161", wire.Bin, `bin"a"`, no, no, no},
		{"bin16", "c5000161", wire.Bin, `bin"a"`, no, no, no},
		{"bin32", "c60000000161", wire.Bin, `bin"a"`, no, no, no},
		{"fixext1", "d4ff61", wire.Ext, `ext-1"a"`, no, no, no},
		{"fixext2", "d5056161", wire.Ext, `ext5"aa"`, no, no, no},
		{"fixext4", "d60561616161", wire.Ext, `ext5"aaaa"`, no, no, no},
		{"fixext8", "d7056161616161616161", wire.Ext, `ext5"aaaaaaaa"`, no, no, no},
		{"fixext16", "d805" + strings.Repeat("61", 16), wire.Ext, `ext5"aaaaaaaaaaaaaaaa"`, no, no, no},
		{"ext8", "c7010561", wire.Ext, `ext5"a"`, no, no, no},
		{"ext16", "c800010561", wire.Ext, `ext5"a"`, no, no, no},
		{"ext32", "c9000000010561", wire.Ext, `ext5"a"`, no, no, no},
		{"ext without data", "c70005", wire.Ext, `ext5""`, no, no, no},
		{"fixarray", "9201a161", wire.Array, `[1, "a"]`, no, no, no},
		{"array16", "dc000201a161", wire.Array, `[1, "a"]`, no, no, no},
		{"array32", "dd0000000201a161", wire.Array, `[1, "a"]`, no, no, no},
		{"empty array", "90", wire.Array, `[]`, no, no, no},
		{"fixmap", "8201a161a162c0", wire.Map, `{1: "a", "b": nil}`, no, no, no},
		{"map16", "de000201a161a162c0", wire.Map, `{1: "a", "b": nil}`, no, no, no},
		{"map32", "df0000000201a161a162c0", wire.Map, `{1: "a", "b": nil}`, no, no, no},
		{"nested", "81a16192818090c3", wire.Map, `{"a": [{{}: []}, true]}`, no, no, no},
		{"absent", "", wire.End, "-", no, no, no},
	} {
		v := wire.Value(testkit.Unhex(t, test.raw))
		if got := v.Kind(); got != test.kind {
			t.Errorf("%s: kind %d, want %d", test.name, got, test.kind)
		}
		if got := testkit.Render(v); got != test.text {
			t.Errorf("%s: %s, want %s", test.name, got, test.text)
		}
		i, iok := v.Int64()
		u, uok := v.Uint64()
		f, fok := v.Float64()
		for _, read := range []struct {
			method, got, want string
		}{
			{"Int64", number(i, iok), test.i},
			{"Uint64", number(u, uok), test.u},
		} {
			if read.got != read.want {
				t.Errorf("%s: %s %s, want %s", test.name, read.method, read.got, read.want)
			}
		}
		if fok != (test.f != no) || fok && f != parseFloat(t, test.f) {
			t.Errorf("%s: Float64 %v %v, want %s", test.name, f, fok, test.f)
		}
		testkit.CheckValue(t, v, len(v) > 0)
		for n := range v {
			testkit.CheckValue(t, v[:n:n], false)
		}
	}
}

func number(n any, ok bool) string {
	if !ok {
		return "no"
	}
	return fmt.Sprint(n)
}

func parseFloat(t *testing.T, s string) float64 {
	t.Helper()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestValueBoolAndBytes(t *testing.T) {
	for _, test := range []struct {
		raw       string
		value, ok bool
	}{{"c3", true, true}, {"c2", false, true}, {"c0", false, false}, {"01", false, false}, {"", false, false}} {
		if value, ok := wire.Value(testkit.Unhex(t, test.raw)).Bool(); value != test.value || ok != test.ok {
			t.Errorf("%q: %v %v", test.raw, value, ok)
		}
	}
	for _, test := range []struct{ raw, want string }{
		{"a161", "a"}, {"a0", ""}, {"d90161", "a"}, {"c40161", "a"}, {"c400", ""},
	} {
		if b, ok := wire.Value(testkit.Unhex(t, test.raw)).Bytes(); !ok || b == nil || string(b) != test.want {
			t.Errorf("%s: %q %v, want %q", test.raw, b, ok, test.want)
		}
	}
	for _, raw := range []string{"", "01", "c0", "80", "d4ff61", "a2 61", "d902 61", "c402 61"} {
		if b, ok := wire.Value(testkit.Unhex(t, raw)).Bytes(); ok || b != nil {
			t.Errorf("%s: %q %v, want none", raw, b, ok)
		}
	}
}

func TestGet(t *testing.T) {
	v := wire.Value(testkit.Unhex(t, "86 a16101 a16202 a16103 c4016304 0505 a16481a16507"))
	for _, test := range []struct {
		key  string
		want string
	}{{"a", "1"}, {"b", "2"}, {"c", "4"}, {"d", `{"e": 7}`}, {"e", "-"}, {"", "-"}, {"ab", "-"}} {
		if got := testkit.Render(v.Get(test.key)); got != test.want {
			t.Errorf("%q: %s, want %s", test.key, got, test.want)
		}
	}
	if got := testkit.Render(v.Get("d").Get("e")); got != "7" {
		t.Errorf("d.e: %s", got)
	}
	if got := testkit.Render(v.Get("x").Get("e").Get("f")); got != "-" {
		t.Errorf("x.e.f: %s", got)
	}
	if v.Len() != 6 || v.Get("a").Len() != 0 || v.Get("x").Len() != 0 {
		t.Errorf("lengths %d, %d, %d", v.Len(), v.Get("a").Len(), v.Get("x").Len())
	}
}

func TestIterators(t *testing.T) {
	v := wire.Value(testkit.Unhex(t, "82 a161 92 01 80 a162 c0"))
	var got []string
	it := v.Map()
	for key, val, ok := it.Next(); ok; key, val, ok = it.Next() {
		got = append(got, testkit.Render(key)+"="+testkit.Render(val))
		elements := val.Array()
		for e, ok := elements.Next(); ok; e, ok = elements.Next() {
			got = append(got, testkit.Render(e))
		}
	}
	if want := `"a"=[1, {}] 1 {} "b"=nil`; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %s", got, want)
	}
	if _, _, ok := it.Next(); ok {
		t.Error("a pair after the end")
	}
	for _, raw := range []string{"", "07", "92 01 02", "dfffffffff", "8101", "81c1"} {
		it := wire.Value(testkit.Unhex(t, raw)).Map()
		if key, val, ok := it.Next(); ok {
			t.Errorf("%s: pair %x %x", raw, key, val)
		}
	}
	for _, raw := range []string{"", "07", "8101 02", "ddffffffff", "91", "91a5"} {
		it := wire.Value(testkit.Unhex(t, raw)).Array()
		if e, ok := it.Next(); ok {
			t.Errorf("%s: element %x", raw, e)
		}
	}
}

// TestSkip steps over what stands in each token in turn.
func TestSkip(t *testing.T) {
	v := wire.Value(testkit.Unhex(t, "94 05 92 01 81a16102 cb3ff8000000000000 a162"))
	r := v.Reader()
	if r.Skip() != nil {
		t.Error("skipped before the first token")
	}
	if r.Next() != wire.Array {
		t.Fatal("no array")
	}
	var got []string
	for range r.Len() {
		r.Next()
		whole := r.Skip()
		again := r.Skip()
		got = append(got, testkit.Render(whole))
		if string(again) != string(whole) {
			t.Errorf("skipped again: %s", testkit.Render(again))
		}
	}
	if want := `5 [1, {"a": 2}] f1.5 "b"`; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %s", got, want)
	}
	if r.Next() != wire.End || r.Failed() {
		t.Errorf("not at the end, failed %v", r.Failed())
	}
}

// TestReaderFails reads bytes that no Decoder has checked.
func TestReaderFails(t *testing.T) {
	for _, raw := range []string{
		"c1", "91", "81a161", "81c1c0", "a5", "d9", "d905", "dfffffffff", "dd80000000", "db80000000 00", "c9ffffffff00",
		"cb00", "d80000", "92dd00000002 00", strings.Repeat("dd10000000", 50),
	} {
		r := wire.Value(testkit.Unhex(t, raw)).Reader()
		n := 0
		for r.Next() != wire.End {
			n++
		}
		if !r.Failed() || n > len(raw)/2 {
			t.Errorf("%s: %d tokens, failed %v", raw, n, r.Failed())
		}
		if r.Next() != wire.End || r.Skip() != nil {
			t.Errorf("%s: a token after the end", raw)
		}
	}
	r := wire.Value(nil).Reader()
	if r.Float64() != 0 || len(r.Bytes()) != 0 || r.Next() != wire.End || r.Failed() {
		t.Error("an absent value is no failure")
	}
}

// A reader steps from pair to pair whatever the keys and values are, and whether or not a
// value's content was read.
func TestReaderStepsThroughPairs(t *testing.T) {
	// {"a": [1, {}], [2]: "b", bin "c": {"d": 3}, 5: 6, "e": "f"}
	v := wire.Value(testkit.Unhex(t, "85 a161 920180 9102 a162 c40163 81a16403 05 06 a165 a166"))
	for _, reads := range []bool{false, true} {
		r := v.Reader()
		r.Next()
		var got []string
		for range r.Len() {
			key := r.Key()
			got = append(got, fmt.Sprintf("%s %d %s", key, r.Kind(), r.Text()))
			if r.IsContainer() && reads {
				for range r.Len() * (1 + int(r.Kind()-wire.Array)) {
					r.Next()
					r.Leave()
				}
			} else {
				r.Leave()
			}
		}
		want := fmt.Sprintf("[a %d   %d b c %d   %d  e %d f]", wire.Array, wire.Str, wire.Map, wire.Integer, wire.Str)
		if fmt.Sprint(got) != want || r.Next() != wire.End || r.Failed() {
			t.Errorf("%v: got %q, want %s", reads, got, want)
		}
	}
}
