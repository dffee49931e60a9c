package exporter

import (
	"time"

	"out_edge/plugin/delivery"
)

// condition is how well an instance is; the higher, the worse.
type condition uint8

const (
	well condition = iota
	waiting
	doubtful
	unwell
)

// class is the condition's name in the style sheet.
func (c condition) class() string { return [...]string{"well", "waiting", "doubtful", "unwell"}[c] }

func (c condition) sign() string { return [...]string{"✓", "…", "!", "✕"}[c] }

func (c condition) word() string {
	return [...]string{"Well", "Waiting for data", "Needs a look", "Not well"}[c]
}

// How long what happened makes an instance doubtful, and how long a sink may
// fail before it is unwell: one lost connection is an edge device's daily bread.
const (
	dropsConcern = 15 * time.Minute
	failsConcern = time.Minute
)

// finding is one reason for a condition.
type finding struct {
	condition condition
	Text      string
}

// Class is the finding's name in the style sheet.
func (f finding) Class() string { return f.condition.class() }

// Sign stands before the text for those who see no colours.
func (f finding) Sign() string { return f.condition.sign() }

// findings are what speaks against an instance's being well, at the instant now
// of arrival's clock.
func (m *Metrics) findings(now int64) (all []finding) {
	if m.cfg.Ready != nil {
		for _, reason := range m.cfg.Ready() {
			all = append(all, finding{unwell, clean(reason)})
		}
	}
	for _, sink := range m.sinks() {
		all = append(all, sinkFindings(sink, m.self.stateOf(sink), now)...)
	}
	if f := m.silence(now); f != nil {
		all = append(all, *f)
	}
	return all
}

func sinkFindings(sink string, st sinkState, now int64) (all []finding) {
	if st.failing != 0 {
		c, lasted := doubtful, time.Duration(now-st.failing)
		if lasted >= failsConcern {
			c = unwell
		}
		all = append(all, finding{c, sinkTitle(sink) + " has failed for " + span(lasted) + ": " + faultText(st.code)})
	}
	if st.dropped != 0 && time.Duration(now-st.dropped) < dropsConcern {
		all = append(all, finding{doubtful, sinkTitle(sink) + " dropped data " + ago(now, st.dropped) + ": " + words(st.reason)})
	}
	return all
}

// silence is the finding that nothing comes in.
func (m *Metrics) silence(now int64) *finding {
	last := m.self.arrived.Load()
	ttl := m.cfg.SeriesTTL
	switch {
	case last != 0 && ttl > 0 && time.Duration(now-last) > ttl:
		return &finding{doubtful, "no sample for " + span(time.Duration(now-last)) + ": what Fluent Bit measures has stopped"}
	case last == 0 && !m.hasDelivered():
		return &finding{waiting, "nothing has come from Fluent Bit in " + span(time.Duration(now-m.opened))}
	}
	return nil
}

func (m *Metrics) hasDelivered() bool {
	for _, sink := range m.sinks() {
		if m.self.stateOf(sink).delivered != 0 {
			return true
		}
	}
	return false
}

// sinks are those of the instance, the page last.
func (m *Metrics) sinks() []string {
	return append(append([]string{}, m.cfg.Sinks...), delivery.SinkPrometheus, delivery.SinkDecode)
}

// alarming tells whether a drop speaks against the device's being well. Of what
// the page refuses, most is what it should.
func alarming(sink, reason string) bool {
	return sink != delivery.SinkPrometheus || reason == overLimit.String() || reason == conflict.String()
}

// worst is the condition of the worst finding.
func worst(all []finding) condition {
	c := well
	for _, f := range all {
		c = max(c, f.condition)
	}
	return c
}
