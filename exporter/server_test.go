package exporter_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"out_edge/build/testkit"
	"out_edge/exporter"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

func TestPaths(t *testing.T) {
	cfg := loopback()
	m := open(t, quietExporter(newClock()), cfg)
	for _, c := range []struct {
		path, kind, body string
		code             int
	}{
		{"/healthz", "text/plain; charset=utf-8", "ok\n", 200},
		{"/readyz", "application/json", "{\n  \"ready\": true,\n  \"reasons\": []\n}\n", 200},
		{"/debug/time?format=json", "application/json", "[]\n", 200},
		{"/nothing", "text/plain; charset=utf-8", "404 page not found\n", 404},
	} {
		resp, body := fetch(t, m, c.path)
		if resp.StatusCode != c.code || resp.Header.Get("Content-Type") != c.kind || body != c.body {
			t.Errorf("%s: %d %s %q", c.path, resp.StatusCode, resp.Header.Get("Content-Type"), body)
		}
	}
	resp, body := fetch(t, m, "/")
	if resp.StatusCode != 200 || !strings.Contains(body, `href="metrics"`) {
		t.Errorf("/: %d %q", resp.StatusCode, body)
	}
}

func TestMethods(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	defer http.DefaultClient.CloseIdleConnections()
	for _, path := range []string{"/", "/metrics", "/debug/time", "/healthz", "/readyz"} {
		for method, code := range map[string]int{http.MethodHead: http.StatusOK, http.MethodPost: http.StatusMethodNotAllowed, http.MethodDelete: http.StatusMethodNotAllowed} {
			req, err := http.NewRequestWithContext(t.Context(), method, "http://"+m.Addr().String()+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != code || code != http.StatusOK && resp.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %s, Allow: %q", method, path, resp.Status, resp.Header.Get("Allow"))
			}
		}
	}
}

// Connections that have ended make room for others.
func TestManyConnections(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	for range 100 {
		fetch(t, m, "/healthz")
	}
}

// Connections that only stay open shut nobody out, with TLS or without.
func TestIdleConnections(t *testing.T) {
	dir := t.TempDir()
	roots := writeCertificate(t, dir)
	for scheme, web := range map[string]string{"http": "", "https": writeFile(t, dir, "web.yml", "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n")} {
		t.Run(scheme, func(t *testing.T) {
			cfg := loopback()
			cfg.WebConfigFile = web
			m := open(t, quietExporter(newClock()), cfg)
			url := scheme + "://" + m.Addr().String() + "/healthz"
			for range 64 + 6 {
				keepAlive := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
				defer keepAlive.CloseIdleConnections()
				if resp, _ := fetchURL(t, &http.Client{Transport: keepAlive, Timeout: 10 * time.Second}, url); resp.StatusCode != 200 {
					t.Fatal(resp.Status)
				}
			}
		})
	}
}

func TestReadyz(t *testing.T) {
	exp := quietExporter(newClock())
	first, second, third := loopback(), loopback(), loopback()
	first.Status = func() exporter.Status { return exporter.Status{NotReady: []string{"clock: not set"}} }
	second.Status = func() exporter.Status { return exporter.Status{NotReady: []string{"datadog: no key"}} }
	a := open(t, exp, first)
	b := open(t, exp, second)
	open(t, exp, third)
	resp, body := fetch(t, a, "/readyz")
	want := "{\n  \"ready\": false,\n  \"reasons\": [\n    \"clock: not set\",\n    \"datadog: no key\"\n  ]\n}\n"
	if resp.StatusCode != http.StatusServiceUnavailable || body != want {
		t.Errorf("%s %s", resp.Status, body)
	}
	closeNow(t, a)
	if _, body := fetch(t, b, "/readyz"); strings.Contains(body, "clock") {
		t.Error("a closed instance still speaks")
	}
}

func TestDebugTime(t *testing.T) {
	exp := quietExporter(newClock())
	repair := func(tag string, boot int64) timefix.Repair {
		return timefix.Repair{Tag: tag, Raw: timefix.Raw{Form: timefix.EventTime, Bits: 0xe4989eef<<32 | 0x2dbaa10d},
			Before: 3835207407 * 1e9, After: start.UnixNano(), Verdict: timefix.WrappedMs, Why: "why <b>",
			At: timefix.Instant{Wall: start.UnixNano(), Boot: boot}}
	}
	var many []timefix.Repair
	for i := range 100 {
		many = append(many, repair("first\n"+fmt.Sprint(i), int64(1000-i)))
	}
	first, second := loopback(), loopback()
	first.Status = func() exporter.Status { return exporter.Status{Repairs: many} }
	second.Status = func() exporter.Status {
		return exporter.Status{Repairs: []timefix.Repair{repair("newest", 2000), repair("oldest", 1)}}
	}
	m := open(t, exp, first)
	open(t, exp, second)

	_, body := fetch(t, m, "/debug/time", "Accept", "application/json")
	var rows []map[string]string
	if err := json.Unmarshal([]byte(body), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 100 || rows[0]["tag"] != "newest" || rows[1]["tag"] != "first\n0" || rows[99]["tag"] != "first\n98" {
		t.Errorf("%d rows, %q", len(rows), rows[0]["tag"])
	}
	want := map[string]string{"at": "2026-11-21T06:00:00.000000000Z", "tag": "newest", "form": "eventtime", "raw": "e4989eef2dbaa10d",
		"before": "2091-07-13T23:23:27.000000000Z", "after": "2026-11-21T06:00:00.000000000Z", "verdict": "wrapped_ms", "why": "why <b>"}
	for k, v := range want {
		if rows[0][k] != v {
			t.Errorf("%s: got %q, want %q", k, rows[0][k], v)
		}
	}
	resp, page := fetch(t, m, "/debug/time", "Accept", "text/html,*/*")
	if !strings.Contains(page, "<td>why &lt;b&gt;</td></tr>") || strings.Contains(page, "<b>") {
		t.Error("HTML is not escaped")
	}
	status, _ := fetch(t, m, "/")
	if got, want := resp.Header.Get("Content-Security-Policy"), status.Header.Get("Content-Security-Policy"); got != want || want == "" {
		t.Errorf("policy: got %q, want %q", got, want)
	}
	if _, text := fetch(t, m, "/debug/time"); strings.Count(text, "\n") != 101 || !strings.Contains(text, "first?0") {
		t.Errorf("plain text:\n%s", text)
	}
}

func TestContent(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	observe(m, temperature(t, "0", 21), start)
	const want = `edge_temperature_celsius{type="t",zone="thermal_zone0"} 21`
	resp, body := fetch(t, m, "/metrics", "Accept", "application/openmetrics-text; version=1.0.0", "Accept-Encoding", "identity")
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/openmetrics-text; version=1.0.0") ||
		!strings.Contains(body, want+".0\n") || !strings.HasSuffix(body, "# EOF\n") || !strings.Contains(body, "# TYPE edge_time_repairs counter") {
		t.Errorf("OpenMetrics: %s\n%s", resp.Header.Get("Content-Type"), body)
	}
	for encoding, open := range map[string]func(io.Reader) (io.Reader, error){
		"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"zstd": func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r, zstd.WithDecoderConcurrency(1)) },
	} {
		resp, body := fetch(t, m, "/metrics", "Accept-Encoding", encoding)
		r, err := open(strings.NewReader(body))
		if err != nil {
			t.Fatal(encoding, err)
		}
		plain, err := io.ReadAll(r)
		if err != nil || resp.Header.Get("Content-Encoding") != encoding || !bytes.Contains(plain, []byte(want)) {
			t.Errorf("%s: %v, %q", encoding, err, resp.Header.Get("Content-Encoding"))
		}
	}
}

// The weight of identity counts as those of the encodings do.
func TestAcceptEncoding(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	for accept, want := range map[string]string{
		"":                                    "",
		"br":                                  "",
		"gzip":                                "gzip",
		"gzip;q=0":                            "",
		"gzip, identity":                      "gzip",
		"identity;q=1, gzip;q=0.5":            "",
		"gzip;q=0.5, Identity":                "",
		"zstd;q=0.3,gzip;q=0.5,identity;q=.6": "",
		"gzip;q=0.5,identity;q=0.4":           "gzip",
		"identity;q=0.5, zstd; q = 0.1":       "",
		"identity;q=0.5, gzip;q=0.6":          "gzip",
		"identity;q=0, gzip;q=0.1":            "gzip",
		"identity;q=x, gzip;q=0.1":            "gzip",
	} {
		resp, _ := fetch(t, m, "/metrics", "Accept-Encoding", accept)
		if got := resp.Header.Get("Content-Encoding"); got != want || !strings.Contains(resp.Header.Get("Vary"), "Accept-Encoding") {
			t.Errorf("%q: got %q, want %q; Vary: %q", accept, got, want, resp.Header.Get("Vary"))
		}
	}
}

// A port that is busy does not fail Open; it is served once it is free.
func TestBusyPort(t *testing.T) {
	blocker, err := net.Listen("tcp", freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	log, book := newLog()
	cfg := loopback()
	cfg.Listen = blocker.Addr().String()
	m := open(t, exporter.New(log, newClock()), cfg)
	observe(m, temperature(t, "0", 1), start)
	if m.Addr() != nil {
		t.Error("an address while the port is busy")
	}
	book.await(t, "WARN nothing is served on "+cfg.Listen+", trying again in the background: listen tcp "+cfg.Listen+": bind: address already in use")
	<-time.After(time.Second) // for some more tries
	blocker.Close()
	book.await(t, "INFO listening on "+cfg.Listen)
	if got := len(book.all()); got != 2 {
		t.Errorf("%d lines, want 2: %q", got, book.all())
	}
	wantLines(t, scrape(t, m, "edge_temp"), `edge_temperature_celsius{type="t",zone="thermal_zone0"} 1`)
}

// freeAddress is one that nobody takes while a test has closed it.
func freeAddress(t *testing.T) string {
	t.Helper()
	addr, err := testkit.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// A busy port must not hold up the end.
func TestCloseWhileBusy(t *testing.T) {
	blocker, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer blocker.Close()
	cfg := loopback()
	cfg.Listen = blocker.Addr().String()
	closeNow(t, open(t, quietExporter(newClock()), cfg))
}

// A browser opens a connection in advance: one that has sent nothing must not hold up the
// end.
func TestCloseWithAnUnusedConnection(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	unused, err := net.Dial("tcp", m.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer unused.Close()
	// Connections are accepted in turn: after this answer the other one has been.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if resp, _ := fetchURL(t, client, "http://"+m.Addr().String()+"/healthz"); resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second) // less than what requests under way get
	defer cancel()
	if err := m.Close(ctx); err != nil {
		t.Error(err)
	}
	if n, err := unused.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Error("the unused connection is still open")
	}
}

// Fluent Bit's hot reload closes and opens again in the same process.
func TestHotReload(t *testing.T) {
	log, book := newLog()
	exp := exporter.New(log, newClock())
	cfg := loopback()
	cfg.Listen = freeAddress(t)
	m := open(t, exp, cfg)
	keepAlive := &http.Client{Transport: &http.Transport{}}
	defer keepAlive.CloseIdleConnections()
	for range 5 {
		closeNow(t, m)
		m = open(t, exp, cfg)
		if m.Addr() == nil {
			t.Fatalf("the port was not free at once: %q", book.all())
		}
		if resp, _ := fetchURL(t, keepAlive, "http://"+cfg.Listen+"/healthz"); resp.StatusCode != 200 {
			t.Error(resp.Status)
		}
	}
}

// What Init gets wrong for ever is an error; all of it is told.
func TestOpenRefuses(t *testing.T) {
	exp := quietExporter(newClock())
	for _, c := range []struct {
		name string
		cfg  exporter.Config
		want string
	}{
		{"listen", exporter.Config{Listen: "2021"}, "`listen` = 2021: must be host:port, with a port from 0 to 65535, or off"},
		{"port", exporter.Config{Listen: ":70000"}, "`listen` = :70000: must be host:port, with a port from 0 to 65535, or off"},
		{"several", exporter.Config{Listen: "off", Prefix: "a b", SeriesTTL: -1, SeriesLimit: -1},
			"`metric_prefix` = a b: must be letters, digits and _, with no digit first\n" +
				"`series_ttl` = -1ns: must be 0 (never) or more\n`series_limit` = -1: must be 0 (no limit) or more"},
		{"yaml", exporter.Config{Listen: "off", WebConfigFile: "testdata/invalid-web-yaml.yml"},
			"`web_config_file` = testdata/invalid-web-yaml.yml: yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `…` into map[string]config.Secret"},
		{"password", exporter.Config{Listen: "off", WebConfigFile: "testdata/invalid-web-password.yml"},
			"`web_config_file` = testdata/invalid-web-password.yml: basic_auth_users: a password is not a bcrypt hash; make one with `htpasswd -nBC 10 user`"},
		{"key", exporter.Config{Listen: "off", WebConfigFile: "testdata/invalid-web-key.yml"},
			"`web_config_file` = testdata/invalid-web-key.yml: missing one of key or key_file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := exp.Open(c.cfg)
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Error("the error tells a secret")
			}
		})
	}
}

func TestSharedAddressOtherWebFile(t *testing.T) {
	exp := quietExporter(newClock())
	open(t, exp, loopback())
	cfg := loopback()
	cfg.WebConfigFile = filepath.Join(t.TempDir(), "web.yml")
	_, err := exp.Open(cfg)
	want := fmt.Sprintf("`web_config_file` = %q: another output on 127.0.0.1:0 has \"\", and one address can have only one: give both the same, or another `listen`", cfg.WebConfigFile)
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// The password is "letmein-s3cret".
const webUsers = "basic_auth_users:\n  scraper: $2a$04$5Nxd/.JJgVmnRprNwrOho.hDpjDdXy0KILLAgX2PBvjOFxaaTWODK\n"

func TestBasicAuth(t *testing.T) {
	file := writeFile(t, t.TempDir(), "web.yml", webUsers)
	log, book := newLog()
	cfg := loopback()
	cfg.WebConfigFile = file
	m := open(t, exporter.New(log, newClock()), cfg)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, path := range []string{"/metrics", "/", "/healthz", "/readyz", "/debug/time"} {
		for auth, want := range map[string]int{"": 401, "scraper:wrong@": 401, "nobody:letmein-s3cret@": 401, "scraper:letmein-s3cret@": 200} {
			resp, _ := fetchURL(t, client, "http://"+auth+m.Addr().String()+path)
			if resp.StatusCode != want {
				t.Errorf("%q%s: %s, want %d", auth, path, resp.Status, want)
			}
		}
	}
	// The file is read with each request: a fault in it shuts the page.
	writeFile(t, filepath.Dir(file), "web.yml", "basic_auth_users: s3cret-in-the-wrong-place")
	for range 3 {
		if resp, _ := fetchURL(t, client, "http://scraper:letmein-s3cret@"+m.Addr().String()+"/metrics"); resp.StatusCode != 500 {
			t.Errorf("with a broken file: %s", resp.Status)
		}
	}
	all := strings.Join(book.all(), "\n")
	if strings.Contains(all, "s3cret") || strings.Contains(all, "$2a$") || strings.Count(all, "Unable to parse") != 1 {
		t.Errorf("log:\n%s", all)
	}
}

// A file that is not there yet is no error, but nothing is served without it.
func TestMissingWebFile(t *testing.T) {
	dir := t.TempDir()
	log, book := newLog()
	cfg := loopback()
	cfg.WebConfigFile = filepath.Join(dir, "web.yml")
	m := open(t, exporter.New(log, newClock()), cfg)
	if m.Addr() != nil {
		t.Fatal("served without the file")
	}
	book.await(t, "WARN nothing is served on 127.0.0.1:0, trying again in the background: `web_config_file` = "+
		cfg.WebConfigFile+": open "+cfg.WebConfigFile+": no such file or directory")
	writeFile(t, dir, "web.yml", webUsers)
	book.await(t, "INFO listening on ")
	if resp, _ := fetch(t, m, "/metrics"); resp.StatusCode != 401 {
		t.Error(resp.Status)
	}
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	log, book := newLog()
	cfg := loopback()
	cfg.WebConfigFile = writeFile(t, dir, "web.yml", "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n")
	m := open(t, exporter.New(log, newClock()), cfg) // the certificate is missing: that may heal
	if m.Addr() != nil {
		t.Fatal("served without a certificate")
	}
	roots := writeCertificate(t, dir)
	book.await(t, "INFO listening on ")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots}}}
	resp, _ := fetchURL(t, client, "https://"+m.Addr().String()+"/metrics")
	if resp.StatusCode != 200 || resp.TLS == nil {
		t.Error(resp.Status)
	}
	if resp, _ := fetch(t, m, "/metrics"); resp.StatusCode != 400 {
		t.Errorf("without TLS: %s", resp.Status)
	}
	stranger := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: x509.NewCertPool()}}}
	if resp, err := stranger.Get("https://" + m.Addr().String() + "/metrics"); err == nil {
		resp.Body.Close()
		t.Error("a client that does not know the certificate got through")
	}
}

func TestRateLimit(t *testing.T) {
	cfg := loopback()
	cfg.WebConfigFile = writeFile(t, t.TempDir(), "web.yml", "rate_limit:\n  interval: 1h\n  burst: 1\n")
	m := open(t, quietExporter(newClock()), cfg)
	for _, want := range []int{200, 429} {
		if resp, _ := fetch(t, m, "/metrics"); resp.StatusCode != want {
			t.Errorf("%s, want %d", resp.Status, want)
		}
	}
}

func TestHeaderLimit(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	if resp, _ := fetch(t, m, "/metrics", "X-Large", strings.Repeat("x", 24<<10)); resp.StatusCode != 431 {
		t.Error(resp.Status)
	}
}

// More scrapes at once than there may be are turned away, and one that is slow
// does not hold up another's values.
func TestScrapesInFlight(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	long := strings.Repeat("x", 900) // 9 MB: more than the kernel buffers for a reader who does not read
	for i := range 10_000 {
		apply(m, []metric.Sample{sample(metric.Gauge, "g", 1, metric.Label{Name: "id", Value: long + fmt.Sprint(i)})})
	}
	var slow []net.Conn
	for range 4 {
		c, err := net.Dial("tcp", m.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.(*net.TCPConn).SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, 16)); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, c)
	}
	if resp, _ := fetch(t, m, "/metrics"); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("fifth: %s", resp.Status)
	}
	apply(m, []metric.Sample{sample(metric.Gauge, "g", 7, metric.Label{Name: "id", Value: long + "0"})})
	slow[0].Close()
	for {
		resp, body := fetch(t, m, "/metrics")
		if resp.StatusCode == http.StatusOK {
			if !strings.Contains(body, long+"0\"} 7\n") {
				t.Error("old values")
			}
			return
		}
	}
}

// Everything at once, for the race detector.
func TestConcurrent(t *testing.T) {
	clock := newClock()
	exp := quietExporter(clock)
	m := open(t, exp, loopback())
	var wg sync.WaitGroup
	for i := range 4 {
		cpu := testkit.Payload(t, "amd64-v5.1.1", "cpu.1")
		wg.Go(func() {
			for j := range 200 {
				observe(m, cpu, start.Add(time.Duration(j)*time.Second))
				apply(m, []metric.Sample{sample(metric.Gauge, "g", float64(j))})
				clock.Advance(time.Second)
			}
		})
		wg.Go(func() {
			for range 10 {
				other, err := exp.Open(loopback())
				if err != nil {
					t.Error(err)
					return
				}
				observe(other, cpu, start)
				if err := other.Close(context.Background()); err != nil {
					t.Error(err)
				}
				m.Telemetry().Dropped("datadog", fmt.Sprint(i), 1)
			}
		})
		wg.Go(func() {
			for range 10 {
				fetch(t, m, "/metrics")
			}
		})
	}
	wg.Wait()
}

func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	return path
}

// writeCertificate makes a certificate for 127.0.0.1 that vouches for itself.
func writeCertificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "edge"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	writeFile(t, dir, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	writeFile(t, dir, "cert.pem", string(cert))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return pool
}
