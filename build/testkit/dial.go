package testkit

import (
	"context"
	"fmt"
	"net"
)

// LoopbackOnly is a DialContext that refuses every address but this machine's.
func LoopbackOnly(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("test dials %s, which is not loopback", addr)
	}
	return new(net.Dialer).DialContext(ctx, network, addr)
}
