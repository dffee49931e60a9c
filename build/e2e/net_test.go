package e2e_test

import (
	"net"
	"strings"
	"testing"
)

func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// freePort is a port of the loopback that nobody listens on just now.
func freePort(t *testing.T) string {
	t.Helper()
	ln := listen(t, "127.0.0.1:0")
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	return port
}

// noSecret fails if the key stands in text.
func noSecret(t *testing.T, text string) {
	t.Helper()
	if i := strings.Index(text, theKey); i >= 0 {
		t.Errorf("the key is printed: …%s…", text[max(0, i-100):i])
	}
}
