package intake

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
)

// Proxy stands before a receiver that is not ours and fails on demand, as a Server
// does: what its Script lets through reaches the receiver, whose answer goes back.
// Its methods are safe for concurrent use.
type Proxy struct {
	server  *httptest.Server
	target  string
	actions *Server // for its script, numbers and waiting alone
	client  http.Client

	mu   sync.Mutex
	sent []Forwarded
}

// Forwarded is a request that reached the receiver.
type Forwarded struct {
	Path, Encoding string
	// Body is as it was sent, compressed.
	Body []byte
	// Status is the receiver's answer.
	Status int
	// Lost says that the client did not get that answer.
	Lost bool
}

// NewProxy listens on the loopback, before the receiver at a base address, until
// Close. A nil script lets all through.
func NewProxy(target string, script Script) *Proxy {
	p := &Proxy{target: target, actions: New(Config{Script: script})}
	p.client.Transport = &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	p.server = httptest.NewServer(p)
	return p
}

// URL is the base address.
func (p *Proxy) URL() string { return p.server.URL }

// SetScript replaces the script; the numbering of requests goes on.
func (p *Proxy) SetScript(script Script) { p.actions.SetScript(script) }

// Close releases what hangs, and ends the proxy.
func (p *Proxy) Close() {
	p.actions.Close()
	p.server.CloseClientConnections()
	p.server.Close()
}

// Forwarded are the requests that reached the receiver so far, in the order of its
// answers.
func (p *Proxy) Forwarded() []Forwarded {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Forwarded(nil), p.sent...)
}

// ServeHTTP does to one request what the script says.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, action := p.actions.action(r)
	if action.ResetBefore {
		panic(http.ErrAbortHandler)
	}
	body, err := io.ReadAll(&slowReader{r: r.Body, pause: action.SlowRead, done: r.Context().Done()})
	if err != nil || !p.actions.released(r, action) {
		panic(http.ErrAbortHandler)
	}
	if !action.accepts() {
		answer(w, Request{Status: action.Status, Reason: "as scripted", Action: action})
		return
	}
	resp, text := p.forward(r, body, action.answerLost()) //nolint:bodyclose // forward has read and closed it
	switch {
	case action.ResetAfter:
		panic(http.ErrAbortHandler)
	case action.Cut:
		cut(w)
	case action.Raw != "":
		raw(w, action.Raw)
	default:
		relay(w, resp, text)
	}
}

// forward gives the receiver's answer. One that cannot be had breaks the
// connection, as a receiver that is down does.
func (p *Proxy) forward(r *http.Request, body []byte, lost bool) (*http.Response, []byte) {
	req, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, p.target+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	req.Header = r.Header.Clone()
	resp, err := p.client.Do(req)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, Forwarded{r.URL.Path, r.Header.Get("Content-Encoding"), body, resp.StatusCode, lost})
	return resp, text
}

func relay(w http.ResponseWriter, resp *http.Response, text []byte) {
	for _, name := range []string{"Content-Type", "Retry-After", "X-Prometheus-Remote-Write-Samples-Written",
		"X-Prometheus-Remote-Write-Histograms-Written", "X-Prometheus-Remote-Write-Exemplars-Written"} {
		for _, value := range resp.Header.Values(name) {
			w.Header().Add(name, value)
		}
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(text)
}
