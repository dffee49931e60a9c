package pipeline

import (
	"errors"
	"slices"

	"out_edge/exporter"
	"out_edge/exporter/rules"
	"out_edge/exporter/tail"
	"out_edge/plugin/chunk"
	"out_edge/plugin/cmetrics"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// scratch is the working memory for decoding one payload; reused, never shared.
type scratch struct {
	decoder chunk.Decoder
	samples []metric.Sample
	// skip holds, for each worker, the positions that are not for its sink.
	skip []delivery.Set
	// Of this chunk: how many samples the page got, what each sink gets, and its last
	// records.
	shown int
	parts []int
	last  tail.Last
}

// ingest processes a chunk once: decode, repair the times, make samples, show them,
// route. Then its sinks know what they have to deliver. nil: the chunk can be offered
// to them. A chunk whose times wait for the wall clock to be set is processed again.
func (p *Pipeline) ingest(t *chunkState) error {
	now := p.clock.Now()
	p.fixer.Observe(now)
	final := p.isClockSet(now)
	switch {
	case !t.ingested:
		t.timesFinal = final
		if err := p.ingestFirst(t); err != nil {
			return err
		}
	case final && !t.timesFinal:
		t.arrived = t.rebased(now)
		p.repairAgain(t)
		t.timesFinal = true
	}
	if !t.timesFinal && t.isOpen() {
		return &delivery.RetryError{Err: errClock}
	}
	return nil
}

// ingestFirst decodes a chunk and tells the sinks of it, one chunk after the other: what
// is counted on several threads reaches the sinks in the order in which it was counted,
// so that no total falls.
func (p *Pipeline) ingestFirst(t *chunkState) error {
	p.admission.Lock()
	defer p.admission.Unlock()
	err := p.ingestPayload(t)
	t.ingested = true
	if err == nil {
		p.admit(t)
	}
	return err
}

// admit tells the sinks of a chunk. Then its samples may make room for others.
func (p *Pipeline) admit(t *chunkState) {
	for i, j := range t.jobs {
		if j != nil {
			p.workers[i].sink.Admit(j)
		}
	}
	if len(t.samples) > 0 {
		p.samples.keep(t)
	}
}

// ingestPayload processes the payload by its type. An error means that it contains
// nothing to deliver.
func (p *Pipeline) ingestPayload(t *chunkState) error {
	s := p.scratch.Get().(*scratch)
	defer p.release(s)
	s.samples, s.skip, s.shown = s.samples[:0], make([]delivery.Set, len(p.workers)), 0
	switch chunk.Detect(t.payload) {
	case chunk.Logs:
		records := p.ingestLogs(t, s)
		p.newJobs(t, s, records)
		p.noteTraffic(t, s, records)
		return nil
	case chunk.Metrics:
		err := p.ingestMetrics(t, s)
		p.newJobs(t, s, 0)
		p.noteTraffic(t, s, len(s.samples))
		return err
	case chunk.Traces:
		p.warnTrace.Do(func() { p.log.Warn("traces reach this output and are dropped: keep them away with `match`") })
		return p.refuse("traces")
	}
	return p.refuse("undecodable")
}

// ingestLogs decodes log records, and returns how many there are.
func (p *Pipeline) ingestLogs(t *chunkState, s *scratch) (records int) {
	session := p.begin(t, s)
	for s.decoder.Next() {
		rec := s.decoder.Record()
		fixed := repair(&session, rec)
		records++
		if p.tail != nil {
			s.last.Note(tail.Record{UnixNano: fixed.UnixNano, Verdict: fixed.Verdict, Body: rec.Body})
		}
		p.route(s, t, rec, fixed.UnixNano)
	}
	p.telemetry.Repairs(session.End())
	if n := s.decoder.Undecodable(); n > 0 {
		p.telemetry.Dropped(delivery.SinkDecode, "undecodable", n)
	}
	return records
}

// begin starts reading the log records of a chunk, after a preview of their times.
func (p *Pipeline) begin(t *chunkState, s *scratch) timefix.Session {
	session := p.fixer.Begin(t.tag, t.arrived, false)
	s.decoder.Reset(t.payload)
	for s.decoder.Next() && session.Preview(rawTime(s.decoder.Record())) {
	}
	s.decoder.Reset(t.payload)
	t.session = session.Replay()
	return session
}

// repair returns the record's repaired time. Only the OTLP input makes groups; it has a
// fault of its own, which is repaired too.
func repair(session *timefix.Session, rec *chunk.Record) timefix.Fixed {
	raw := rawTime(rec)
	switch {
	case rec.Group == nil:
		return session.Repair(raw)
	case raw.Bits == 0:
		observed, _ := rec.Metadata.Get("otlp").Get("observed_timestamp").Int64()
		return session.RepairObserved(raw, observed)
	}
	return session.RepairOTLP(raw)
}

func rawTime(rec *chunk.Record) timefix.Raw {
	return timefix.Raw{Form: timefix.Form(rec.Time.Form), Bits: rec.Time.Bits}
}

// route makes a record's samples, and notes which sinks do not get them.
func (p *Pipeline) route(s *scratch, t *chunkState, rec *chunk.Record, at int64) {
	to := p.cfg.Rules.Route(t.tag, rec)
	first := len(s.samples)
	host := p.observe(s, t, rec, at, to)
	if to.Metrics() {
		first := len(s.samples)
		s.samples = p.engine.Observe(s.samples, t.tag, rec, at)
		p.apply(s, t, first, exporter.FromRule, to)
	}
	asLog, used := !host || p.cfg.Host == HostBoth, host || len(s.samples) > first
	for i, w := range p.workers {
		switch {
		case !w.logs:
			s.skipSamples(i, first, w.wants(to))
		case !asLog || !w.wants(to):
			s.skip[i].Add(rec.Index)
		default:
			used = true
		}
	}
	if !used && !to.Dropped() {
		p.unused.take(t.tag, rec)
	}
}

// skipSamples notes that worker i's sink does not get the samples from first on.
func (s *scratch) skipSamples(i, first int, wanted bool) {
	for k := first; !wanted && k < len(s.samples); k++ {
		s.skip[i].Add(k)
	}
}

// observe makes the samples of a host record, if a sink takes them; host is false for
// any other record, and if host records are logs.
func (p *Pipeline) observe(s *scratch, t *chunkState, rec *chunk.Record, at int64, to rules.Route) (host bool) {
	switch {
	case p.cfg.Host == HostLogs:
		return false
	case p.cfg.Host == HostOff, !to.Metrics():
		return p.metrics.Recognises(rec)
	}
	first := len(s.samples)
	if s.samples, host = p.metrics.Observe(s.samples, t.tag, rec, at); host {
		p.apply(s, t, first, exporter.FromHost, to)
	}
	return host
}

// apply relabels the samples from first on, adds them to totals, and shows them.
func (p *Pipeline) apply(s *scratch, t *chunkState, first int, origin exporter.Origin, to rules.Route) {
	kept := p.metrics.Apply(exporter.Batch{Samples: s.samples[first:], Tag: t.tag, At: t.arrived, Origin: origin, Hidden: !to.Prometheus, Note: t.note})
	s.samples = s.samples[:first+len(kept)]
	if to.Prometheus {
		s.shown += len(kept)
	}
}

// ingestMetrics decodes a metrics event.
func (p *Pipeline) ingestMetrics(t *chunkState, s *scratch) error {
	samples, err := cmetrics.Append(s.samples, t.payload, t.arrived.Wall, p.series)
	s.samples, t.event = samples, true
	p.repairSamples(t, s.samples)
	if t.timesFinal {
		t.note = new(exporter.Note)
	}
	to := p.cfg.Rules.Route(t.tag, nil)
	p.apply(s, t, 0, exporter.FromEvent, to)
	for i, w := range p.workers {
		s.skipSamples(i, 0, !w.logs && w.wants(to))
		if w.noInfo {
			s.skipInfo(i)
		}
	}
	p.countMetrics(err)
	if err != nil && len(s.samples) == 0 {
		return errNothing
	}
	return nil
}

// skipInfo notes for worker i that what describes a source alone is not for its sink.
func (s *scratch) skipInfo(i int) {
	for k := range s.samples {
		if s.samples[k].Series.Info {
			s.skip[i].Add(k)
		}
	}
}

// countMetrics counts the unusable parts of a metrics event.
func (p *Pipeline) countMetrics(err error) {
	if n := p.newlyClashed(); n > 0 {
		p.telemetry.Dropped(delivery.SinkDecode, "merged_names", n)
	}
	var bad *cmetrics.Error
	if errors.As(err, &bad) {
		p.telemetry.Dropped(delivery.SinkDecode, "undecodable", bad.Count)
	}
}

// newlyClashed returns how many samples were refused since the last call because two
// OpenTelemetry metrics have the same Prometheus name.
func (p *Pipeline) newlyClashed() int {
	p.clashedMu.Lock()
	defer p.clashedMu.Unlock()
	now := p.series.Clashed()
	n := now - p.clashed
	p.clashed = now
	return int(n)
}

// warnClash logs once which of two such metrics is used.
func (p *Pipeline) warnClash(used, refused string) {
	p.log.Warn("two metrics of OpenTelemetry's have one name and the same labels at Prometheus: the first is used, the other is refused and counted as merged_names; rename one of them where it is made",
		"used", used, "refused", refused)
}

// refuse counts a payload that cannot be used.
func (p *Pipeline) refuse(reason string) error {
	p.telemetry.Dropped(delivery.SinkDecode, reason, 1)
	return errNothing
}

// newJobs creates the jobs of a chunk, with a copy of the samples.
func (p *Pipeline) newJobs(t *chunkState, s *scratch, records int) {
	t.jobs = make([]*delivery.Job, len(p.workers))
	samples := false
	for i, w := range p.workers {
		all := records
		if !w.logs {
			all = len(s.samples)
		}
		open := all - s.skip[i].Len()
		if open <= 0 {
			continue
		}
		samples = samples || !w.logs
		t.jobs[i] = delivery.NewJob(delivery.JobSpec{Tag: t.tag, Arrived: t.arrived, Provisional: !t.timesFinal, Sink: w.sink.Name(),
			Telemetry: p.telemetry, Source: t, Open: open, Skip: s.skip[i]})
	}
	if samples {
		t.samples = slices.Clone(s.samples)
	}
}

// repairAgain repairs the times of a chunk again that were repaired before the wall
// clock was set, and counts the repairs.
func (p *Pipeline) repairAgain(t *chunkState) {
	if t.event {
		p.repairSamples(t, t.Samples())
		return
	}
	p.repairQuietly(t.Samples(), t.tag, t.arrived)
	s := p.scratch.Get().(*scratch)
	defer p.release(s)
	session := p.begin(t, s)
	for s.decoder.Next() {
		repair(&session, s.decoder.Record())
	}
	p.telemetry.Repairs(session.End())
}

// repairSamples repairs the times of a metrics event. Only actual repairs are counted
// and listed, since an event has hundreds of samples with the same time.
func (p *Pipeline) repairSamples(t *chunkState, samples []metric.Sample) {
	readOnly := p.fixer.Begin(t.tag, t.arrived, true)
	var recording timefix.Session
	found := false
	for i := range samples {
		raw := eventTime(samples[i].UnixNano)
		fixed := readOnly.Repair(raw)
		if fixed.Verdict != timefix.OK {
			if !found {
				recording, found = p.fixer.Begin(t.tag, t.arrived, false), true
			}
			fixed = recording.Repair(raw)
		}
		setTime(&samples[i], fixed.UnixNano)
	}
	readOnly.End()
	if found {
		p.telemetry.Repairs(recording.End())
	}
}

// setTime gives a sample its repaired time. Where that is another one, its start goes:
// the source's other times are no better.
func setTime(s *metric.Sample, unixNano int64) {
	if s.UnixNano != unixNano {
		s.UnixNano, s.Start = unixNano, 0
	}
}

// release returns scratch to the pool, without references to the payload.
func (p *Pipeline) release(s *scratch) {
	s.decoder.Reset(nil)
	s.last.Reset()
	s.skip = nil
	p.scratch.Put(s)
}

func (p *Pipeline) logRepair(r timefix.Repair) {
	p.log.Info("time repaired: first of its kind for this tag", "tag", r.Tag, "verdict", r.Verdict.String(),
		"before", stamp(r.Before), "after", stamp(r.After), "why", r.Why)
}
