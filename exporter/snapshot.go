package exporter

import "out_edge/exporter/statuspage"

// snapshot gathers what the status page and /debug/time show now.
func (p *endpoint) snapshot(q statuspage.Query) *statuspage.Snapshot {
	s := &statuspage.Snapshot{Device: p.device, Now: p.clock.Now(), Scraped: p.scraped.Load(), Range: q.Range}
	for _, m := range p.attached() {
		status := m.cfg.status()
		in := statuspage.Instance{
			Version: m.cfg.Version, Output: m.cfg.Telemetry.Output(), Labels: m.cfg.Labels, Opened: m.opened, Sinks: m.cfg.Sinks,
			SeriesLimit: m.cfg.SeriesLimit, SeriesTTL: m.cfg.SeriesTTL, Telemetry: m.cfg.Telemetry.State(),
			NotReady: status.NotReady, Notes: status.Notes, Settings: m.cfg.Settings, Backlog: status.Backlog, Returned: status.Returned, Repairs: status.Repairs,
			Records: m.cfg.StatusRecords, Trusted: q.Trusted,
		}
		if q.Range > 0 {
			in.Charts, in.Series, in.Traffic = m.chartsNow(q.Range), m.registry.Len(), m.cfg.Telemetry.Traffic(q.Range)
		}
		if in.ShowsTail() && m.cfg.Tail != nil {
			in.Tail = m.cfg.Tail()
		}
		s.Instances = append(s.Instances, in)
	}
	return s
}
