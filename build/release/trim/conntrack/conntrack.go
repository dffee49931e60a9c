// Package conntrack stands in for github.com/mwitkow/go-conntrack, of which the
// library uses nothing but needs the dialer to compile: it dials, and neither
// counts nor traces. The README beside it says why.
package conntrack

import (
	"context"
	"net"
)

type dial = func(ctx context.Context, network, address string) (net.Conn, error)

// DialerOpt sets how to dial.
type DialerOpt func(*dial)

// DialWithName would name the dialer in metrics.
func DialWithName(string) DialerOpt { return func(*dial) {} }

// DialWithTracing would show connections on a debug page.
func DialWithTracing() DialerOpt { return func(*dial) {} }

// DialWithDialContextFunc sets who dials.
func DialWithDialContextFunc(f func(context.Context, string, string) (net.Conn, error)) DialerOpt {
	return func(d *dial) { *d = f }
}

// NewDialContextFunc gives a function that dials.
func NewDialContextFunc(opts ...DialerOpt) func(context.Context, string, string) (net.Conn, error) {
	d := dial((&net.Dialer{}).DialContext)
	for _, set := range opts {
		set(&d)
	}
	return d
}
