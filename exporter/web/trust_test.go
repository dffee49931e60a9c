package web_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"out_edge/exporter/web"
)

// What a request must have to see what is not for everybody.
func TestTrusts(t *testing.T) {
	users := filepath.Join(t.TempDir(), "web.yml")
	if err := os.WriteFile(users, []byte("basic_auth_users:\n  a: $2y$10$x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(t.TempDir(), "web.yml")
	if err := os.WriteFile(open, []byte("http_server_config:\n  http2: true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const here, elsewhere = "127.0.0.1:40000", "192.168.1.7:40000"
	for _, c := range []struct {
		name, from, host, file string
		change                 func(*http.Request)
		want                   bool
	}{
		{"this machine", here, "127.0.0.1:2021", "", nil, true},
		{"this machine, by name", here, "localhost:2021", "", nil, true},
		{"IPv6", "[::1]:40000", "[::1]:2021", "", nil, true},
		{"IPv4 in IPv6", "[::ffff:127.0.0.1]:40000", "localhost", "", nil, true},
		{"another machine", elsewhere, "127.0.0.1:2021", "", nil, false},
		{"another name for this machine", here, "evil.example:2021", "", nil, false},
		{"a name that only begins so", here, "localhost.evil.example", "", nil, false},
		{"a proxy here", here, "localhost:2021", "", func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.168.1.7") }, false},
		{"another proxy here", here, "localhost:2021", "", func(r *http.Request) { r.Header.Set("Via", "1.1 x") }, false},
		{"a proxy that says nothing", here, "localhost:2021", "", func(r *http.Request) { r.ProtoMinor = 0 }, false},
		{"a password", elsewhere, "device:2021", users, func(r *http.Request) { r.SetBasicAuth("a", "b") }, true},
		{"a password where none is asked for", elsewhere, "device:2021", open, func(r *http.Request) { r.SetBasicAuth("a", "b") }, false},
		{"a password without a file", elsewhere, "device:2021", "", func(r *http.Request) { r.SetBasicAuth("a", "b") }, false},
		{"a password, and the file has gone", elsewhere, "device:2021", "/nowhere/web.yml", func(r *http.Request) { r.SetBasicAuth("a", "b") }, false},
		{"a certificate", elsewhere, "device:2021", open, func(r *http.Request) {
			r.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{}}}
		}, true},
		{"TLS alone", elsewhere, "device:2021", open, func(r *http.Request) { r.TLS = new(tls.ConnectionState) }, false},
		{"nothing", "", "", "", nil, false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.RemoteAddr, r.Host = c.from, c.host
		if c.change != nil {
			c.change(r)
		}
		if got := web.Trusts(r, c.file); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
