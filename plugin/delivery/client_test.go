package delivery_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_edge/build/testkit"
	"out_edge/plugin/delivery"
)

func client(t *testing.T, cfg delivery.HTTPConfig) *http.Client {
	t.Helper()
	if cfg.DialContext == nil {
		cfg.DialContext = testkit.LoopbackOnly
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Minute // a busy machine may need more than the default for a handshake
	}
	c, err := delivery.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// get makes a request and reads its answer.
func get(c *http.Client, address string) (status int, body string, err error) {
	resp, err := c.Get(address)
	if err != nil {
		return 0, "", delivery.Cause(err)
	}
	b, err := delivery.ReadAnswer(nil, resp)
	return resp.StatusCode, string(b), err
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func TestClientFollowsNoRedirect(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			t.Error("the redirect was followed")
		}
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	})
	if status, _, err := get(client(t, delivery.HTTPConfig{}), s.URL); status != 302 || err != nil {
		t.Errorf("got %d, %v", status, err)
	}
}

func TestClientReusesConnections(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 10_000)) })
	dials := 0
	c := client(t, delivery.HTTPConfig{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials++
		return testkit.LoopbackOnly(ctx, network, addr)
	}})
	for range 5 {
		if _, body, err := get(c, s.URL); len(body) != 10_000 || err != nil {
			t.Fatalf("%d bytes, %v", len(body), err)
		}
	}
	if dials != 1 {
		t.Errorf("%d dials, want 1", dials)
	}
}

func TestReadAnswer(t *testing.T) {
	tests := []struct {
		name    string
		handler http.HandlerFunc
		size    int
		cut     bool
	}{
		{"empty", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) }, 0, false},
		{"whole", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }, 2, false},
		{"endless", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 10_000)); err != nil {
					return
				}
			}
		}, delivery.MaxAnswer, false},
		{"shorter than promised", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, 4, true},
		{"chunks that break off", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, 4, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, test.handler)
			_, body, err := get(client(t, delivery.HTTPConfig{}), s.URL)
			if len(body) != test.size || (err != nil) != test.cut {
				t.Errorf("%d bytes, %v", len(body), err)
			}
		})
	}
}

func TestClientTimeout(t *testing.T) {
	release := make(chan struct{})
	silent := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
	slow := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		<-release
	})
	t.Cleanup(func() { close(release) })
	c := client(t, delivery.HTTPConfig{Timeout: 50 * time.Millisecond})
	for _, s := range []*httptest.Server{silent, slow} {
		if _, _, err := get(c, s.URL); err == nil {
			t.Error("no error")
		}
	}
	if _, err := c.Get(silent.URL); delivery.CodeOf(err) != delivery.CodeTimeout {
		t.Errorf("code %s", delivery.CodeOf(err))
	}
}

// proxy is an HTTP proxy that leads every request to one server.
func proxy(t *testing.T, target string, seen *[]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user := "-"
		if b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.Header.Get("Proxy-Authorization"), "Basic ")); err == nil && len(b) > 0 {
			user = string(b)
		}
		*seen = append(*seen, r.Method+" "+r.Host+" "+user)
		if user == "u:wrong" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		if r.Method != http.MethodConnect {
			_, _ = io.WriteString(w, "by proxy")
			return
		}
		tunnel(t, w, target)
	}
}

func tunnel(t *testing.T, w http.ResponseWriter, target string) {
	out, err := net.Dial("tcp", target)
	if err != nil {
		t.Error(err)
		return
	}
	in, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	_, _ = io.WriteString(in, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		_, _ = io.Copy(out, in)
		_ = out.Close()
	}()
	_, _ = io.Copy(in, out)
	_ = in.Close()
}

func TestClientProxy(t *testing.T) {
	target := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "through") }))
	t.Cleanup(target.Close)
	ca := writePEM(t, "ca.pem", "CERTIFICATE", target.Certificate().Raw)
	addr := target.Listener.Addr().String()

	var seen []string
	plain := serve(t, proxy(t, addr, &seen))
	secure := httptest.NewUnstartedServer(proxy(t, addr, &seen))
	secure.TLS = target.TLS.Clone()
	secure.TLS.NextProtos = nil
	secure.StartTLS()
	t.Cleanup(secure.Close)

	at := func(s *httptest.Server, user string) delivery.Secret {
		return delivery.NewSecret(strings.Replace(s.URL, "://", "://"+user, 1))
	}
	tests := []struct {
		name, address string
		proxy         delivery.Secret
		body, seen    string
	}{
		{"http", "http://intake.invalid/x", at(plain, ""), "by proxy", "GET intake.invalid -"},
		{"http with user", "http://intake.invalid/x", at(plain, "u:p%40ss@"), "by proxy", "GET intake.invalid u:p@ss"},
		{"https through http", "https://example.com/", at(plain, "u:p@"), "through", "CONNECT example.com:443 u:p"},
		{"https through https", "https://example.com/", at(secure, "u:p@"), "through", "CONNECT example.com:443 u:p"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			seen = nil
			c := client(t, delivery.HTTPConfig{Proxy: test.proxy, CAFile: ca})
			_, body, err := get(c, test.address)
			c.CloseIdleConnections()
			if err != nil || body != test.body || strings.Join(seen, ",") != test.seen {
				t.Errorf("got %q, %v; the proxy saw %v", body, err, seen)
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		_, _, err := get(client(t, delivery.HTTPConfig{Proxy: at(plain, "u:wrong@"), CAFile: ca}), "https://example.com/")
		var refusal *delivery.ProxyError
		if !errors.As(err, &refusal) || refusal.Status != 407 || strings.Contains(err.Error(), "wrong@") {
			t.Errorf("err = %v", err)
		}
	})
}

func TestProxyFromEnvironment(t *testing.T) {
	var seen, dialled []string
	s := serve(t, proxy(t, "", &seen))
	c := client(t, delivery.HTTPConfig{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialled = append(dialled, addr)
		if addr == envProxy {
			addr = s.Listener.Addr().String()
		}
		return testkit.LoopbackOnly(ctx, network, addr)
	}})
	if _, body, err := get(c, "http://intake.invalid/"); body != "by proxy" || err != nil {
		t.Errorf("got %q, %v", body, err)
	}
	if _, _, err := get(c, "http://direct.invalid/"); err == nil {
		t.Error("NO_PROXY does not count")
	}
	if want := envProxy + " direct.invalid:80"; strings.Join(dialled, " ") != want || strings.Join(seen, "") != "GET intake.invalid u:p" {
		t.Errorf("dialled %v, want %s; the proxy saw %v", dialled, want, seen)
	}
	explicit := client(t, delivery.HTTPConfig{Proxy: delivery.NewSecret(s.URL)})
	if _, body, err := get(explicit, "http://direct.invalid/"); body != "by proxy" || err != nil {
		t.Errorf("`proxy` gives way to NO_PROXY: %q, %v", body, err)
	}
}

func TestClientSettings(t *testing.T) {
	tests := []struct {
		name string
		cfg  delivery.HTTPConfig
		want string
	}{
		{"proxy scheme", delivery.HTTPConfig{Proxy: delivery.NewSecret("socks5://u:s3cret@h")}, "`proxy` must begin with http:// or https://"},
		{"proxy without host", delivery.HTTPConfig{Proxy: delivery.NewSecret("http://")}, "`proxy` names no host: must look like http://host:port"},
		{"proxy that cannot be read", delivery.HTTPConfig{Proxy: delivery.NewSecret("http://u:s3cret%zz@h")}, "`proxy` cannot be read: must look like http://user:password@host:port, with %XX for special characters"},
		{"no key", delivery.HTTPConfig{CertFile: "cert.pem"}, "`client_cert_file`: has no key; set `client_key_file`"},
		{"no certificate", delivery.HTTPConfig{KeyFile: "key.pem"}, "`client_key_file`: has no certificate; set `client_cert_file`"},
		{
			"all at once", delivery.HTTPConfig{Proxy: delivery.NewSecret("h:1"), KeyFile: "key.pem"},
			"`proxy` must begin with http:// or https://\n`client_key_file`: has no certificate; set `client_cert_file`",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := delivery.NewClient(test.cfg)
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestClientTLS(t *testing.T) {
	s := secureServer(t)
	ca := writePEM(t, "ca.pem", "CERTIFICATE", s.Certificate().Raw)
	certFile, keyFile := clientCert(t, "one")

	if _, err := client(t, delivery.HTTPConfig{}).Get(s.URL); delivery.CodeOf(err) != delivery.CodeTLS {
		t.Errorf("a server that nobody vouches for: %v", err)
	}
	if _, body, err := get(client(t, delivery.HTTPConfig{CAFile: ca}), s.URL); body != "HTTP/2.0 nobody" || err != nil {
		t.Errorf("got %q, %v", body, err)
	}
	c := client(t, delivery.HTTPConfig{CAFile: ca, CertFile: certFile, KeyFile: keyFile})
	if _, body, err := get(c, s.URL); body != "HTTP/2.0 one" || err != nil {
		t.Errorf("got %q, %v", body, err)
	}
	renewedCert, renewedKey := clientCert(t, "two")
	for from, to := range map[string]string{renewedCert: certFile, renewedKey: keyFile} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	if _, body, err := get(c, s.URL); body != "HTTP/2.0 two" || err != nil {
		t.Errorf("after renewal: got %q, %v", body, err)
	}
}

func writePEM(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// clientCert writes a certificate and its key.
func clientCert(t *testing.T, name string) (certFile, keyFile string) {
	t.Helper()
	return certFiles(t, &x509.Certificate{Subject: pkix.Name{CommonName: name}})
}

func loopback() []net.IP { return []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback} }

// certFiles writes a certificate that is signed with its own key, and the key.
func certFiles(t *testing.T, template *x509.Certificate) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.NotAfter = big.NewInt(1), time.Now().Add(time.Hour)
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return writePEM(t, "cert.pem", "CERTIFICATE", cert), writePEM(t, "key.pem", "EC PRIVATE KEY", der)
}
