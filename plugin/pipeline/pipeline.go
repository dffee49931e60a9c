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
	"out_edge/exporter/statuspage"
	"out_edge/exporter/tail"
	"out_edge/exporter/telemetry"
	"out_edge/plugin/cmetrics"
	"out_edge/plugin/delivery"
	"out_edge/timefix"
)

// Result is the answer to a flush. The numbers are Fluent Bit's
// (fluent-bit/flb_output.h).
type Result int

// The results.
const (
	Error Result = 0 // drop the chunk
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

	// workers are the sinks, each with its gate and backlog. They exist before the page,
	// and never change.
	workers   []*worker
	admission sync.Mutex // held while a chunk is ingested and the sinks are told of it

	unused  unused
	keeper  *Keeper
	retries *retryState
	backlog backlog
	recent  recentChunks
	samples *sampleStore
	intake  intake
	tail    *tail.Tail // nil where nobody may look

	scratch sync.Pool // of *scratch
	series  *cmetrics.Interner
	replay  replay
	// clashed is how many of series.Clashed are counted; guarded by clashedMu.
	clashedMu sync.Mutex
	clashed   uint64

	warnQueue, warnTrace, warnFull, warnRetry sync.Once
	// clockUnset is set when the last check found that the wall clock is not set.
	clockUnset atomic.Bool

	// ctx ends when Close has waited long enough.
	ctx         context.Context
	files       func() fileMap // as it is when the instance closes
	cancel      context.CancelFunc
	closing     atomic.Bool
	running     sync.WaitGroup
	closed      sync.Once
	undelivered undelivered
}

// New starts an instance. It returns an error only for a setting that cannot work;
// faults that may go away (a busy port, a missing key file) are no error.
func New(cfg Config, deps Deps) (*Pipeline, error) {
	p := &Pipeline{cfg: cfg.withDefaults(), clock: deps.Clock, log: deps.Log, thread: deps.Thread,
		keeper: deps.Keeper, retries: new(retryState), samples: new(sampleStore), files: sync.OnceValue(readFileMap)}
	p.scratch.New = func() any { return new(scratch) }
	p.cfg.OTLP.Fallen = new(cmetrics.Fallen)
	p.series = &cmetrics.Interner{Limit: cfg.Metrics.SeriesLimit, Series: deps.Exporter.Series(), OTLP: p.cfg.OTLP}
	p.series.OTLP.Clash = p.warnClash
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.intake.wake = make(chan struct{}, 1)

	tc := cfg.Time
	tc.Clock, tc.OnFirst = deps.Clock, p.logRepair
	p.fixer = timefix.New(tc)

	if err := p.start(deps); err != nil {
		p.cancel()
		return nil, err
	}
	p.keeper.enter()
	p.inherit(deps.Keeper)
	for _, w := range p.workers {
		p.running.Go(func() { w.run(p.ctx) })
	}
	p.running.Go(p.runIntake)
	return p, nil
}

// start creates the plugin's own series, then the sinks, and then the page that shows
// them; or nothing on an error.
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
	if mc.Listen != exporter.ListenOff && mc.StatusRecords != statuspage.RecordsOff {
		p.tail = new(tail.Tail)
		mc.Tail = p.tail.Entries
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

// Flush processes one chunk of one tag on the thread with the given id, and returns the
// answer. It only reads the payload, and does not keep it.
func (p *Pipeline) Flush(tag string, payload []byte, thread int) Result {
	if p.closing.Load() {
		return Retry // the next instance may deliver it
	}
	t := p.loadState(tag, payload)
	if p.usesQueue(thread) {
		return p.answer(t, p.enqueue(t))
	}
	return p.answer(t, p.deliver(t))
}

// deliver waits until every sink has settled its part of a chunk or has failed.
func (p *Pipeline) deliver(t *chunkState) error {
	if err := p.ingest(t); err != nil {
		return err
	}
	done := make(chan error, 1)
	t.offer(func(err error) { done <- err })
	return <-done
}

// usesQueue reports whether this flush uses the queue.
func (p *Pipeline) usesQueue(thread int) bool {
	switch {
	case len(p.workers) == 0:
		return false // nothing can block
	case p.cfg.Mode == Queue, p.cfg.Mode == Sync:
		return p.cfg.Mode == Queue // with Park, flushes that cannot be parked are handled by thread
	case thread != p.thread:
		return false
	}
	p.warnQueue.Do(func() {
		p.log.Warn("flushes run on Fluent Bit's engine thread, so chunks wait in memory and are lost if the agent dies: " +
			"add `workers 1` to this output, and Fluent Bit keeps them until they are delivered")
	})
	return true
}

// enqueue returns at once: the chunk is on the page then, and the receivers get it
// later from a copy.
func (p *Pipeline) enqueue(t *chunkState) error {
	err := p.ingest(t)
	if waits := errors.Is(err, errClock); err != nil && !waits || !t.isOpen() {
		return err
	}
	size := int64(len(t.payload)) + chunkBytes + sampleBytes(t.Samples())
	if !p.backlog.reserve(size, p.cfg.QueueBytes) {
		return &delivery.RetryError{Err: errFull}
	}
	t.payload = append([]byte(nil), t.payload...)
	t.held, t.owned = true, true
	p.hold(t, func(err error) {
		p.backlog.release(size)
		if err != nil {
			p.undelivered.add(t.dropAll(reasonShutdown))
		}
		p.settled(t)
	})
	return nil
}

// chunkBytes is roughly what a chunk needs besides its payload and samples.
const chunkBytes = 1 << 10

// loadState returns the state of a chunk, or a new one.
func (p *Pipeline) loadState(tag string, payload []byte) *chunkState {
	now := p.clock.Now()
	for _, t := range p.retries.expire(now.Boot) {
		p.adopt(t)
		t.dropAll(reasonGivenUp)
		p.settled(t)
	}
	t := p.retries.take(tag, payload)
	if t == nil {
		t = &chunkState{p: p, tag: tag, arrived: now}
	}
	p.adopt(t) // the flush may have ended after its instance
	t.payload, t.began, t.held, t.owned, t.parked = payload, now, false, false, false
	return t
}

// answer turns the end of a flush into Fluent Bit's answer, and stores the state of a
// chunk that will be offered again. Nothing else does. Afterwards the payload is Fluent
// Bit's.
func (p *Pipeline) answer(t *chunkState, err error) Result {
	now := p.clock.Now()
	p.telemetry.FlushDuration(since(t.began, now))
	result := resultOf(err)
	switch {
	case result == Retry:
		p.logRetry(err)
		p.putBack(t, now)
	case !t.owned:
		if p.keeper.hasSeveral() {
			p.recent.add(chunkKey(t.tag, t.payload))
		}
		p.settled(t)
	}
	if !t.owned {
		t.payload = nil
	}
	return result
}

// putBack stores the state of a chunk that Fluent Bit was told to retry. At the end, it
// offers again what is in files; of the rest nothing comes again.
func (p *Pipeline) putBack(t *chunkState, now timefix.Instant) {
	if p.keeper != nil && p.closing.Load() && !p.files().has(t.payload) {
		t.dropAll(reasonGivenUp)
		p.settled(t)
		return
	}
	if forgotten := p.retries.put(t, now.Boot); forgotten != nil {
		p.settled(forgotten)
	}
}

// Unheard is called after Close, with a chunk whose result was OK but did not reach
// Fluent Bit: the next instance answers for it. It only reads the payload, and does not
// keep it.
func (p *Pipeline) Unheard(tag string, payload []byte) {
	now := p.clock.Now()
	p.recent.remove(chunkKey(tag, payload))
	t := settledChunk(tag)
	t.arrived, t.payload = now, payload
	p.putBack(t, now)
	t.payload = nil
}

// settled releases a chunk's memory.
func (p *Pipeline) settled(t *chunkState) {
	p.samples.drop(t)
	t.payload = nil
}

// logRetry logs once what Fluent Bit does with a chunk that is returned to it. A clock
// that is not set has a log line of its own, and at exit Fluent Bit retries nothing.
func (p *Pipeline) logRetry(err error) {
	if errors.Is(err, errClock) || p.closing.Load() {
		return
	}
	p.warnRetry.Do(func() {
		p.log.Warn("a chunk goes back to Fluent Bit's buffer, to be offered again: with `retry_limit` unset that happens once, and then Fluent Bit drops it; set `retry_limit no_limits`",
			"why", err)
	})
}

// Close stops the instance. Chunks that Fluent Bit has on disk stay there and are
// returned at once, because nobody learns of their delivery any more. For everything
// else that is waiting each sink is called once more. The queue, which exists only
// here, has until the end of ctx. The rest is returned to Fluent Bit, or counted and
// logged. Later calls do nothing, and later flushes are answered with Retry.
func (p *Pipeline) Close(ctx context.Context) error { return p.close(ctx, false) }

// HandOver is Close for an instance that another one replaces in this process: that one
// learns what has been delivered, so that requests under way may take until ctx ends.
func (p *Pipeline) HandOver(ctx context.Context) error { return p.close(ctx, true) }

func (p *Pipeline) close(ctx context.Context, handOver bool) (err error) {
	p.closed.Do(func() {
		p.closing.Store(true)
		p.intake.close()
		for _, w := range p.workers {
			w.close(p.files(), handOver)
		}
		stop := context.AfterFunc(ctx, p.cancel)
		p.running.Wait()
		stop()
		p.cancel()
		p.undelivered.log(p.log)
		left := p.legacy()
		err = errors.Join(p.closeSinks(ctx), p.metrics.Close(ctx))
		p.keeper.leave(left)
	})
	return err
}

// undelivered counts what the queue could not deliver.
type undelivered struct {
	mu                    sync.Mutex
	chunks, logs, samples int
}

func (l *undelivered) add(logs, samples int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.chunks, l.logs, l.samples = l.chunks+1, l.logs+logs, l.samples+samples
}

// log logs them, because the page ends with the instance.
func (l *undelivered) log(log *slog.Logger) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.chunks > 0 {
		log.Error(fmt.Sprintf("stopped with %d chunks (%d logs, %d metric samples) undelivered in memory: `workers 1` keeps them in Fluent Bit's buffer", l.chunks, l.logs, l.samples))
	}
}
