package conntrack_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/mwitkow/go-conntrack"
)

func TestDials(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := conntrack.NewDialContextFunc(conntrack.DialWithTracing(), conntrack.DialWithName("x"))(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()

	want := errors.New("mine")
	own := func(context.Context, string, string) (net.Conn, error) { return nil, want }
	if _, err := conntrack.NewDialContextFunc(conntrack.DialWithDialContextFunc(own))(t.Context(), "tcp", ""); !errors.Is(err, want) {
		t.Errorf("own dialer: %v", err)
	}
}
