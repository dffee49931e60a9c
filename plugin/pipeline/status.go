package pipeline

import (
	"out_edge/exporter"
	"out_edge/exporter/statuspage"
)

// status is what the page says of this instance: why it does not deliver at the
// moment, what is held here or waits in Fluent Bit's buffer for a retry, and
// the last time repairs.
func (p *Pipeline) status() exporter.Status {
	s := exporter.Status{Repairs: p.fixer.Repairs()}
	if now := p.clock.Now(); !p.fixer.Believable(now) {
		s.NotReady = append(s.NotReady, "clock: "+stamp(now.Wall)+" is before this build; waiting for NTP")
	}
	chunks, bytes := p.backlog.size()
	given, held := p.retries.backlog()
	s.Backlog = []statuspage.Backlog{{Chunks: chunks + given, Bytes: bytes + held}}
	return s
}
