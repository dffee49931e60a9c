package delivery

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"golang.org/x/net/nettest"
)

// rawPair returns the two ends of a connection, both raw.
func rawPair() (c1, c2 net.Conn, stop func(), err error) {
	l, err := nettest.NewLocalListener("tcp")
	if err != nil {
		return nil, nil, nil, err
	}
	defer func() { _ = l.Close() }()
	accept := dialRaw(func(context.Context, string, string) (net.Conn, error) { return l.Accept() })
	if c1, err = dialRaw((&net.Dialer{}).DialContext)(context.Background(), "tcp", l.Addr().String()); err != nil {
		return nil, nil, nil, err
	}
	if c2, err = accept(context.Background(), "", ""); err != nil {
		return nil, nil, nil, err
	}
	return c1, c2, func() { _, _ = c1.Close(), c2.Close() }, nil
}

// TestRawConnIsAConn runs the tests that golang.org/x/net has for every net.Conn: copies,
// deadlines past, present and future, closing, concurrent use.
func TestRawConnIsAConn(t *testing.T) { nettest.TestConn(t, rawPair) }

// TestRawConnWaitsForRoom: a write far beyond the socket's buffers arrives whole.
func TestRawConnWaitsForRoom(t *testing.T) {
	c1, c2, stop, err := rawPair()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	want := bytes.Repeat([]byte("0123456789abcdef"), 2<<20)
	wrote := make(chan error, 1)
	go func() {
		n, err := c1.Write(want)
		if n != len(want) && err == nil {
			err = io.ErrShortWrite
		}
		wrote <- errors.Join(err, c1.Close())
	}()
	got, err := io.ReadAll(c2)
	if err = errors.Join(err, <-wrote); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d of %d bytes: %v", len(got), len(want), err)
	}
}

// TestRawConnsErrorsAreThoseOfNet: whoever looks for the cause of an error finds it as in
// a connection of package net.
func TestRawConnsErrorsAreThoseOfNet(t *testing.T) {
	c1, c2, stop, err := rawPair()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if err := c2.(*rawConn).Conn.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	_ = c2.Close() // with a reset
	_, err = c1.Read(make([]byte, 1))
	var op *net.OpError
	var call *os.SyscallError
	if !errors.Is(err, syscall.ECONNRESET) || !errors.As(err, &op) || op.Op != "read" || op.Addr == nil || !errors.As(err, &call) {
		t.Errorf("read: %#v", err)
	}
	_ = c1.Close()
	if _, err = c1.Write([]byte("x")); !errors.Is(err, net.ErrClosed) || !errors.As(err, &op) || op.Op != "write" {
		t.Errorf("write: %#v", err)
	}
}
