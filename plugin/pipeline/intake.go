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

// clockCheck is how often the wall clock is looked at while chunks wait for it to be
// set.
const clockCheck = time.Second

// intake is what waits to be surveyed: chunks that were parked, in order of arrival,
// and held ones whose times wait for the wall clock.
type intake struct {
	wake chan struct{} // room for one signal

	mu      sync.Mutex
	parked  []parked
	undated []undated
	closed  bool
}

type parked struct {
	tag     string
	payload []byte
	began   timefix.Instant
	done    func(Result)
}

type undated struct {
	chunk *chunkState
	done  func(error)
}

// Park takes one chunk of one tag and returns at once. done is called once, when the
// chunk is settled or is to be offered again; on any goroutine, maybe before Park
// returns. The payload is read until then. The chunk is held through outages, as
// far as there is room; beyond that it goes back.
func (p *Pipeline) Park(tag string, payload []byte, done func(Result)) {
	if !p.intake.park(parked{tag, payload, p.clock.Now(), done}) {
		done(Retry)
	}
}

// park is false once the instance closes.
func (in *intake) park(one parked) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return false
	}
	in.parked = append(in.parked, one)
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

// take removes what is parked.
func (in *intake) take() (all []parked, closed bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	all, in.parked = in.parked, nil
	return all, in.closed
}

// takeUndated removes what waits for the clock.
func (in *intake) takeUndated() []undated {
	in.mu.Lock()
	defer in.mu.Unlock()
	all := in.undated
	in.undated = nil
	return all
}

// takeIn is the goroutine that surveys what is parked.
func (p *Pipeline) takeIn() {
	timer := time.NewTimer(clockCheck)
	defer timer.Stop()
	for {
		all, closed := p.intake.take()
		for _, one := range all {
			p.takeOne(one, closed)
		}
		if closed {
			for _, u := range p.intake.takeUndated() {
				u.done(errClosed)
			}
			return
		}
		var tick <-chan time.Time
		if p.date() {
			timer.Reset(clockCheck)
			tick = timer.C
		}
		select {
		case <-p.intake.wake:
		case <-tick:
		}
	}
}

// takeOne surveys a parked chunk and offers it to the sinks. Nobody stands over this
// goroutine: a panic costs the chunk.
func (p *Pipeline) takeOne(one parked, closed bool) {
	if closed {
		one.done(Retry)
		return
	}
	t := p.recall(one.tag, one.payload)
	t.began = one.began
	err := p.guardedSurvey(t)
	switch waits := errors.Is(err, errClock); {
	case err != nil && !waits, !t.isOpen():
		one.done(p.answer(t, err))
	default:
		p.park(t, waits, one.done)
	}
}

func (p *Pipeline) guardedSurvey(t *chunkState) (err error) {
	defer func() {
		if r := recover(); r != nil {
			p.log.Error("panic in decoding: please report this; the chunk is dropped", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			t.dropAll(reasonPanic)
			err = errNothing
		}
	}()
	return p.survey(t)
}

// park offers a parked chunk to the sinks. Where there is no room to hold it, the
// sinks that may be asked get their part, and then it goes back.
func (p *Pipeline) park(t *chunkState, waits bool, done func(Result)) {
	size := int64(len(t.payload))
	t.held = p.backlog.reserve(size)
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

// hold offers a chunk to the sinks, once its times are final.
func (p *Pipeline) hold(t *chunkState, done func(error)) {
	if t.timesFinal {
		t.offer(done)
		return
	}
	if !p.intake.wait(undated{t, done}) {
		done(errClosed)
		return
	}
	p.intake.signal()
}

// wait is false once the instance closes.
func (in *intake) wait(u undated) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.closed {
		in.undated = append(in.undated, u)
	}
	return !in.closed
}

// date gives chunks to the sinks that wait for the wall clock, once it is set. It says
// whether some wait on.
func (p *Pipeline) date() (waits bool) {
	for _, u := range p.intake.takeUndated() {
		switch err := p.guardedSurvey(u.chunk); {
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
