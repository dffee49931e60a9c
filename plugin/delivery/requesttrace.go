package delivery

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
)

// requestTrace records how a request was sent: net/http may send it more than once.
type requestTrace struct {
	connected atomic.Bool  // there was a connection to send it on
	writes    atomic.Int32 // complete ones
	// again is set when a write began after a complete one: the answer is then to the
	// last one only.
	again atomic.Bool
}

func (s *requestTrace) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) {
			s.connected.Store(true)
			s.again.Store(s.writes.Load() > 0)
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				s.writes.Add(1)
			}
		},
	})
}
