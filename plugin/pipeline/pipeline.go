package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"out_edge/ddsink"
	"out_edge/exporter"
	"out_edge/exporter/remotewrite"
	"out_edge/exporter/rules"
	"out_edge/exporter/telemetry"
	"out_edge/plugin/chunk"
	"out_edge/plugin/cmetrics"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
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
	metrics *exporter.Instance
	// telemetry is there before the sinks and the page.
	telemetry *telemetry.Telemetry
	datadog   *ddsink.Sink // nil without Datadog
	// remote is nil without remote write; a pointer to be swapped, as a gauge
	// may expire before it is there.
	remote   atomic.Pointer[remotewrite.Sender]
	reporter *remotewrite.Reporter // nil without remote_write_self
	engine   *rules.Engine         // nil without rules
	thread   int                   // the engine's
	ledger   ledger
	queue    *queue
	pauses   *pauses
	scratch  sync.Pool // of *scratch
	series   cmetrics.Interner
	// skipped is how many of series.Skipped are counted; guarded by skippedMu.
	skippedMu sync.Mutex
	skipped   uint64

	warnQueue sync.Once
	warnTrace sync.Once
	// The rests of the sinks that send.
	logsRest, metricsRest, remoteRest rest
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
	decoder chunk.Decoder
	samples []metric.Sample
}

// New starts an instance. An error is a setting that cannot work; whatever may
// heal (a busy port, a missing key file) is no error.
func New(cfg Config, deps Deps) (*Pipeline, error) {
	p := &Pipeline{cfg: cfg.withDefaults(), clock: deps.Clock, log: deps.Log, thread: deps.Thread}
	p.scratch.New = func() any { return new(scratch) }
	p.series.Limit, p.series.Series = cfg.Metrics.SeriesLimit, deps.Exporter.Series()
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.queue = newQueue(p.cfg.QueueBytes)
	p.pauses = newPauses(p.queue.signal)

	tc := cfg.Time
	tc.Clock, tc.OnFirst = deps.Clock, p.logRepair
	p.fixer = timefix.New(tc)

	if err := p.start(deps); err != nil {
		p.cancel()
		return nil, err
	}
	p.worker.Go(func() { p.queue.run(p.ctx, p.deliverQueued) })
	return p, nil
}

// start makes the plugin's own series, then the sinks, and then the page that shows
// them; or nothing.
func (p *Pipeline) start(deps Deps) (err error) {
	mc := p.cfg.Metrics
	mc.Sinks = p.cfg.sinks()
	if p.telemetry, err = deps.Exporter.Telemetry(mc); err != nil {
		return err
	}
	p.engine = p.cfg.Rules.Engine(rules.EngineConfig{
		Limit: mc.SeriesLimit, SeriesTTL: mc.SeriesTTL, Clock: p.clock, Refused: p.telemetry.Refused, Labels: mc.Labels,
		TagLabel: mc.TagLabel, Series: deps.Exporter.Series()})
	for _, r := range p.cfg.Rules.Refusals() {
		p.telemetry.Refused(r.Rule, r.Reason, 0)
	}
	if err = errors.Join(p.openDatadog(), p.openRemote()); err != nil {
		p.telemetry.Close()
		return errors.Join(err, p.closeSinks(p.ctx))
	}
	mc.Telemetry, mc.Status, mc.Relabel, mc.OnExpire = p.telemetry, p.status, p.relabel, p.expired
	if p.metrics, err = deps.Exporter.Open(mc); err != nil {
		return errors.Join(err, p.closeSinks(p.ctx))
	}
	return nil
}

func (p *Pipeline) openDatadog() (err error) {
	if p.cfg.Datadog == nil {
		p.log.Info("no apikey: nothing goes to Datadog; set `apikey`, `apikey_file` or DD_API_KEY to change that")
		return nil
	}
	p.datadog, err = ddsink.New(*p.cfg.Datadog, ddsink.Deps{Clock: p.clock, Log: p.log, Meter: p.telemetry})
	return err
}

func (p *Pipeline) openRemote() error {
	if p.cfg.RemoteWrite == nil {
		return nil
	}
	sender, err := remotewrite.New(*p.cfg.RemoteWrite, remotewrite.Deps{Clock: p.clock, Log: p.log, Meter: p.telemetry})
	if err != nil {
		return err
	}
	p.remote.Store(sender)
	if p.cfg.RemoteWriteSelf {
		p.reporter = sender.Report(remotewrite.ReporterConfig{Gather: p.telemetry.Gather, Believable: p.fixer.Believable})
	}
	return nil
}

// Flush takes one chunk of one tag on the thread with the given id. The payload
// is only read, and not kept.
func (p *Pipeline) Flush(tag string, payload []byte, thread int) Result {
	if p.ctx.Err() != nil {
		return Retry // closed: whoever comes after may deliver it
	}
	start := p.clock.Now()
	defer func() { p.telemetry.FlushDuration(since(start, p.clock.Now())) }()
	t := p.recall(tag, payload, start)
	var err error
	if p.queues(thread) {
		err = p.enqueue(tag, payload, t)
	} else {
		err = p.deliver(tag, payload, t, lanes{})
	}
	if isRetry(err) {
		p.remember(tag, payload, t)
	}
	return resultOf(err)
}

// recall is what is known of a chunk.
func (p *Pipeline) recall(tag string, payload []byte, now timefix.Instant) *try {
	for _, t := range p.ledger.expire(now.Boot) {
		p.countGone(t, "given_up")
	}
	if t := p.ledger.take(tag, payload); t != nil {
		return t
	}
	return &try{arrived: now}
}

// remember keeps what is known of a chunk until it comes again.
func (p *Pipeline) remember(tag string, payload []byte, t *try) {
	for _, t := range p.ledger.put(tag, payload, t, p.clock.Now().Boot) {
		p.countSamplesGone(t, "forgotten")
	}
}

// deliver is one try of one chunk: payload and what is known of it in, nil or
// the reason why it is not settled out. Sinks whose lane is held are not asked.
func (p *Pipeline) deliver(tag string, payload []byte, t *try, held lanes) error {
	ctx, cancel := p.limited()
	defer cancel()
	sure := p.look(t)
	if sure && t.unsure {
		p.rejudge(tag, t)
	}
	logs, err := p.offerLogs(ctx, tag, payload, t, sure, held[laneLogs])
	t.again, t.unsure = true, !sure
	switch {
	case err != nil:
		return err
	case !sure && p.open(t).any():
		return &delivery.RetryError{Err: errClock}
	}
	return errors.Join(logs, p.sendSamples(t, held))
}

// offerLogs walks through the payload, unless an earlier walk has left nothing to
// do.
func (p *Pipeline) offerLogs(ctx context.Context, tag string, payload []byte, t *try, sure, held bool) (logs, err error) {
	if judged := t.again && !t.unsure; judged && t.logsDone {
		return nil, nil
	} else if judged && held {
		return &delivery.RetryError{Err: errRest}, nil
	}
	logs, err = p.walkPayload(ctx, tag, payload, t, sure && !held)
	t.logsDone = logs == nil
	return logs, err
}

// open are the lanes that a try still waits for.
func (p *Pipeline) open(t *try) (open lanes) {
	if p.datadog != nil {
		open[laneLogs], open[laneMetrics] = !t.logsDone, unsettled(t.samples, &t.metrics) > 0
	}
	open[laneRemote] = p.cfg.RemoteWrite != nil && unsettled(t.samples, &t.remote) > 0
	return open
}

// survey makes what the page shows of a chunk, and sends nothing.
func (p *Pipeline) survey(tag string, payload []byte, t *try) error {
	if t.again {
		return nil
	}
	sure := p.look(t)
	_, err := p.offerLogs(p.ctx, tag, payload, t, false, true)
	t.again, t.unsure = true, !sure
	return err
}

// look looks at the clocks for a try, and tells whether they are believable.
func (p *Pipeline) look(t *try) bool {
	now := p.clock.Now()
	p.fixer.Observe(now)
	t.rebase(now)
	return p.clockBelievable(now)
}
