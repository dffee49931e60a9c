package web

import (
	"net"
	"net/http"
	"slices"
	"sync"
)

// limitConnections lets at most n connections of l be open at once. When all are
// open, a further one replaces the one that has been idle longest (noteState). If
// none is idle it waits, and those behind it wait in the kernel's queue. The limit
// applies before authentication, so idle connections must not lock anybody out.
func limitConnections(l net.Listener, n int) net.Listener {
	limited := &limitListener{Listener: l, most: n}
	limited.changed.L = &limited.mu
	return limited
}

type limitListener struct {
	net.Listener
	most int

	mu      sync.Mutex
	changed sync.Cond // a connection has closed or become idle, or the listener closed
	open    int
	idle    []*limitedConn // the longest idle first
	unused  []*limitedConn // those that have sent nothing yet
	closed  bool
}

// Accept waits for a connection, then for a place.
func (l *limitListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if !l.enter() {
		_ = c.Close()
		return nil, net.ErrClosed
	}
	return &limitedConn{Conn: c, listener: l}, nil
}

// enter takes a place; false means that the listener has closed.
func (l *limitListener) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.open >= l.most && !l.closed {
		if len(l.idle) == 0 {
			l.changed.Wait()
			continue
		}
		l.drop(l.idle[0])
	}
	if l.closed {
		return false
	}
	l.open++
	return true
}

// drop closes c; the caller holds l.mu, so that c cannot become active meanwhile.
func (l *limitListener) drop(c *limitedConn) {
	_ = c.Conn.Close()
	l.leave(c)
}

// leave frees c's place, once; the caller holds l.mu.
func (l *limitListener) leave(c *limitedConn) {
	if c.gone {
		return
	}
	c.gone = true
	l.open--
	l.unidle(c)
	l.changed.Signal()
}

// unidle removes c from the idle and the unused ones; the caller holds l.mu.
func (l *limitListener) unidle(c *limitedConn) {
	for _, list := range []*[]*limitedConn{&l.idle, &l.unused} {
		if i := slices.Index(*list, c); i >= 0 {
			*list = slices.Delete(*list, i, i+1)
		}
	}
}

// Close also closes the connections that have sent nothing yet: http.Server.Shutdown takes
// them for active during their first seconds, and browsers open one in advance. It may be
// called more than once.
func (l *limitListener) Close() error {
	l.mu.Lock()
	l.closed = true
	for len(l.unused) > 0 {
		l.drop(l.unused[0])
	}
	l.mu.Unlock()
	l.changed.Broadcast()
	return l.Listener.Close()
}

// noteState is the http.Server.ConnState of a server on a limited listener.
func noteState(c net.Conn, state http.ConnState) {
	if secured, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = secured.NetConn()
	}
	if limited, ok := c.(*limitedConn); ok {
		limited.setState(state)
	}
}

type limitedConn struct {
	net.Conn
	listener *limitListener
	gone     bool // under listener.mu
}

func (c *limitedConn) setState(state http.ConnState) {
	l := c.listener
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unidle(c)
	switch {
	case c.gone:
	case state == http.StateNew && l.closed:
		l.drop(c)
	case state == http.StateNew:
		l.unused = append(l.unused, c)
	case state == http.StateIdle:
		l.idle = append(l.idle, c)
		l.changed.Signal()
	}
}

// CloseWrite lets net/http end an answer whose request it has not read to the end;
// without it the client would see a reset instead of the answer.
func (c *limitedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close frees the place.
func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	c.listener.leave(c)
	return err
}
