package testkit

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"out_edge/build/intake"
)

// Received is a request with its body decompressed.
type Received struct {
	Path   string // with its query
	Header http.Header
	Body   []byte
}

// Receive starts a loopback server, which runs until the test ends and calls answer for
// each request, possibly from several goroutines at once. A body that cannot be
// decompressed fails the test; an incomplete one is ignored.
func Receive(tb testing.TB, answer func(r Received, w http.ResponseWriter)) *httptest.Server {
	tb.Helper()
	server := httptest.NewServer(receive(tb, answer))
	tb.Cleanup(server.Close)
	return server
}

// ReceiveFrom is Receive with a listener of the caller's, such as Pipes.
func ReceiveFrom(tb testing.TB, l net.Listener, answer func(r Received, w http.ResponseWriter)) *httptest.Server {
	tb.Helper()
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: receive(tb, answer)}}
	server.Start()
	tb.Cleanup(server.Close)
	return server
}

func receive(tb testing.TB, answer func(r Received, w http.ResponseWriter)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		wire, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client went away
		}
		body, err := intake.Unpack(wire, r.Header.Get("Content-Encoding"))
		if err == nil {
			wire, err = io.ReadAll(body)
		}
		if err != nil {
			tb.Errorf("%s: cannot unpack the body: %v", r.URL.Path, err)
		}
		answer(Received{r.URL.String(), r.Header, wire}, w)
	}
}
