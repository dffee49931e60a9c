package e2e_test

import (
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/intake"
)

// The secrets of a device: whatever happens, none of them is ever printed.
const (
	fileKey        = "fIlEkEy0123456789abcdef"
	proxyPassword  = "pRoXy%2Fp4ssw0rd" // as written in the address
	headerSecret   = "hEaDeR-t0ken-77"
	urlPassword    = "uRlPassW0rd99"
	urlToken       = "uRlT0ken-q7"
	pathKey        = "pAtHkEy0123456789abcdef"
	remotePassword = "rEmOtE-passw0rd"
	bearerToken    = "bEaReR.t0ken.42"
	payloadSecret  = "pAyLoAd-c0ntents"
)

// secrets are the forms in which they could show.
func secrets() map[string]string {
	plain := strings.ReplaceAll(proxyPassword, "%2F", "/")
	basic := func(user, password string) string {
		return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	}
	return map[string]string{
		"apikey": theKey, "the key of apikey_file": fileKey, "the proxy's password": proxyPassword, "the same, unescaped": plain,
		"the header's value": headerSecret, "the password in dd_url": urlPassword,
		"the token behind an address": urlToken, "the key in a path": pathKey, "a payload": payloadSecret,
		"remote write's password": remotePassword, "remote write's token": bearerToken, "remote write's credentials": basic("ruser", remotePassword),
		"the proxy's credentials": basic("puser", plain), "dd_url's credentials": basic("uuser", urlPassword),
	}
}

// wantNoSecrets fails for each line that holds a secret, and shows it without;
// lines that begin alike are shown once.
func wantNoSecrets(t *testing.T, where, text string) {
	t.Helper()
	shown := map[string]bool{}
	for line := range strings.Lines(text) {
		masked := line
		for name, secret := range secrets() {
			masked = strings.ReplaceAll(masked, secret, "«"+name+"»")
		}
		begin := masked[min(len(masked), 22):min(len(masked), 80)] // behind the time
		if masked != line && !shown[begin] {
			shown[begin] = true
			t.Errorf("%s: %.400s", where, masked)
		}
	}
}

// gossip answers every kind of fault, and quotes in each what it was sent, as an
// intake or proxy on the way may do.
type gossip struct {
	in *intake.Server

	mu   sync.Mutex
	n    int
	seen map[string]int // requests that had a secret, by its header
	good bool
}

func (g *gossip) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.n++
	n, good := g.n, g.good
	for name := range r.Header {
		g.seen[name]++
	}
	g.mu.Unlock()
	if good {
		r.URL.Path = strings.TrimPrefix(r.URL.Path, "/v1/input/"+pathKey)
		g.in.ServeHTTP(w, r)
		return
	}
	statuses := []int{407, 401, 403, 404, 408, 413, 429, 500, 503, 302, 418, 400}
	echo := strings.Join(append(slices.Sorted(maps.Values(secrets())), r.URL.String()), " ")
	w.Header().Set("Location", "http://"+theKey+".invalid/"+payloadSecret)
	w.Header().Set("Retry-After", headerSecret)
	w.Header().Set("Proxy-Authenticate", "Basic realm="+proxyPassword)
	w.Header().Set("Date", fileKey)
	switch n % (len(statuses) + 3) {
	case len(statuses): // no HTTP at all
		raw(w, echo+"\r\n\r\n")
	case len(statuses) + 1: // a header that never ends well
		raw(w, "HTTP/1.1 202 Accepted\r\n"+echo+"\r\n\r\n")
	case len(statuses) + 2: // more than was announced
		raw(w, "HTTP/1.1 503 No\r\nContent-Length: 3\r\n\r\n"+echo)
	default:
		w.WriteHeader(statuses[n%(len(statuses)+3)])
		_, _ = w.Write([]byte(echo))
	}
}

func raw(w http.ResponseWriter, text string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = conn.Write([]byte(text))
	_ = conn.Close()
}

func (g *gossip) recover() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.good = true
}

func TestNoSecretIsEverPrinted(t *testing.T) {
	g := &gossip{in: intake.New(intake.Config{Check: func(string, []byte) error { return nil }}), seen: map[string]int{}}
	t.Cleanup(g.in.Close)
	way := httptest.NewServer(g)
	t.Cleanup(way.Close)
	address := strings.TrimPrefix(way.URL, "http://")
	file, password, bearer := keyFile(t, fileKey), keyFile(t, remotePassword), keyFile(t, bearerToken)
	output := func(match string, kv ...string) harness.Output {
		return harness.Output{Name: "edge", Properties: harness.Props(append([]string{"listen", "127.0.0.1:0", "match", match, "edge_log_level", "debug",
			"workers", "1", "header", "X-Token " + headerSecret, "flush_timeout", "2s",
			"status_records", "off"}, kv...)...)} // which shows payloads to this machine
	}
	r := harness.Run{V5: true, Without: noParking, Live: []string{"mem"}, Interval: 50 * time.Millisecond, RetryLimit: "no_limits", RetryBase: 5 * time.Millisecond, RetryCap: 20 * time.Millisecond,
		Chunks: []harness.Chunk{
			{Tag: "app", File: payload(t, map[string]any{"log": payloadSecret, "password": payloadSecret, "apikey": theKey, "m": payloadSecret})},
			{Tag: "app", File: payloadFile(t, append([]byte("\xc1"+payloadSecret), event(t, time.Unix(0xe4988e2f, 0), map[string]any{"log": payloadSecret})...))},
			{Type: nullChunk, Tag: "app", File: "64"},
		}, Repeat: 20, Pace: 20 * time.Millisecond, NoGrace: true,
		Outputs: []harness.Output{
			output("*", "apikey", theKey, "dd_url", "http://logs.invalid", "dd_metrics_url", "http://metrics.invalid", "proxy", "http://puser:"+proxyPassword+"@"+address),
			output("*", "apikey_file", file, "dd_url", way.URL+"/v1/input/"+pathKey, "dd_metrics_url", "http://127.0.0.1:"+freePort(t)),
			output("*", "apikey", theKey, "dd_url", "https://logs.invalid", "dd_metrics_url", "https://"+address, "proxy", "http://puser:"+proxyPassword+"@127.0.0.1:"+freePort(t)),
			output("*", "apikey", theKey, "dd_url", "https://logs.invalid", "dd_metrics_url", "https://metrics.invalid", "proxy", "http://puser:"+proxyPassword+"@"+address),
			output("*", "remote_write_url", way.URL+"/api/v1/write", "remote_write_username", "ruser", "remote_write_password_file", password, "remote_write_headers", "X-Tenant: "+headerSecret),
			output("*", "remote_write_url", way.URL+"/api/v1/write?token="+urlToken, "remote_write_bearer_token_file", bearer),
		}}
	busy := when(&r, func(res harness.Result) bool {
		return res.Outputs[0].Flushes > 60 && res.Outputs[1].Flushes > 60 && res.Outputs[4].Flushes > 60
	})
	l := start(t, r)
	addr := l.address()
	l.await(busy)
	pages := map[string]string{}
	for _, path := range []string{"/", "/metrics", "/readyz", "/healthz", "/debug/time", "/no/such/page"} {
		_, pages[path] = ask(t, "http://"+addr+path)
	}
	g.recover()
	l.arrives(g.in, g.in.WaitLogs(soon(t), 20))
	_, pages["/metrics, later"] = ask(t, "http://"+addr+"/metrics")
	res := l.stop()
	for path, text := range pages {
		if text == "" {
			t.Errorf("%s is empty", path)
		}
		wantNoSecrets(t, path, text)
	}
	for _, shown := range []string{way.URL + "/v1/input/…", way.URL + "/api/v1/write?…"} {
		if !strings.Contains(pages["/"], shown) {
			t.Errorf("the page does not show %s", shown)
		}
	}
	wantNoSecrets(t, "stderr", res.Stderr)
	if !strings.Contains(res.Stderr, "panic in FLBPluginFlushCtx") || !strings.Contains(res.Stderr, "datadog accepts logs again") {
		t.Errorf("the run had no panic or no recovery:\n%s", res.Stderr)
	}
	for _, header := range []string{"Dd-Api-Key", "Proxy-Authorization", "X-Token", "Authorization", "X-Tenant"} {
		if g.seen[header] == 0 {
			t.Errorf("no request had %s: nothing is proved about it", header)
		}
	}
}

// Settings that cannot work are quoted in the log, but not if they are secret.
func TestNoSecretIsPrintedOfWrongSettings(t *testing.T) {
	tests := map[string][]string{
		"a proxy that is no address":   {"proxy", "http://puser:" + proxyPassword + "@ho st:80", "apikey", theKey},
		"a proxy without a scheme":     {"proxy", "puser:" + proxyPassword + "@host:80", "apikey", theKey},
		"a header without a value":     {"header", headerSecret, "apikey", theKey},
		"a header with a bad name":     {"header", "X(Y) " + headerSecret, "apikey", theKey},
		"an address with a password":   {"dd_url", "ftp://uuser:" + urlPassword + "@host", "apikey", theKey},
		"an address that is none":      {"dd_url", "http://uuser:" + urlPassword + "@ho st:x", "apikey", theKey},
		"another address that is none": {"dd_metrics_url", "http://uuser:" + urlPassword + "@host:x/%zz", "apikey", theKey},
		"an address without a scheme":  {"remote_write_url", "uuser:" + urlPassword + "@host/push"},
		"a password with a slash":      {"remote_write_url", "http://uuser:" + urlPassword + "/" + urlPassword + "@host/push"},
		"a token behind an address":    {"remote_write_url", "htps://host/push?token=" + urlToken},
		"a key behind an address":      {"dd_url", "https://host/api/v2/logs?dd-api-key=" + theKey, "apikey", theKey},
		"a key in a path":              {"dd_url", "htps://host/v1/input/" + pathKey, "apikey", theKey},
		"an address for a site":        {"site", "https://uuser:" + urlPassword + "@host/v1/input/" + pathKey, "apikey", theKey},
		"a proxy of another kind":      {"proxy", "socks5://puser:" + proxyPassword + "@host:80/?" + urlToken, "apikey", theKey},
		"a key with a line break":      {"apikey", theKey + "\n" + fileKey},
		"a key under another name":     {"api_key", theKey, "dd_api_key", fileKey, "DD_API_KEY", theKey},
		"a key as a number of bytes":   {"queue_bytes", "9TB", "apikey", theKey, "header", "X-Token " + headerSecret, "proxy", "http://puser:" + proxyPassword + "@h:1"},
	}
	for name, kv := range tests {
		t.Run(name, func(t *testing.T) {
			res, err := kit.Run(t.Context(), harness.Run{V5: true, Library: library(t), Generate: generated(1), RetryLimit: "no_retries", Outputs: []harness.Output{edge(kv...)}})
			var exit *harness.ExitError
			if err != nil && (!errors.As(err, &exit) || exit.Code != harness.ExitPlugin) {
				t.Fatal(err)
			}
			wantNoSecrets(t, "stderr", res.Stderr)
		})
	}
}
