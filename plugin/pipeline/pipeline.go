package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"out_edge/ddsink"
	"out_edge/exporter"
	"out_edge/exporter/rules"
	"out_edge/exporter/telemetry"
	"out_edge/plugin/cmetrics"
	"out_edge/plugin/delivery"
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

// Pipeline is one instance. Its methods may be called from any thread, Flush and
// Park from several at once.
type Pipeline struct {
	cfg       Config
	clock     timefix.Clock
	log       *slog.Logger
	fixer     *timefix.Fixer
	metrics   *exporter.Instance
	telemetry *telemetry.Telemetry
	engine    *rules.Engine // nil without rules
	account   *ddsink.Account
	thread    int // the engine's

	// workers are the sinks, each with its gate and backlog. They are there
	// before the page, and never change.
	workers   []*worker
	admission sync.Mutex // held while a chunk is surveyed and the sinks are told of it

	unused  unused
	retries retryState
	backlog backlog
	samples sampleStore
	intake  intake

	scratch sync.Pool // of *scratch
	series  cmetrics.Interner
	replay  replay
	// clashed is how many of series.Clashed are counted; guarded by clashedMu.
	clashedMu sync.Mutex
	clashed   uint64

	warnQueue, warnTrace, warnFull, warnRetry sync.Once
	// clockBad is whether the last look at the wall clock found that it is not set.
	clockBad atomic.Bool

	// ctx ends when Close has waited long enough.
	ctx      context.Context
	cancel   context.CancelFunc
	closing  atomic.Bool
	running  sync.WaitGroup
	closed   sync.Once
	leftOver leftOver
}

// New starts an instance. An error is a setting that cannot work; whatever may
// heal (a busy port, a missing key file) is no error.
func New(cfg Config, deps Deps) (*Pipeline, error) {
	p := &Pipeline{cfg: cfg.withDefaults(), clock: deps.Clock, log: deps.Log, thread: deps.Thread}
	p.scratch.New = func() any { return new(scratch) }
	p.cfg.OTLP.Fallen = new(cmetrics.Fallen)
	p.series.Limit, p.series.Series, p.series.OTLP = cfg.Metrics.SeriesLimit, deps.Exporter.Series(), p.cfg.OTLP
	p.series.OTLP.Clash = p.warnClash
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.backlog.limit = p.cfg.QueueBytes
	p.intake.wake = make(chan struct{}, 1)

	tc := cfg.Time
	tc.Clock, tc.OnFirst = deps.Clock, p.logRepair
	p.fixer = timefix.New(tc)

	if err := p.start(deps); err != nil {
		p.cancel()
		return nil, err
	}
	for _, w := range p.workers {
		p.running.Go(func() { w.run(p.ctx) })
	}
	p.running.Go(p.takeIn)
	return p, nil
}

// start makes the plugin's own series, then the sinks, and then the page that shows
// them; or nothing.
func (p *Pipeline) start(deps Deps) (err error) {
	mc := p.cfg.Metrics
	mc.Sinks = p.cfg.sinkNames()
	if p.telemetry, err = deps.Exporter.Telemetry(mc); err != nil {
		return err
	}
	p.engine = p.cfg.Rules.Engine(p.engineConfig())
	p.unused = unused{engine: p.engine, prefix: cmp.Or(mc.Prefix, exporter.DefaultPrefix), telemetry: p.telemetry, log: p.log}
	for _, r := range p.cfg.Rules.Refusals() {
		p.telemetry.Refused(r.Rule, r.Reason, 0)
	}
	if err = p.openSinks(); err != nil {
		p.telemetry.Close()
		return errors.Join(err, p.closeSinks(p.ctx))
	}
	mc.Telemetry, mc.Status, mc.Relabel, mc.OnExpire = p.telemetry, p.status, p.engine.Relabeler(), p.expired
	if p.metrics, err = deps.Exporter.Open(mc); err != nil {
		return errors.Join(err, p.closeSinks(p.ctx))
	}
	return nil
}

func (p *Pipeline) engineConfig() rules.EngineConfig {
	mc := &p.cfg.Metrics
	return rules.EngineConfig{Limit: mc.SeriesLimit, SeriesTTL: mc.SeriesTTL, Clock: p.clock, Refused: p.telemetry.Refused,
		Labels: mc.Labels, TagLabel: mc.TagLabel, Series: p.series.Series}
}

// Flush takes one chunk of one tag on the thread with the given id, and says what
// became of it. The payload is only read, and not kept.
func (p *Pipeline) Flush(tag string, payload []byte, thread int) Result {
	if p.closing.Load() {
		return Retry // whoever comes after may deliver it
	}
	t := p.recall(tag, payload)
	if p.queues(thread) {
		return p.answer(t, p.enqueue(t))
	}
	return p.answer(t, p.deliver(t))
}

// deliver waits until every sink has settled its part of a chunk, or has failed.
func (p *Pipeline) deliver(t *chunkState) error {
	if err := p.survey(t); err != nil {
		return err
	}
	done := make(chan error, 1)
	t.offer(func(err error) { done <- err })
	return <-done
}

// queues says whether this flush goes into the queue.
func (p *Pipeline) queues(thread int) bool {
	switch {
	case len(p.workers) == 0:
		return false // nothing here can block
	case p.cfg.Mode == Queue, p.cfg.Mode == Sync:
		return p.cfg.Mode == Queue // with Park, flushes that cannot be parked go by thread
	case thread != p.thread:
		return false
	}
	p.warnQueue.Do(func() {
		p.log.Warn("flushes run on Fluent Bit's engine thread, so chunks wait in memory and are lost if the agent dies: " +
			"add `workers 1` to this output, and Fluent Bit keeps them until they are delivered")
	})
	return true
}

// enqueue answers at once: the page has the chunk when it returns, the receivers get
// it later, from a copy.
func (p *Pipeline) enqueue(t *chunkState) error {
	err := p.survey(t)
	if waits := errors.Is(err, errClock); err != nil && !waits || !t.isOpen() {
		return err
	}
	size := int64(len(t.payload)) + chunkBytes + sampleBytes(t.Samples())
	if !p.backlog.reserve(size) {
		return &delivery.RetryError{Err: errFull}
	}
	t.payload = append([]byte(nil), t.payload...)
	t.held, t.owned = true, true
	p.hold(t, func(err error) {
		p.backlog.release(size)
		if err != nil {
			p.leftOver.add(t.dropAll(reasonShutdown))
		}
		p.settled(t)
	})
	return nil
}

// chunkBytes is about what a chunk takes besides its payload and samples.
const chunkBytes = 1 << 10

// recall is what is known of a chunk.
func (p *Pipeline) recall(tag string, payload []byte) *chunkState {
	now := p.clock.Now()
	for _, t := range p.retries.expire(now.Boot) {
		t.dropAll(reasonGivenUp)
		p.settled(t)
	}
	t := p.retries.take(tag, payload)
	if t == nil {
		t = &chunkState{p: p, tag: tag, arrived: now}
	}
	t.payload, t.began, t.held, t.owned = payload, now, false, false
	return t
}

// answer is the one place where the end of a flush becomes Fluent Bit's answer, and
// where a chunk's state is kept that it is to offer again. After it, the payload is
// Fluent Bit's.
func (p *Pipeline) answer(t *chunkState, err error) Result {
	now := p.clock.Now()
	p.telemetry.FlushDuration(since(t.began, now))
	result := resultOf(err)
	switch {
	case result == Retry:
		p.sayRetry(err)
		if forgotten := p.retries.put(t, now.Boot); forgotten != nil {
			p.settled(forgotten)
		}
	case !t.owned:
		p.settled(t)
	}
	if !t.owned {
		t.payload = nil
	}
	return result
}

// settled lets go of a chunk.
func (p *Pipeline) settled(t *chunkState) {
	p.samples.drop(t)
	t.payload = nil
}

// sayRetry says once what Fluent Bit does with a chunk that it is given back. A clock
// that is not set has a line of its own, and at exit Fluent Bit retries nothing.
func (p *Pipeline) sayRetry(err error) {
	if errors.Is(err, errClock) || p.closing.Load() {
		return
	}
	p.warnRetry.Do(func() {
		p.log.Warn("a chunk goes back to Fluent Bit's buffer, to be offered again: with `retry_limit` unset that happens once, and then Fluent Bit drops it; set `retry_limit no_limits`",
			"why", err)
	})
}

// Close stops the instance. What Fluent Bit has on disk is left there at once: nobody
// hears of its delivery any more. For all else that waits each sink is asked once more,
// and the queue, which nobody else has, has until the end of ctx. What is left goes back
// to Fluent Bit, or is counted and logged. Later calls do nothing, and later flushes are
// to be retried.
func (p *Pipeline) Close(ctx context.Context) (err error) {
	p.closed.Do(func() {
		p.closing.Store(true)
		p.intake.close()
		files := readFileMap()
		for _, w := range p.workers {
			w.close(files)
		}
		stop := context.AfterFunc(ctx, p.cancel)
		p.running.Wait()
		stop()
		p.cancel()
		p.leftOver.say(p.log)
		err = errors.Join(p.closeSinks(ctx), p.metrics.Close(ctx))
	})
	return err
}

// leftOver counts what the queue could not deliver.
type leftOver struct {
	mu                    sync.Mutex
	chunks, logs, samples int
}

func (l *leftOver) add(logs, samples int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.chunks, l.logs, l.samples = l.chunks+1, l.logs+logs, l.samples+samples
}

// say logs it: the page goes with the instance.
func (l *leftOver) say(log *slog.Logger) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.chunks > 0 {
		log.Error(fmt.Sprintf("stopped with %d chunks (%d logs, %d metric samples) undelivered in memory: `workers 1` keeps them in Fluent Bit's buffer", l.chunks, l.logs, l.samples))
	}
}
