package delivery_test

import (
	"strings"
	"testing"

	"out_edge/plugin/delivery"
)

func TestShownURL(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"https://host:9090/api/v1/write", "https://host:9090/api/v1/write"},
		{"http://[2001:db8::1]:80/w", "http://[2001:db8::1]:80/w"},
		{"http://[::1]/w", "http://[::1]/w"},
		{"https://müller.example/", "https://müller.example/"},
		{"https://vpce-0123456789abcdef0.eu.example.com", "https://vpce-0123456789abcdef0.eu.example.com"},
		{"https://host/prometheus-remote-write/x", "https://host/prometheus-remote-write/x"},
		{"http:///x", "http:///x"},

		// query and fragment
		{"https://host/push?token=hunter2", "https://host/push?…"},
		{"htps://host/push?token=hunter2", "htps://host/push?…"},
		{"https://host?hunter2", "https://host?…"},
		{"https://host/push?", "https://host/push?"},
		{"https://host/push#hunter2", "https://host/push#…"},
		{"https://host/push#a?hunter2", "https://host/push#…"},
		{"https://host/push&token=hunter2", "https://host/…"},
		{"https://host/push;token=hunter2", "https://host/…"},
		{"https://host/push%3Ftoken=hunter2", "https://host/…"},
		{"host/push?token=hunter2://", "host/push?…"},

		// user and password, escaped or not
		{"https://user:hunter2@host/push", "https://…@host/push"},
		{"https://hunter2@host:1/push?hunter2", "https://…@host:1/push?…"},
		{"https://user:h@hunter2@host/push", "https://…@host/push"},
		{"https://user:80/hunter2@host/push", "https://…@host/push"},
		{"https://user:80?hunter2@host/push", "https://…?…"},
		{"https://user:80#hunter2@host/push", "https://…#…"},
		{"https://user:h@80?hunter2@host/push", "https://…?…"},
		{"https://host/push?mail=a@hunter2", "https://…?…"},
		{"https://user:hunter2", "https://…"},
		{"https://user:hunter2%40host/push", "https://…/push"},
		{"http://user:hunter2@ho st:x/p", "http://…@…/p"},
		{"http://user:hunter2@host:x/%zz", "http://…@…/…"},
		{"http://[::1%25hunter2]/", "http://…/"},
		{"http://[hunter2]/", "http://…/"},

		// no scheme, or a wrong one
		{"localhost:80", "localhost:80"},
		{"host/push", "host/push"},
		{"user:hunter2@host/push", "…@host/push"},
		{"user:hunter2/push", "…/push"},
		{"user:hunter2@https://host/push", "…@https://host/push"},
		{"token:hunter2://host/push", "…//host/push"},
		{"https:/host/push", "https:/host/push"},
		{"https:/user:hunter2/push", "https:/…/push"},
		{"\x00hunter2\n", "…"},

		// keys in a path, or in place of an address
		{"https://host/v1/input/0123456789abcdef0123456789abcdef", "https://host/v1/input/…"},
		{"https://host/v1/input/hunter2/api/v2/logs", "https://host/v1/input/…/api/v2/logs"},
		{"https://host/input", "https://host/input"},
		{"https://host/input/", "https://host/input/"},
		{"https://host/0123456789abcdef0123456789abcdef/api", "https://host/…/api"},
		{"https://host/hunterHUNTERhunterHUNTER/api", "https://host/…/api"},
		{"0123456789abcdef0123456789abcdef", "…"},
		{"https://0123456789abcdef0123456789abcdef/x", "https://…/x"},
	} {
		got := delivery.ShownURL(c.text)
		if got != c.want {
			t.Errorf("%q is shown as %q, want %q", c.text, got, c.want)
		}
		if strings.Contains(got, "hunter2") {
			t.Errorf("%q shows its secret: %q", c.text, got)
		}
	}
}

// What stands behind a query's mark or before an at sign never shows, whatever
// is around it.
func FuzzShownURL(f *testing.F) {
	f.Add("https://user:", "@host/push")
	f.Add("https://host/push?token=", "")
	f.Add("user:", "/@host")
	f.Add("https://user:?", "@host")
	f.Fuzz(func(t *testing.T, before, after string) {
		const secret = "hunter2" // it stands before an at sign or behind a mark
		if strings.Contains(after, "://") || !strings.Contains(after, "@") && !strings.ContainsAny(before, "?#") {
			return // a scheme, or nothing that tells a secret
		}
		if strings.Contains(before+after, "hunter") {
			return
		}
		if got := delivery.ShownURL(before + secret + after); strings.Contains(got, secret) {
			t.Errorf("%q shows its secret: %q", before+secret+after, got)
		}
	})
}
