package testkit

import (
	"context"
	"net"
	"sync"
	"syscall"
)

// Pipes is a listener whose connections are made by Dial, in memory. Inside a bubble of
// testing/synctest time passes while both ends wait, so that a timeout in it comes
// neither early nor late, however slow the machine is.
type Pipes struct {
	made   chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// NewPipes returns a listener; in a bubble it is to be made there.
func NewPipes() *Pipes {
	return &Pipes{made: make(chan net.Conn), closed: make(chan struct{})}
}

// Accept returns the other end of the next Dial.
func (p *Pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.made:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept, and has Dial refuse. It is idempotent.
func (p *Pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr is an address of the loopback, for URLs.
func (p *Pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// Dial is a DialContext that connects with the listener, whatever the address.
func (p *Pipes) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.made <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, syscall.ECONNREFUSED
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
