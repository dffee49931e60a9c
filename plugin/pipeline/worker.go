package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"out_edge/plugin/delivery"
)

// The limits of one Send. Its jobs are answered when it returns, so it should not take
// many round trips.
const (
	maxSendJobs  = 1024
	maxSendBytes = 4 << 20 // of payloads
)

// linger is how long a chunk of the queue waits for others to share its request: Fluent
// Bit flushes its tags one after the other.
const linger = 20 * time.Millisecond

// task is one job at a worker, for one flush of its chunk.
type task struct {
	*delivery.Job
	chunk  *chunkState
	worker *worker
	since  time.Duration // when it was added
}

// worker runs one sink: it has a gate, a backlog, and the goroutine that calls the
// sink.
type worker struct {
	route
	sink delivery.Sink
	// starter is the sink if it may have something to send without a job, else nil.
	starter delivery.Starter
	gate    delivery.Gate
	p       *Pipeline
	// wake has room for one signal: there may be something to do.
	wake chan struct{}

	mu      sync.Mutex
	waiting []*task // the oldest first
	// singleSends is how many of the next Sends get a single job, to find the one that panics.
	singleSends int
	closed      bool // only what is waiting is still sent
	ended       bool // the goroutine has ended
	// files is set with closed. sending is the tasks of the running Send, which cancel
	// ends; once stop is closed, it makes no further request.
	files   fileMap
	sending []*task
	cancel  context.CancelFunc
	stop    chan struct{}
}

func newWorker(p *Pipeline, s delivery.Sink, r route) *worker {
	w := &worker{route: r, sink: s, p: p, wake: make(chan struct{}, 1), stop: make(chan struct{})}
	dropped, adjusted := s.Reasons()
	for _, reason := range append(dropped, ownReasons...) {
		p.telemetry.Dropped(s.Name(), reason, 0)
	}
	for _, reason := range adjusted {
		p.telemetry.Adjusted(s.Name(), reason, 0)
	}
	if starter, ok := s.(delivery.Starter); ok {
		w.starter = starter
		starter.OnWait(w.signal)
	}
	return w
}

// now is the gate's time.
func (w *worker) now() time.Duration { return w.p.clock.Now().Elapsed() }

// add adds a task. It reports it at once if its chunk is not held and the gate is shut.
func (w *worker) add(t *task) {
	t.since = w.now()
	if err := w.enqueue(t); err != nil {
		t.chunk.report(t, err)
	}
}

func (w *worker) enqueue(t *task) error {
	if !t.chunk.held {
		if why, shut := w.gate.IsShut(t.since); shut {
			return &delivery.RetryError{Err: fmt.Errorf("%w: %w", errShut, why)}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return errClosed
	}
	w.waiting = append(w.waiting, t)
	if !t.chunk.parked { // else the intake signals, for all that came together
		w.signal()
	}
	return nil
}

// hasParked reports whether parked chunks are waiting.
func (w *worker) hasParked() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waiting) > 0 && w.waiting[len(w.waiting)-1].chunk.parked
}

// signal wakes the goroutine, now or when it next waits.
func (w *worker) signal() {
	select {
	case w.wake <- struct{}{}:
	default: // one signal is enough
	}
}

// run is the worker's goroutine. It ends when close was called and nothing is left, or
// when ctx ends: what is left is then given back.
func (w *worker) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		wait, ended := w.sendWaiting(ctx)
		if ended {
			return
		}
		timer.Reset(wait)
		select {
		case <-w.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}

// idle is how long a worker sleeps when nothing is waiting.
const idle = time.Hour

// sendWaiting sends what is waiting, until nothing is left or the gate is shut. wait is the
// longest time to the next round.
func (w *worker) sendWaiting(ctx context.Context) (wait time.Duration, ended bool) {
	for fresh := true; ; fresh = false {
		w.leaveOnDisk()
		if w.shouldEnd(ctx) {
			return 0, true
		}
		if w.reportSettled(); w.isEmpty() {
			return idle, false
		}
		probe, wait := w.gate.Ask(w.now())
		if wait > 0 {
			w.giveBack(func(t *task) bool { return !t.chunk.held }, &delivery.RetryError{Err: errShut})
			return wait, false
		}
		if fresh {
			w.linger(ctx)
		}
		w.send(ctx, w.next(), probe)
	}
}

// isEmpty says whether there is nothing to send; what waits without a chunk has its time
// from the wall clock, and waits until that is set.
func (w *worker) isEmpty() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waiting) == 0 && (w.starter == nil || !w.starter.Waits() || !w.p.fixer.ClockSet(w.p.clock.Now()))
}

// linger waits for chunks of other tags, unless they have come together, a flush waits on
// its thread, or the instance closes.
func (w *worker) linger(ctx context.Context) {
	w.mu.Lock()
	hurry := w.closed || slices.ContainsFunc(w.waiting, func(t *task) bool { return t.chunk.parked || !t.chunk.held })
	w.mu.Unlock()
	if hurry {
		return
	}
	timer := time.NewTimer(linger)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// shouldEnd reports whether the goroutine must end, and then gives back what is waiting.
func (w *worker) shouldEnd(ctx context.Context) bool {
	w.mu.Lock()
	w.ended = ctx.Err() != nil || w.closed && len(w.waiting) == 0
	ended := w.ended
	w.mu.Unlock()
	if ended {
		w.giveBack(func(*task) bool { return true }, errClosed)
	}
	return ended
}

// next returns the tasks for the next Send; they stay in the backlog.
func (w *worker) next() []*task {
	w.mu.Lock()
	defer w.mu.Unlock()
	most, bytes := maxSendJobs, 0
	if w.singleSends > 0 {
		w.singleSends--
		most = 1
	}
	n := 0
	for ; n < min(len(w.waiting), most); n++ {
		if bytes += len(w.waiting[n].chunk.payload); bytes > maxSendBytes && n > 0 {
			break
		}
	}
	return slices.Clone(w.waiting[:n])
}

// send calls Send once, and reports the jobs that it settled.
func (w *worker) send(ctx context.Context, tasks []*task, probe bool) {
	ctx, cancel := w.withDeadline(ctx, tasks)
	defer cancel()
	if !w.begin(tasks, cancel) {
		return
	}
	jobs := make([]*delivery.Job, len(tasks))
	for i, t := range tasks {
		jobs[i] = t.Job
	}
	err, panicked := w.callSink(ctx, jobs, probe)
	w.begin(nil, nil)
	if panicked {
		w.afterPanic(tasks)
		return
	}
	if err == nil && !probe && !settled(jobs) {
		err = &delivery.RetryError{Err: errUnsettled}
	}
	w.gate.Note(err, probe, w.now())
	w.reportSettled()
	if err != nil {
		w.afterFailure(jobs, err, probe)
	}
}

// withDeadline limits a Send to the time that is left for a flush that waits on its thread.
func (w *worker) withDeadline(ctx context.Context, tasks []*task) (context.Context, context.CancelFunc) {
	ctx = delivery.WithStop(ctx, w.stop)
	left, limited := w.p.cfg.FlushTimeout, false
	now := w.now()
	for _, t := range tasks {
		if !t.chunk.held {
			left, limited = min(left, t.since+w.p.cfg.FlushTimeout-now), true
		}
	}
	if !limited {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, left)
}

// callSink calls the sink and recovers from its panics, since nothing above this goroutine
// does.
func (w *worker) callSink(ctx context.Context, jobs []*delivery.Job, probe bool) (err error, panicked bool) {
	defer func() {
		if r := recover(); r != nil {
			panicked = true
			w.p.log.Error("panic in delivery: please report this; the chunk is dropped",
				"sink", w.sink.Name(), "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		}
	}()
	return w.sink.Send(ctx, jobs, probe), false
}

func settled(jobs []*delivery.Job) bool {
	for _, j := range jobs {
		if j.Open() > 0 {
			return false
		}
	}
	return true
}

// afterPanic drops the job that panicked. If there were several, each is sent alone
// first.
func (w *worker) afterPanic(tasks []*task) {
	if len(tasks) == 1 {
		tasks[0].DropAll(reasonPanic)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(tasks) > 1 {
		w.singleSends = len(tasks)
	}
}

// afterFailure counts what must be offered again. A chunk that is not held is given back; at
// exit, after this last attempt, so is everything that Fluent Bit still has.
func (w *worker) afterFailure(jobs []*delivery.Job, err error, probe bool) {
	for _, j := range jobs {
		if n := j.Open(); n > 0 && !probe {
			w.p.telemetry.Retried(w.sink.Name(), n)
		}
	}
	w.mu.Lock()
	closed := w.closed
	w.mu.Unlock()
	w.giveBack(func(t *task) bool { return !t.chunk.held || closed && !t.chunk.owned }, err)
}

// reportSettled reports the tasks whose jobs are settled. Only the worker's goroutine calls it
// and giveBack, because no Send may be using their payloads.
func (w *worker) reportSettled() {
	w.giveBack(func(t *task) bool { return t.Open() == 0 }, nil)
}

// begin notes what a Send is under way with, or that none is. It is false where the
// instance closes meanwhile, and nothing of it is to be sent.
func (w *worker) begin(tasks []*task, cancel context.CancelFunc) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sending, w.cancel = tasks, cancel
	return !w.closed || !w.allOnDisk(tasks)
}

// allOnDisk is called with mu held. Tasks of which Fluent Bit hears no result any
// more, and which it offers again after the start: to send them now is to send them
// twice.
func (w *worker) allOnDisk(tasks []*task) bool {
	return len(tasks) > 0 && !slices.ContainsFunc(tasks, func(t *task) bool { return !w.isOnDisk(t) })
}

func (w *worker) isOnDisk(t *task) bool { return !t.chunk.owned && w.files.has(t.chunk.payload) }

// leaveOnDisk gives back what is on disk, once the instance closes.
func (w *worker) leaveOnDisk() {
	w.mu.Lock()
	closed := w.closed
	w.mu.Unlock()
	if closed {
		w.giveBack(w.isOnDisk, errClosed)
	}
}

// giveBack removes tasks from the backlog and reports them with err.
func (w *worker) giveBack(which func(*task) bool, err error) {
	w.mu.Lock()
	var given []*task
	kept := w.waiting[:0]
	for _, t := range w.waiting {
		if which(t) {
			given = append(given, t)
		} else {
			kept = append(kept, t)
		}
	}
	clear(w.waiting[len(kept):])
	w.waiting = kept
	w.mu.Unlock()
	for _, t := range given {
		t.chunk.report(t, err)
	}
}

// close makes the worker send once more what is waiting and would be lost, and end. What
// is under way and would not be lost is waited for only if a successor learns of it.
func (w *worker) close(files fileMap, handOver bool) {
	w.mu.Lock()
	w.closed, w.files = true, files
	switch {
	case !w.allOnDisk(w.sending):
	case handOver:
		close(w.stop)
	default:
		w.cancel()
	}
	w.mu.Unlock()
	w.gate.Close()
	w.signal()
}

var (
	// errShut is why a sink is not called.
	errShut = errors.New("the receiver is not asked again yet")
	// errUnsettled is a fault of a sink: it returned nil without settling everything.
	errUnsettled = errors.New("the sink has left records unsettled without a word")
	// errClosed means that the instance has ended.
	errClosed = &delivery.RetryError{Err: errors.New("the instance is closed")}
)
