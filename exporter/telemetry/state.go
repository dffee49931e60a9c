package telemetry

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"out_edge/plugin/delivery"
	"out_edge/timefix"
)

// State is what the status page shows of a Telemetry.
type State struct {
	// Sinks has an entry for each sink that was added or counted.
	Sinks map[string]*SinkState
	// Arrived is when the last sample was shown, like all instants here in ns of
	// timefix.Instant.Elapsed; 0 is never.
	Arrived int64
	// Skew is how far the intake's clock is ahead of this device's.
	Skew time.Duration
	// Repairs are the numbers of repaired times, by verdict.
	Repairs [timefix.NumVerdicts]float64
}

// SinkState is what happened at one sink, since the start.
type SinkState struct {
	Delivered, Dropped, Retried float64            // records, or samples
	DropReasons, AdjustReasons  map[string]float64 // records, or samples
	Last                        SinkTimes
}

// SinkTimes is when events happened at a sink.
type SinkTimes struct {
	Delivered int64
	Dropped   int64
	Reason    string // of the last drop
	Fault     int64
	Code      string // of the last fault: an HTTP status, or a word
	// Failing is the time of the first fault since the last success; 0 after a success.
	Failing int64
	// Sent are the bytes of request bodies as sent, since the start; SentToday those of
	// the current day (UTC) by the device's clock.
	Sent, SentToday int64

	day int64 // the day of SentToday, since 1970
}

// enoughToProject is how long an instance must have run before its traffic is projected
// to a month.
const enoughToProject = 10 * time.Minute

// Month is what a sink would send in 30 days at the rate since the start, in bytes; 0
// while that was not long ago.
func (s *SinkTimes) Month(running time.Duration) float64 {
	if running < enoughToProject {
		return 0
	}
	const month = 30 * 24 * time.Hour
	return float64(s.Sent) * float64(month) / float64(running)
}

// State returns a copy of the counts.
func (t *Telemetry) State() State {
	s := State{Sinks: make(map[string]*SinkState), Arrived: t.arrived.Load(),
		Skew: time.Duration(read(t.skew.one).GetGauge().GetValue() * 1e9)}
	for v, c := range t.repairs {
		s.Repairs[v] = read(c.one).GetCounter().GetValue()
	}
	sink := func(name string) *SinkState {
		if s.Sinks[name] == nil {
			s.Sinks[name] = &SinkState{DropReasons: make(map[string]float64), AdjustReasons: make(map[string]float64)}
		}
		return s.Sinks[name]
	}
	eachCounter(t.records.vec, "result", func(name, result string, n float64) {
		switch state := sink(name); result {
		case delivered:
			state.Delivered = n
		case lost:
			state.Dropped = n
		case retried:
			state.Retried = n
		}
	})
	eachCounter(t.dropped.vec, "reason", func(name, reason string, n float64) { sink(name).DropReasons[reason] = n })
	eachCounter(t.adjusted.vec, "reason", func(name, reason string, n float64) { sink(name).AdjustReasons[reason] = n })
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, times := range t.sinks {
		sink(name).Last = *times
	}
	return s
}

// eachCounter calls do with the labels sink and by, and the value, of each counter.
func eachCounter(v *prometheus.CounterVec, by string, do func(sink, label string, n float64)) {
	for _, m := range collect(v, 16) {
		d := read(m)
		labels := make(map[string]string, len(d.Label))
		for _, l := range d.Label {
			labels[l.GetName()] = l.GetValue()
		}
		do(labels["sink"], labels[by], d.GetCounter().GetValue())
	}
}

func read(m prometheus.Metric) *dto.Metric {
	var d dto.Metric
	_ = m.Write(&d) // metrics of this package cannot fail
	return &d
}

// times returns a sink's times, and creates them if needed; the caller holds t.mu.
func (t *Telemetry) times(sink string) *SinkTimes {
	if t.sinks[sink] == nil {
		t.sinks[sink] = new(SinkTimes)
	}
	return t.sinks[sink]
}

func (t *Telemetry) noteDelivered(sink string, at int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.times(sink)
	s.Delivered, s.Failing = at, 0
}

func (t *Telemetry) noteDropped(sink, reason string) {
	at := int64(t.clock.Now().Elapsed())
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.times(sink)
	s.Dropped, s.Reason = at, reason
}

// noteSent counts the bytes of a request's body.
func (t *Telemetry) noteSent(sink string, wire int) {
	const day = int64(24 * time.Hour)
	now := t.clock.Now()
	today := now.Wall / day
	t.traffic.sent(sink, int64(now.Elapsed()), wire)
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.times(sink)
	if s.day != today {
		s.day, s.SentToday = today, 0
	}
	s.Sent += int64(max(wire, 0))
	s.SentToday += int64(max(wire, 0))
}

// affectsHealth reports whether a drop means that the device needs attention. Most
// refusals of the page are intended.
func affectsHealth(sink, reason string) bool {
	if reason == delivery.ReasonNoRule {
		return false
	}
	return sink != delivery.SinkPrometheus || reason == delivery.ReasonSeriesLimit || reason == delivery.ReasonNameConflict
}

// noteAnswer records the code of a request. An answer that splits a request is a fault
// of an entry, not of the sink.
func (t *Telemetry) noteAnswer(sink, code string) {
	if code == delivery.CodeCanceled {
		return
	}
	o := OutcomeOf(code)
	at := int64(t.clock.Now().Elapsed())
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.times(sink)
	switch {
	case o.Action == delivery.Delivered:
		s.Failing = 0
		return
	case o.Action != delivery.Split && s.Failing == 0:
		s.Failing = at
	}
	s.Fault, s.Code = at, code
}

// OutcomeOf returns the row of the outcome table for a value of the label code.
func OutcomeOf(code string) delivery.Outcome {
	if status, err := strconv.Atoi(code); err == nil {
		return delivery.OfStatus(status)
	}
	return delivery.OfCode(code)
}

// Datadog's endpoints, as the label endpoint names them.
const (
	endpointLogs   = "logs"
	endpointSeries = "series"
)

// sinkOf returns the sink of an endpoint.
func sinkOf(endpoint string) string {
	switch endpoint {
	case endpointLogs:
		return delivery.SinkDatadog
	case endpointSeries:
		return delivery.SinkDatadogMetrics
	}
	return endpoint
}
