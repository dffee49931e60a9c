package web

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// peer is a client's end of one connection.
type peer struct {
	net.Conn
	in *bufio.Reader
}

func dial(t *testing.T, addr net.Addr) *peer {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &peer{c, bufio.NewReader(c)}
}

func (p *peer) ask(path string) error {
	_, err := io.WriteString(p, "GET "+path+" HTTP/1.1\r\nHost: h\r\n\r\n")
	return err
}

// answer is the answer's status, or why there is none.
func (p *peer) answer() string {
	resp, err := http.ReadResponse(p.in, nil)
	if err != nil {
		return err.Error()
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.Status
}

func (p *peer) fetch(path string) string {
	if err := p.ask(path); err != nil {
		return err.Error()
	}
	return p.answer()
}

// limitedServer serves on two connections at once. /slow says on entered that it
// has begun and goes on until leave. What becomes idle is sent to idle, by the
// client's address, once the listener knows it.
func limitedServer(t *testing.T) (addr net.Addr, entered, leave chan struct{}, idle chan string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	entered, leave, idle = make(chan struct{}), make(chan struct{}), make(chan string, 100)
	srv := &http.Server{
		ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				entered <- struct{}{}
				<-leave
			}
		}),
		ConnState: func(c net.Conn, state http.ConnState) {
			noteState(c, state)
			if state == http.StateIdle {
				idle <- c.RemoteAddr().String()
			}
		},
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(limitConnections(l, 2)) }()
	t.Cleanup(func() {
		_ = srv.Close()
		<-served
	})
	return l.Addr(), entered, leave, idle
}

// The connection that has been idle longest makes room, not the one that was
// opened first.
func TestLongestIdleMakesRoom(t *testing.T) {
	addr, _, _, idle := limitedServer(t)
	first, second := dial(t, addr), dial(t, addr)
	for _, p := range []*peer{first, second, first} {
		if got := p.fetch("/"); got != "200 OK" {
			t.Fatal(got)
		}
		if got := <-idle; got != p.LocalAddr().String() {
			t.Fatalf("%s is idle", got)
		}
	}
	if got := dial(t, addr).fetch("/"); got != "200 OK" {
		t.Errorf("newcomer: %s", got)
	}
	if _, err := second.in.ReadByte(); err != io.EOF {
		t.Errorf("the longest idle: %v, want it closed", err)
	}
	if got := first.fetch("/"); got != "200 OK" {
		t.Errorf("the other: %s", got)
	}
}

// An active connection is left to its answer; a newcomer waits for it.
func TestActiveStays(t *testing.T) {
	addr, entered, leave, idle := limitedServer(t)
	active := []*peer{dial(t, addr), dial(t, addr)}
	for _, p := range active {
		if err := p.ask("/slow"); err != nil {
			t.Fatal(err)
		}
		<-entered
	}
	newcomer := dial(t, addr)
	if err := newcomer.ask("/slow"); err != nil {
		t.Fatal(err)
	}
	leave <- struct{}{}
	gone := <-idle
	<-entered // the newcomer has its place
	leave <- struct{}{}
	leave <- struct{}{}
	for _, p := range append(active, newcomer) {
		if got := p.answer(); got != "200 OK" {
			t.Errorf("%v: %s", p.LocalAddr(), got)
		}
	}
	for _, p := range active {
		if got := p.fetch("/"); (got != "200 OK") != (p.LocalAddr().String() == gone) {
			t.Errorf("%v: %s, %s was the idle one", p.LocalAddr(), got, gone)
		}
	}
}

// A newcomer that waits for a place is not kept waiting once the listener closes.
func TestCloseWhileFull(t *testing.T) {
	inner, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := limitConnections(inner, 1)
	dial(t, l.Addr())
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	waiting := dial(t, l.Addr())
	refused := make(chan error, 1)
	go func() {
		_, err := l.Accept()
		refused <- err
	}()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := <-refused; err == nil {
		t.Error("accepted")
	}
	if _, err := waiting.in.ReadByte(); err == nil {
		t.Error("the one that waited is still open")
	}
}
