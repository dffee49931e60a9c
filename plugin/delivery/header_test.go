package delivery_test

import (
	"fmt"
	"strings"
	"testing"

	"out_edge/plugin/delivery"
)

func TestParseHeaders(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"none", "", "[]"},
		{"space", "x-scope-orgid farm 7", "[{X-Scope-Orgid farm 7}]"},
		{"colon", "X-A: b,X-C:d e", "[{X-A b} {X-C d e}]"},
		{"colon alone", "x-a:b", "[{X-A b}]"},
		{"comma in quotes", `A "b, c" , D e:f`, "[{A b, c} {D e:f}]"},
		{"address", `A "b,c", D: http://e:80, F http://g:80`, "[{A b,c} {D http://e:80} {F http://g:80}]"},
		{"empty parts", ",, A b,", "[{A b}]"},
		{"no value", "A b, C", "`h`: part 2 is not `Name value`"},
		{"empty value", `A ""`, "`h`: part 1 is not `Name value`"},
		{"no name", "A b, : c", "`h`: part 2 is not `Name value`"},
		{"line break", "A b\nhunter2", "`h`: part 1 is not `Name value`"},
		{"bad name", "A(b) hunter2", "`h`: part 1 is not `Name value`"},
		{"control character", "A hunter2\x00", "`h`: part 1 is not `Name value`"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			headers, err := delivery.ParseHeaders("h", c.text)
			if shown := fmt.Sprintf("%v %+v %#v", headers, headers, headers); strings.Contains(shown, "farm") {
				t.Errorf("a value shows: %s", shown)
			}
			got := revealed(headers)
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if strings.Contains(got, "hunter2") {
				t.Error("a value shows")
			}
		})
	}
}

func revealed(headers []delivery.Header) string {
	var shown []string
	for _, h := range headers {
		shown = append(shown, "{"+h.Name+" "+h.Value.Reveal()+"}")
	}
	return fmt.Sprint(shown)
}

// FuzzParseHeaders: whatever is accepted can stand in a request.
func FuzzParseHeaders(f *testing.F) {
	for _, seed := range []string{"X-One 1", "X-One: 1, X-Two \"a,b\"", "a b\n", ",,", "\"", "X\x00 1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		headers, err := delivery.ParseHeaders("h", text)
		if err != nil {
			return
		}
		for _, h := range headers {
			if h.Name == "" || h.Value.IsZero() || strings.ContainsAny(h.Name, " :\r\n") || strings.ContainsAny(h.Value.Reveal(), "\r\n\x00") {
				t.Errorf("%q gives %q: %q", text, h.Name, h.Value.Reveal())
			}
		}
	})
}
