package exporter

import "out_edge/exporter/statuspage"

// snapshot gathers what the status page and /debug/time show now.
func (p *endpoint) snapshot() *statuspage.Snapshot {
	s := &statuspage.Snapshot{Device: p.device, Now: p.clock.Now(), Scraped: p.scraped.Load()}
	for _, m := range p.attached() {
		status := m.cfg.status()
		in := statuspage.Instance{
			Version: m.cfg.Version, Output: m.cfg.Telemetry.Output(), Labels: m.cfg.Labels, Opened: m.opened, Sinks: m.cfg.Sinks,
			SeriesLimit: m.cfg.SeriesLimit, SeriesTTL: m.cfg.SeriesTTL, Telemetry: m.cfg.Telemetry.State(),
			NotReady: status.NotReady, Notes: status.Notes, Settings: m.cfg.Settings, Backlog: status.Backlog, Returned: status.Returned, Repairs: status.Repairs,
		}
		in.Charts, in.Series = m.chartsNow(), m.registry.Len()
		s.Instances = append(s.Instances, in)
	}
	return s
}
