package e2e_test

import (
	"net"
	"strings"
	"testing"

	"out_edge/build/testkit"
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
	addr, err := testkit.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// noSecret fails if the key stands in text.
func noSecret(t *testing.T, text string) {
	t.Helper()
	if i := strings.Index(text, theKey); i >= 0 {
		t.Errorf("the key is printed: …%s…", text[max(0, i-100):i])
	}
}
