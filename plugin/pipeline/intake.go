package pipeline

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"out_edge/plugin/delivery"
	"out_edge/timefix"
)

// clockCheck is how often the wall clock is checked while chunks wait for it to be set.
const clockCheck = time.Second

// intake holds what waits for its ingestion: parked chunks in order of arrival, and held
// ones whose times wait for the wall clock.
type intake struct {
	wake chan struct{} // room for one signal

	mu            sync.Mutex
	parked        []parked
	awaitingClock []awaitingClock
	closed        bool
}

// Parked is one chunk of one tag. Done is called once, when the chunk is settled or must
// be offered again: on any goroutine, possibly before Park returns. The payload is read
// until then.
type Parked struct {
	Tag     string
	Payload []byte
	Done    func(Result)
}

type parked struct {
	Parked
	began timefix.Instant
}

type awaitingClock struct {
	chunk *chunkState
	done  func(error)
}

// Park takes chunks that were flushed together, and returns at once: they go together to
// each sink. They are held through outages as far as there is room, else returned.
func (p *Pipeline) Park(together ...Parked) {
	if !p.intake.park(p.clock.Now(), together) {
		for _, one := range together {
			one.Done(Retry)
		}
	}
}

// park returns false once the instance closes.
func (in *intake) park(now timefix.Instant, together []Parked) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return false
	}
	for _, one := range together {
		in.parked = append(in.parked, parked{one, now})
	}
	in.signal()
	return true
}

func (in *intake) signal() {
	select {
	case in.wake <- struct{}{}:
	default: // one signal is enough
	}
}

func (in *intake) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	in.signal()
}

// take removes and returns what is parked.
func (in *intake) take() (all []parked, closed bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	all, in.parked = in.parked, nil
	return all, in.closed
}

// takeAwaitingClock removes and returns what waits for the clock.
func (in *intake) takeAwaitingClock() []awaitingClock {
	in.mu.Lock()
	defer in.mu.Unlock()
	all := in.awaitingClock
	in.awaitingClock = nil
	return all
}

// runIntake is the goroutine that ingests parked chunks.
func (p *Pipeline) runIntake() {
	timer := time.NewTimer(clockCheck)
	defer timer.Stop()
	for {
		all, closed := p.intake.take()
		for i, one := range all {
			if i > 0 && i%maxSendJobs == 0 {
				p.signalWorkers()
			}
			p.ingestParked(one, closed)
		}
		if closed {
			for _, u := range p.intake.takeAwaitingClock() {
				u.done(errClosed)
			}
			return
		}
		var tick <-chan time.Time
		if p.offerAwaiting() {
			timer.Reset(clockCheck)
			tick = timer.C
		}
		p.signalWorkers()
		select {
		case <-p.intake.wake:
		case <-tick:
		}
	}
}

// signalWorkers wakes the workers for what was parked together.
func (p *Pipeline) signalWorkers() {
	for _, w := range p.workers {
		if w.hasParked() {
			w.signal()
		}
	}
}

// ingestParked ingests a parked chunk and offers it to the sinks. It recovers from panics,
// since nothing above this goroutine does: a panic costs the chunk.
func (p *Pipeline) ingestParked(one parked, closed bool) {
	if closed {
		one.Done(Retry)
		return
	}
	t := p.loadState(one.Tag, one.Payload)
	t.began, t.parked = one.began, true
	err := p.guardedIngest(t)
	switch waits := errors.Is(err, errClock); {
	case err != nil && !waits, !t.isOpen():
		one.Done(p.answer(t, err))
	default:
		p.park(t, waits, one.Done)
	}
}

func (p *Pipeline) guardedIngest(t *chunkState) (err error) {
	defer func() {
		if r := recover(); r != nil {
			p.log.Error("panic in decoding: please report this; the chunk is dropped", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			t.dropAll(reasonPanic)
			err = errNothing
		}
	}()
	return p.ingest(t)
}

// park offers a parked chunk to the sinks. If there is no room to hold it, the sinks
// that may send get their part, and then it is returned.
func (p *Pipeline) park(t *chunkState, waits bool, done func(Result)) {
	size := int64(len(t.payload))
	t.held = p.backlog.reserve(size, parkedShare*p.cfg.QueueBytes)
	if !t.held {
		p.warnFull.Do(func() {
			chunks, bytes := p.backlog.size()
			p.log.Warn("no more chunks are held here: until there is room they go back to Fluent Bit's buffer", "chunks", chunks, "bytes", bytes)
		})
		if waits {
			done(p.answer(t, &delivery.RetryError{Err: errClock}))
			return
		}
	}
	p.hold(t, func(err error) {
		if t.held {
			p.backlog.release(size)
		}
		done(p.answer(t, err))
	})
}

// hold offers a chunk to the sinks once its times are final.
func (p *Pipeline) hold(t *chunkState, done func(error)) {
	if t.timesFinal {
		t.offer(done)
		return
	}
	if !p.intake.wait(awaitingClock{t, done}) {
		done(errClosed)
		return
	}
	p.intake.signal()
}

// wait returns false once the instance closes.
func (in *intake) wait(u awaitingClock) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.closed {
		in.awaitingClock = append(in.awaitingClock, u)
	}
	return !in.closed
}

// offerAwaiting offers the chunks that wait for the wall clock to the sinks, once it is set. It
// reports whether some are still waiting.
func (p *Pipeline) offerAwaiting() (waits bool) {
	for _, u := range p.intake.takeAwaitingClock() {
		switch err := p.guardedIngest(u.chunk); {
		case !errors.Is(err, errClock):
			u.chunk.offer(u.done)
		case p.intake.wait(u):
			waits = true
		default:
			u.done(errClosed)
		}
	}
	return waits
}
