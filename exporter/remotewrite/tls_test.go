package remotewrite_test

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"out_edge/exporter/remotewrite"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
)

// A push a minute may find its connection closed: the session is resumed then, as
// a new one takes more bytes than the push.
func TestSessionsAreResumed(t *testing.T) {
	var resumed, requests atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if r.TLS.DidResume {
			resumed.Add(1)
		}
	}))
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, caOf(server), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := remotewrite.New(remotewrite.Config{URL: server.URL, CAFile: ca}, remotewrite.Deps{Clock: newClock()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		c := &flushed{samples: []metric.Sample{at(temperature, float64(i), 1)}}
		if err := s.Send(context.Background(), []*delivery.Job{c.admit(s, newClock(), nil)}, false); err != nil {
			t.Fatal(err)
		}
		_ = s.Close(context.Background()) // as an idle minute does
	}
	if requests.Load() != 3 || resumed.Load() != 2 {
		t.Errorf("%d requests, %d in resumed sessions", requests.Load(), resumed.Load())
	}
}

// caOf is the certificate of a server, in PEM.
func caOf(s *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}
