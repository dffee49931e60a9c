package remotewrite_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"out_edge/exporter/remotewrite"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
)

// A CA file that comes late is waited for, and said to be missing once.
func TestCAFileIsAwaited(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	var secure *httptest.Server
	k := newKit(t, func(c *remotewrite.Config) {
		secure = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
		t.Cleanup(secure.Close)
		c.URL, c.CAFile = secure.URL, ca
	})
	c := &flushed{samples: []metric.Sample{at(temperature, 0, 1)}}
	for range 2 {
		var retry *delivery.RetryError
		if err := k.send(c); !errors.As(err, &retry) || !strings.Contains(err.Error(), "tls: read CA file: open "+ca) {
			t.Errorf("got %v", err)
		}
	}
	if err := os.WriteFile(ca, caOf(secure), 0o600); err != nil {
		t.Fatal(err)
	}
	k.mustSend(c)
	k.counts.want(t, "delivered 1")
	if lines := k.log.all(); len(lines) != 2 || !strings.Contains(lines[0], "read CA file") || !strings.Contains(lines[1], "accepted again") {
		t.Errorf("logged %s", strings.Join(lines, "\n"))
	}
}
