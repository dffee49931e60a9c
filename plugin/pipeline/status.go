package pipeline

import "out_edge/exporter"

// notReady lists why this instance does not deliver at the moment.
func (p *Pipeline) notReady() []string {
	var reasons []string
	if now := p.clock.Now(); !p.fixer.Believable(now) {
		reasons = append(reasons, "clock: "+stamp(now.Wall)+" is before this build; waiting for NTP")
	}
	return reasons
}

// backlog is what waits on the device: in the queue here, and in Fluent Bit's
// buffer for a retry.
func (p *Pipeline) backlog() []exporter.Backlog {
	chunks, bytes := p.queue.backlog()
	given, held := p.ledger.backlog()
	return []exporter.Backlog{{Chunks: chunks + given, Bytes: bytes + held}}
}
