package exporter

import (
	"strconv"

	"out_edge/plugin/delivery"
)

// sinkState is what a sink's counters do not tell: when things happened, by
// arrival's clock; 0 is never.
type sinkState struct {
	delivered int64
	dropped   int64
	reason    string // of the last drop
	fault     int64
	code      string // of the last fault
	// failing is when the fault came that nothing has succeeded since.
	failing int64
}

// state finds or makes a sink's; the caller holds s.mu.
func (s *Self) state(sink string) *sinkState {
	st := s.states[sink]
	if st == nil {
		st = new(sinkState)
		s.states[sink] = st
	}
	return st
}

// stateOf is a copy of a sink's.
func (s *Self) stateOf(sink string) sinkState {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.states[sink]; st != nil {
		return *st
	}
	return sinkState{}
}

func (s *Self) noteDelivered(sink string, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.state(sink)
	st.delivered, st.failing = at, 0
}

func (s *Self) noteDropped(sink, reason string) {
	at := arrival(s.clock.Now())
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.state(sink)
	st.dropped, st.reason = at, reason
}

// noteAnswer judges the code of a request. What splits a request is a fault of
// an entry, not of the sink.
func (s *Self) noteAnswer(sink, code string) {
	o := outcomeOfCode(code)
	if code == delivery.CodeCanceled {
		return
	}
	at := arrival(s.clock.Now())
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.state(sink)
	switch {
	case o.Action == delivery.Delivered:
		st.failing = 0
		return
	case o.Action != delivery.Split && st.failing == 0:
		st.failing = at
	}
	st.fault, st.code = at, code
}

func outcomeOfCode(code string) delivery.Outcome {
	if status, err := strconv.Atoi(code); err == nil {
		return delivery.OfStatus(status)
	}
	return delivery.OfCode(code)
}

// sinkOf is the sink that an endpoint belongs to.
func sinkOf(endpoint string) string {
	switch endpoint {
	case endpointLogs:
		return delivery.SinkDatadog
	case endpointSeries:
		return delivery.SinkDatadogMetrics
	}
	return endpoint
}

// Datadog's endpoints, as the label endpoint says them.
const (
	endpointLogs   = "logs"
	endpointSeries = "series"
)
