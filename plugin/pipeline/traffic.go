package pipeline

import (
	"out_edge/exporter"
	"out_edge/exporter/telemetry"
)

// noteTraffic counts a chunk for the status page, once, and keeps its last records.
// count is the number of its records, or of the samples of a metrics event.
func (p *Pipeline) noteTraffic(t *chunkState, s *scratch, count int) {
	if p.cfg.Metrics.Listen == exporter.ListenOff {
		return
	}
	s.parts = s.parts[:0]
	for _, j := range t.jobs {
		n := 0
		if j != nil {
			n = j.Open()
		}
		s.parts = append(s.parts, n)
	}
	s.parts = append(s.parts, s.shown)
	p.telemetry.Took(telemetry.Intake{Tag: t.tag, Count: count, Bytes: len(t.payload), Samples: t.event, Parts: s.parts,
		At: int64(t.arrived.Elapsed())})
	if p.tail != nil {
		p.tail.Add(t.tag, t.arrived, &s.last)
	}
}
