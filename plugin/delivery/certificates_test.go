package delivery_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_edge/plugin/delivery"
)

// secureServer says whose certificate it was shown.
func secureServer(t *testing.T, cert ...tls.Certificate) *httptest.Server {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := "nobody"
		if certs := r.TLS.PeerCertificates; len(certs) > 0 {
			name = certs[0].Subject.CommonName
		}
		_, _ = io.WriteString(w, r.Proto+" "+name)
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, Certificates: cert}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func asPEM(s *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.TLS.Certificates[0].Certificate[0]})
}

// write replaces a file, with a time of its own: a filesystem may count seconds.
func write(t *testing.T, file string, text []byte, age time.Duration) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	stamp := time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC).Add(-age)
	if err := os.Chtimes(file, stamp, stamp); err != nil {
		t.Fatal(err)
	}
}

// closing tells that it was closed.
type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}

// TestCAFileMayCome: a CA file that is missing or half written is waited for, one
// that changes counts from the next request on, and one that breaks leaves the
// last certificates in use.
func TestCAFileMayCome(t *testing.T) {
	one := secureServer(t)
	two := secureServer(t, selfSigned(t))
	ca := filepath.Join(t.TempDir(), "ca.pem")
	var lines bytes.Buffer
	c := client(t, delivery.HTTPConfig{CAFile: ca, Log: slog.New(slog.NewTextHandler(&lines, nil))})

	refused := func(want string) {
		t.Helper()
		_, err := c.Get(one.URL)
		var file *delivery.FileError
		if !errors.As(err, &file) || delivery.CodeOf(err) != delivery.CodeTLS || delivery.Cause(err).Error() != want {
			t.Errorf("got %s: %v, want %s", delivery.CodeOf(err), delivery.Cause(err), want)
		}
	}
	trusts := func(s *httptest.Server, want bool) {
		t.Helper()
		_, body, err := get(c, s.URL)
		if (body == "HTTP/2.0 nobody") != want || (err == nil) != want {
			t.Errorf("got %q, %v", body, err)
		}
	}
	refused("read CA file: open " + ca + ": no such file or directory")
	write(t, ca, asPEM(one)[:40], 9*time.Second)
	refused("read CA file: " + ca + " holds no certificate in PEM")
	body := &closing{Reader: strings.NewReader("x")}
	if _, err := c.Post(one.URL, "text/plain", body); err == nil || !body.closed {
		t.Errorf("err = %v, body closed: %v", err, body.closed)
	}
	plain := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "plain") })
	if _, body, err := get(c, plain.URL); body != "plain" || err != nil {
		t.Errorf("plain http, which needs no CA: %q, %v", body, err)
	}
	if lines.Len() > 0 {
		t.Errorf("logged %s", lines.String())
	}

	write(t, ca, asPEM(one), 8*time.Second)
	trusts(one, true)
	trusts(two, false)
	write(t, ca, asPEM(two), 7*time.Second)
	trusts(one, false)
	trusts(two, true)
	if got := strings.Count(lines.String(), "\n"); got != 1 || !strings.Contains(lines.String(), "the new certificates are in use") {
		t.Errorf("logged %s", lines.String())
	}

	lines.Reset()
	write(t, ca, nil, 6*time.Second)
	trusts(two, true)
	trusts(two, true)
	if err := os.Remove(ca); err != nil {
		t.Fatal(err)
	}
	trusts(two, true)
	write(t, ca, append(asPEM(one), asPEM(two)...), 5*time.Second)
	trusts(one, true)
	trusts(two, true)
	want := []string{"holds no certificate in PEM", "no such file or directory", "the new certificates are in use"}
	got := strings.Split(strings.TrimSpace(lines.String()), "\n")
	if len(got) != len(want) {
		t.Fatalf("logged %s", lines.String())
	}
	for i, line := range got {
		if !strings.Contains(line, want[i]) {
			t.Errorf("logged %s, want %s", line, want[i])
		}
	}
}

// TestClientCertificateMayCome: a pair of which one half is missing, or old, is
// waited for; meanwhile the last whole one is shown.
func TestClientCertificateMayCome(t *testing.T) {
	s := secureServer(t)
	dir := t.TempDir()
	ca, certFile, keyFile := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, ca, asPEM(s), 0)
	read := func(file string) []byte {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	c := client(t, delivery.HTTPConfig{CAFile: ca, CertFile: certFile, KeyFile: keyFile})
	shows := func(want string) {
		t.Helper()
		if _, body, err := get(c, s.URL); body != "HTTP/2.0 "+want || err != nil {
			t.Errorf("got %q, %v, want %s", body, err, want)
		}
	}
	cert, key := clientCert(t, "one")
	write(t, certFile, read(cert), 9*time.Second)
	if _, _, err := get(c, s.URL); err == nil || err.Error() != "load client certificate: open "+keyFile+": no such file or directory" {
		t.Errorf("err = %v", err)
	}
	write(t, keyFile, read(key)[:30], 9*time.Second)
	if _, _, err := get(c, s.URL); err == nil || !strings.HasPrefix(err.Error(), "load client certificate: tls: ") {
		t.Errorf("err = %v", err)
	}
	write(t, keyFile, read(key), 8*time.Second)
	shows("one")
	cert, key = clientCert(t, "two")
	write(t, certFile, read(cert), 7*time.Second)
	shows("one")
	write(t, keyFile, read(key), 7*time.Second)
	shows("two")
}

// selfSigned is a server's certificate that differs from httptest's.
func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	certFile, keyFile := certFiles(t, &x509.Certificate{DNSNames: []string{"two"}, IPAddresses: loopback()})
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}
