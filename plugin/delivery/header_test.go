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
		{"comma in quotes", `A "b, c" , D e:f`, "[{A b, c} {D e:f}]"},
		{"empty parts", ",, A b,", "[{A b}]"},
		{"no value", "A b, C", "`h`: part 2 is not `Name value`"},
		{"empty value", `A ""`, "`h`: part 1 is not `Name value`"},
		{"bad name", "A(b) hunter2", "`h`: part 1 is not `Name value`"},
		{"control character", "A hunter2\x00", "`h`: part 1 is not `Name value`"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			headers, err := delivery.ParseHeaders("h", c.text)
			got := fmt.Sprint(headers)
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
