package remotewrite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// Deps is what a Sender is given by its owner. A nil Log or Meter is none.
type Deps struct {
	Clock timefix.Clock
	Log   *slog.Logger
	Meter delivery.Meter
}

// Sender sends to one receiver. It is safe for concurrent use, and starts no
// goroutine but a Reporter's.
type Sender struct {
	cfg    Config
	clock  timefix.Clock
	log    *slog.Logger
	meter  delivery.Recorder
	target *target

	// turn is held by the Send that builds and sends a batch; batch is its.
	turn  chan struct{}
	batch *batch

	// mu guards all below. It is never held while something is sent.
	mu      sync.Mutex
	series  *registry
	entries []*entry // the oldest first
	byChunk map[*delivery.Set]*entry
	free    []*entry
	stale   map[*output]int64 // ms of the expiry, or of the newest point
	// holdUntil is when the receiver may be asked again, on elapsed's scale.
	holdUntil time.Duration
}

// idleTimeout is longer than a minute, so that a push a minute finds its connection
// alive: a new one with TLS takes more bytes than the push itself.
const idleTimeout = 110 * time.Second

// New makes a Sender. It fails only on what cannot heal: all wrong settings at
// once. It opens no connection. Files of passwords, tokens and certificates that
// are missing are waited for.
func New(cfg Config, deps Deps) (*Sender, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	client, err := delivery.NewClient(delivery.HTTPConfig{
		Proxy: cfg.Proxy, CAFile: cfg.CAFile, CertFile: cfg.CertFile, KeyFile: cfg.KeyFile,
		Timeout: cfg.Timeout, IdleTimeout: idleTimeout, DialContext: cfg.DialContext, Log: deps.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("set up remote write client: %w", err)
	}
	s := &Sender{
		cfg: cfg, clock: deps.Clock, log: deps.Log, meter: delivery.NewRecorder(deps.Meter),
		turn:   make(chan struct{}, 1),
		series: newRegistry(cfg), byChunk: map[*delivery.Set]*entry{}, stale: map[*output]int64{},
	}
	s.target = newTarget(cfg, client, s)
	s.batch = &batch{sender: s, oldUntil: never}
	return s, nil
}

// Send sends the samples whose positions are not in done, and puts those into it
// that are settled: accepted, or dropped and counted. nil means that all are; a
// *delivery.RetryError, that the same samples should be offered again with the
// same done, which must then stand at the same address: it is how a chunk is
// known again. done must not be nil. Between the tries, later Sends may have sent
// them.
//
// The samples are not kept. Send returns when ctx ends, at the latest.
func (s *Sender) Send(ctx context.Context, samples []metric.Sample, done *delivery.Set) error {
	e, open := s.open(samples, done)
	closed := false
	defer func() {
		if !closed { // a panic, after which the chunk may not come again
			s.forget(done)
		}
	}()
	var failed *delivery.RetryError
	if open {
		failed = s.deliver(ctx, e)
	}
	err := s.close(e, done, len(samples), failed)
	closed = true
	return err
}

// forget drops what is left of a chunk that will not be offered again, and tells
// how many samples that are.
func (s *Sender) forget(done *delivery.Set) (open int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.byChunk[done]
	if e == nil {
		return 0
	}
	open = e.open
	for i := range e.points { // a batch that has them must not count them
		e.points[i].out = nil
	}
	s.remove(e)
	return open
}

// Holds tells whether what is left of the chunk that done belongs to waits here:
// it then leaves with a later Send, whether or not the chunk is offered again.
func (s *Sender) Holds(done *delivery.Set) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.byChunk[done]
	return e != nil && e.open > 0
}

// Flush sends what waits, staleness markers among it.
func (s *Sender) Flush(ctx context.Context) error {
	if failed := s.deliver(ctx, nil); failed != nil {
		return failed
	}
	return nil
}

// Expire tells that a gauge has expired, whichever pointer its samples came with:
// a staleness marker goes out with the next Send or Flush, unless the series has a
// sample newer than this call by then. It does not block.
func (s *Sender) Expire(series *metric.Series) {
	if isDistribution(series.Kind) {
		return // they do not expire
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	for _, o := range s.series.planOf(&metric.Sample{Series: series}, now.Elapsed()).outputs {
		if o != nil && (o.last != never || o.batch != 0) && len(s.stale) < maxPlans { // something was sent, or waits
			s.stale[o] = max(now.Wall/1e6, o.last)
		}
	}
}

// Close gives idle connections back. What waits is Fluent Bit's to offer again.
// It may be called more than once, and returns nil.
func (s *Sender) Close(context.Context) error {
	s.target.http.CloseIdleConnections()
	return nil
}

// open finds the entry of a chunk that comes again, or makes one, and tells
// whether there is anything left in it to send.
func (s *Sender) open(samples []metric.Sample, done *delivery.Set) (e *entry, open bool) {
	var counts tally
	defer counts.report(s.meter)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.byChunk[done]; e != nil {
		e.active, e.failed = true, nil
		return e, e.open > 0
	}
	e = s.newEntry()
	e.chunk, e.active = done, true
	s.fill(e, samples, done, &counts)
	s.byChunk[done] = e
	s.entries = append(s.entries, e)
	return e, e.open > 0
}

func (s *Sender) newEntry() *entry {
	if n := len(s.free); n > 0 {
		e := s.free[n-1]
		s.free = s.free[:n-1]
		return e
	}
	return &entry{}
}

// fill turns samples into points.
func (s *Sender) fill(e *entry, samples []metric.Sample, done *delivery.Set, counts *tally) {
	now := s.elapsed()
	e.left = append(e.left[:0], make([]int32, len(samples))...)
	e.fates = append(e.fates[:0], make([]fate, len(samples))...)
	for i := range samples {
		if done.Has(i) {
			continue
		}
		e.open++
		if f := s.expand(e, &samples[i], int32(i), now); f != pending {
			e.finish(i, f, counts)
		}
	}
}

// expand appends the points of a sample, or tells why it has none.
func (s *Sender) expand(e *entry, sample *metric.Sample, position int32, now time.Duration) fate {
	if !isSound(sample) {
		return malformed
	}
	plan := s.series.planOf(sample, now)
	if plan.dropped != pending {
		return plan.dropped
	}
	before := len(e.points)
	e.add(sample, plan, position)
	e.left[position] = int32(len(e.points) - before)
	return pending
}

// deliver waits for the turn and sends what waits, e included. It returns why
// that could not be done, or nil; e may be nil.
func (s *Sender) deliver(ctx context.Context, e *entry) *delivery.RetryError {
	if ctx.Err() != nil { // the turn might be free as well
		return ended(ctx)
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ended(ctx)
	}
	defer func() { <-s.turn }()
	if failed, ok := s.outcome(e); ok {
		return failed
	}
	return s.batch.run(ctx)
}

// errWaited says that ctx ended before the receiver could be asked.
var errWaited = errors.New("send metrics: the time was up before this chunk's turn came")

func ended(ctx context.Context) *delivery.RetryError {
	return &delivery.RetryError{Err: errors.Join(errWaited, ctx.Err())}
}

// outcome tells what a batch that ran meanwhile has made of e, if one did.
func (s *Sender) outcome(e *entry) (failed *delivery.RetryError, ok bool) {
	if e == nil {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return e.failed, e.failed != nil || e.open == 0
}

// close tells the chunk what is settled, and keeps the rest for later Sends.
func (s *Sender) close(e *entry, done *delivery.Set, samples int, failed *delivery.RetryError) error {
	open := s.settle(e, done, samples)
	switch {
	case open == 0:
		return nil
	case failed == nil: // cannot be; but never call settled what is not
		failed = &delivery.RetryError{Err: errWaited}
	}
	s.meter.Retried(delivery.SinkRemoteWrite, open)
	return failed
}

// settle is close without its verdict: it tells how many samples are left.
func (s *Sender) settle(e *entry, done *delivery.Set, samples int) (open int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.active = false
	e.tell(done, samples)
	open = e.open
	if open == 0 || !s.keep(e) {
		s.remove(e) // e may be another chunk's from here on
	}
	return open
}

// keep makes room for an entry that stays until its chunk comes again.
func (s *Sender) keep(e *entry) bool {
	if !e.batched {
		e.compact()
	}
	points := 0
	for _, o := range s.entries {
		if o == e || !o.active {
			points += len(o.points)
		}
	}
	if points > maxWaitingPoints {
		return false
	}
	if len(s.entries) > maxEntries {
		settled := slices.IndexFunc(s.entries, func(o *entry) bool { return o.open == 0 && !o.active })
		if settled < 0 {
			return false
		}
		s.remove(s.entries[settled])
	}
	return true
}

// remove forgets an entry.
func (s *Sender) remove(e *entry) {
	delete(s.byChunk, e.chunk)
	if i := slices.Index(s.entries, e); i >= 0 {
		s.entries = slices.Delete(s.entries, i, i+1)
	}
	const freeEntries, freePoints = 8, 4096
	if !e.batched && len(s.free) < freeEntries && cap(e.points) <= freePoints {
		e.reset()
		s.free = append(s.free, e)
	}
}

// elapsed is the time since some fixed point; steps of the wall clock do not show
// in it where the host knows its time since boot.
func (s *Sender) elapsed() time.Duration { return s.clock.Now().Elapsed() }
