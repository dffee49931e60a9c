package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"out_edge/ddsink"
	"out_edge/exporter"
	"out_edge/plugin/delivery"
	"out_edge/plugin/record"
	"out_edge/timefix"
)

// Result is what Fluent Bit is told of a flush. The numbers are its own
// (fluent-bit/flb_output.h).
type Result int

// The results.
const (
	Error Result = 0 // give the chunk up
	OK    Result = 1 // the chunk is settled
	Retry Result = 2 // keep the chunk and offer it again
)

// Pipeline is one instance. Its methods may be called from any thread, Flush
// from several at once.
type Pipeline struct {
	cfg     Config
	clock   timefix.Clock
	log     *slog.Logger
	fixer   *timefix.Fixer
	metrics *exporter.Metrics
	datadog *ddsink.Sink // nil without Datadog
	engine  int
	ledger  ledger
	queue   *queue
	scratch sync.Pool // of *scratch
	series  record.Interner

	warnQueue sync.Once
	warnTrace sync.Once
	// clockBad is whether the last look at the wall clock found it unbelievable.
	clockBad atomic.Bool

	// ctx ends when Close has waited long enough.
	ctx    context.Context
	cancel context.CancelFunc
	worker sync.WaitGroup
	closed sync.Once
}

// scratch is what one flush works with; reused, never shared.
type scratch struct {
	decoder record.Decoder
	samples []record.Sample
}

// New starts an instance. An error is a setting that cannot work; whatever may
// heal (a busy port, a missing key file) is no error.
func New(cfg Config, deps Deps) (*Pipeline, error) {
	p := &Pipeline{cfg: cfg.withDefaults(), clock: deps.Clock, log: deps.Log, engine: deps.Thread}
	p.scratch.New = func() any { return new(scratch) }
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.queue = newQueue(p.cfg.QueueBytes)

	tc := cfg.Time
	tc.Clock, tc.OnFirst = deps.Clock, p.logRepair
	p.fixer = timefix.New(tc)

	mc := cfg.Metrics
	mc.Ready, mc.Repairs = p.notReady, p.fixer.Repairs
	if cfg.Datadog != nil {
		mc.Sinks = []string{delivery.SinkDatadog, delivery.SinkDatadogMetrics}
	}
	var err error
	if p.metrics, err = deps.Hub.Open(mc); err != nil {
		return nil, err
	}
	if err := p.openDatadog(); err != nil {
		return nil, errors.Join(err, p.metrics.Close(p.ctx))
	}
	p.worker.Go(func() { p.queue.run(p.ctx, p.deliverQueued) })
	return p, nil
}

func (p *Pipeline) openDatadog() (err error) {
	if p.cfg.Datadog == nil {
		p.log.Info("no apikey: nothing goes to Datadog; set `apikey`, `apikey_file` or DD_API_KEY to change that")
		return nil
	}
	p.datadog, err = ddsink.New(*p.cfg.Datadog, ddsink.Deps{Clock: p.clock, Log: p.log, Meter: p.metrics.Self()})
	return err
}

// Flush takes one chunk of one tag on the thread with the given id. The payload
// is only read, and not kept.
func (p *Pipeline) Flush(tag string, payload []byte, thread int) Result {
	if p.ctx.Err() != nil {
		return Error // closed
	}
	start := p.clock.Now()
	defer func() { p.metrics.Self().FlushDuration(since(start, p.clock.Now())) }()
	if p.queues(thread) {
		return p.enqueue(tag, payload, &try{arrived: start})
	}
	t := p.ledger.take(tag, payload)
	if t == nil {
		t = &try{arrived: start}
	}
	err := p.process(tag, payload, t)
	if isRetry(err) {
		p.ledger.put(tag, payload, t)
	}
	return resultOf(err)
}

// process is one try of one chunk: payload and what is known of it in, nil or
// the reason why it is not settled out.
func (p *Pipeline) process(tag string, payload []byte, t *try) error {
	ctx, cancel := context.WithTimeout(p.ctx, p.cfg.FlushTimeout)
	defer cancel()
	now := p.clock.Now()
	p.fixer.Observe(now)
	t.rebase(now)
	sure := p.clockBelievable(now)
	logs, err := p.walkPayload(ctx, tag, payload, t, sure)
	t.again, t.unsure = true, !sure
	switch {
	case err != nil:
		return err
	case !sure && p.sends():
		return &delivery.RetryError{Err: errClock}
	}
	return errors.Join(logs, p.sendSamples(ctx, t))
}

// walkPayload takes the payload for what it is. The first error is that of the
// logs, to be retried; the second says that there is nothing to retry.
func (p *Pipeline) walkPayload(ctx context.Context, tag string, payload []byte, t *try, sure bool) (logs, err error) {
	switch record.Detect(payload) {
	case record.Logs:
		return p.walk(ctx, tag, payload, t, sure), nil
	case record.Metrics:
		return nil, p.takeMetrics(payload, t)
	case record.Traces:
		p.warnTrace.Do(func() { p.log.Warn("traces reach this output and are dropped: keep them away with `match`") })
		return nil, p.refuse(t, "traces")
	}
	return nil, p.refuse(t, "undecodable")
}

// walk is the data path: decode, repair, route, deliver.
func (p *Pipeline) walk(ctx context.Context, tag string, payload []byte, t *try, sure bool) error {
	s := p.scratch.Get().(*scratch)
	defer p.scratch.Put(s)
	session := p.fixer.Begin(tag, t.arrived, t.again)
	chunk := p.beginLogs(ctx, tag, t, sure)
	s.samples = s.samples[:0]
	s.decoder.Reset(payload)
	for s.decoder.Next() {
		rec := s.decoder.Record()
		at := session.Repair(timefix.Raw{Form: timefix.Form(rec.Time.Form), Bits: rec.Time.Bits}).UnixNano
		if !t.again {
			s.samples = p.observe(s.samples, tag, rec, at, t)
		}
		if chunk != nil {
			chunk.Add(rec, at)
		}
	}
	p.settleSamples(&session, s, t)
	p.metrics.Self().Repairs(session.End())
	p.countUndecodable(&s.decoder, t)
	if chunk == nil {
		return nil
	}
	return chunk.End()
}

// beginLogs is nil where no log can leave now.
func (p *Pipeline) beginLogs(ctx context.Context, tag string, t *try, sure bool) *ddsink.Chunk {
	if p.datadog == nil || !sure {
		return nil
	}
	return p.datadog.Begin(ctx, tag, &t.logs)
}

// observe gives a host record to the metrics, and settles for the logs what is
// not theirs.
func (p *Pipeline) observe(dst []record.Sample, tag string, rec *record.Record, at int64, t *try) []record.Sample {
	if p.cfg.Host == HostLogs {
		return dst
	}
	samples, taken := p.metrics.Observe(dst, tag, rec, at)
	if !taken {
		return dst
	}
	switch p.cfg.Host {
	case HostMetrics:
		t.logs.Add(rec.Index)
	case HostOff:
		t.logs.Add(rec.Index)
		return dst
	}
	return samples
}

// settleSamples makes the samples of a first try the try's own, and looks again
// at those that were stamped by a clock that nobody could believe.
func (p *Pipeline) settleSamples(session *timefix.Session, s *scratch, t *try) {
	if !t.again && len(s.samples) > 0 && p.sends() {
		t.samples = append([]record.Sample(nil), s.samples...)
	}
	if t.again && t.unsure {
		for i := range t.samples {
			raw := eventTime(t.samples[i].UnixNano)
			t.samples[i].UnixNano = session.Repair(raw).UnixNano
		}
	}
}

// takeMetrics gives a metrics event's samples to the page and to the try.
func (p *Pipeline) takeMetrics(payload []byte, t *try) error {
	if t.again {
		return nil
	}
	samples, err := record.AppendMetrics(nil, payload, t.arrived.Wall, &p.series)
	p.metrics.Apply(samples)
	if p.sends() {
		t.samples = samples
	}
	if err == nil {
		return nil
	}
	p.metrics.Self().Dropped(delivery.SinkDecode, "undecodable", 1)
	if len(samples) == 0 {
		return errNothing
	}
	return nil
}

func (p *Pipeline) sendSamples(ctx context.Context, t *try) error {
	if p.datadog == nil || len(t.samples) == 0 {
		return nil
	}
	return p.datadog.SendMetrics(ctx, t.samples, &t.metrics)
}

// sends tells whether any sink sends over a network.
func (p *Pipeline) sends() bool { return p.datadog != nil }

func (p *Pipeline) countUndecodable(d *record.Decoder, t *try) {
	if n := d.Undecodable(); n > 0 && !t.again {
		p.metrics.Self().Dropped(delivery.SinkDecode, "undecodable", n)
	}
}

// refuse counts a payload that nothing can be made of.
func (p *Pipeline) refuse(t *try, reason string) error {
	if !t.again {
		p.metrics.Self().Dropped(delivery.SinkDecode, reason, 1)
	}
	return errNothing
}

func (p *Pipeline) logRepair(r timefix.Repair) {
	p.log.Info("time repaired: first of its kind for this tag", "tag", r.Tag, "verdict", r.Verdict.String(),
		"before", stamp(r.Before), "after", stamp(r.After), "why", r.Why)
}
