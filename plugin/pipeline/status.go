package pipeline

import (
	"fmt"
	"time"

	"out_edge/exporter"
	"out_edge/exporter/statuspage"
)

// status returns what the page shows of this instance: why it does not deliver at the
// moment, what is held here or waits in Fluent Bit's buffer for a retry, and the last
// time repairs.
func (p *Pipeline) status() exporter.Status {
	s := exporter.Status{Repairs: p.fixer.Repairs(), Notes: p.notes()}
	if now := p.clock.Now(); !p.fixer.ClockSet(now) {
		s.NotReady = append(s.NotReady, "clock: "+stamp(now.Wall)+" is before this build; waiting for NTP")
	}
	chunks, bytes := p.backlog.size()
	given, held := p.retries.backlog()
	s.Backlog = []statuspage.Backlog{{Chunks: chunks + given, Bytes: bytes + held}}
	for _, w := range p.workers {
		s.Backlog = append(s.Backlog, w.status())
	}
	s.Returned = statuspage.Backlog{Chunks: given, Bytes: held, Since: p.retries.oldest(), Stalled: given > 0,
		Next: "they are back in Fluent Bit's buffer, and it offers them again as often as its `retry_limit` says"}
	return s
}

// notes returns what the user must know about the settings.
func (p *Pipeline) notes() (all []string) {
	if p.cfg.DryRun {
		all = append(all, "dry run: nothing is sent anywhere, as edge_dry_run is on")
	}
	if p.cfg.FromBeforeReload {
		all = append(all, "the configuration of the last reload has faults, which the log names: the settings from before it are in force")
	}
	return all
}

// Page returns the address of /metrics; "" while there is none.
func (p *Pipeline) Page() string {
	if a := p.metrics.Addr(); a != nil {
		return a.String()
	}
	return ""
}

// Waiting returns how many chunks are held, and their size in bytes.
func (p *Pipeline) Waiting() (chunks int, bytes int64) { return p.backlog.size() }

// sendingGrace is how long a chunk may take to its receiver before the page shows it as
// waiting: a few round trips over a mobile network.
const sendingGrace = 5 * time.Second

// status returns what waits for this sink.
func (w *worker) status() statuspage.Backlog {
	now, until := w.now(), w.gate.Until()
	b := statuspage.Backlog{Sink: w.sink.Name()}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.waiting {
		b.Chunks++
		b.Bytes += int64(len(t.chunk.payload))
	}
	if b.Chunks == 0 {
		return b
	}
	oldest := w.waiting[0].Arrived.Elapsed()
	b.Since = int64(oldest)
	switch {
	case until > now:
		b.Stalled, b.Next = true, fmt.Sprintf("one small request asks again in %d s", (until-now+time.Second-1)/time.Second)
	case now-oldest > sendingGrace:
		b.Stalled, b.Next = true, "they are being sent"
	}
	return b
}
