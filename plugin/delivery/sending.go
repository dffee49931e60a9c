package delivery

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
)

// sending is how a request went out: net/http may send it more than once.
type sending struct {
	connected atomic.Bool  // there was a connection to send it on
	writes    atomic.Int32 // whole ones
	// again is set when a write began after a whole one: the answer is to the
	// last alone.
	again atomic.Bool
}

func (s *sending) trace(ctx context.Context) context.Context {
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
