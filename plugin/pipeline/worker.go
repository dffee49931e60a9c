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

// The bounds of what one Send is given. Its jobs are answered when it returns, so
// it should not take many round trips.
const (
	maxSendJobs  = 1024
	maxSendBytes = 4 << 20 // of payloads
)

// linger is how long a held chunk waits for others to share its request: Fluent Bit
// flushes its tags one after the other.
const linger = 20 * time.Millisecond

// task is one job with a worker, for one flush of its chunk.
type task struct {
	*delivery.Job
	chunk  *chunkState
	worker *worker
	since  time.Duration // when it came here
}

// worker is what stands around one sink: a gate, a backlog, and the goroutine that
// calls the sink.
type worker struct {
	route
	sink delivery.Sink
	// starter is the sink where it has things to send without a job, or nil.
	starter delivery.Starter
	gate    delivery.Gate
	p       *Pipeline
	// wake has room for one signal: there may be something to do.
	wake chan struct{}

	mu      sync.Mutex
	waiting []*task // the oldest first
	// alone is how many of the next Sends take a single job, to find the one
	// that panics.
	alone  int
	closed bool // nothing is sent from now on but what is here
	ended  bool // the goroutine is gone
	// files is set with closed. sending is what a Send is under way with, which
	// cancel ends.
	files   fileMap
	sending []*task
	cancel  context.CancelFunc
}

func newWorker(p *Pipeline, s delivery.Sink, r route) *worker {
	w := &worker{route: r, sink: s, p: p, wake: make(chan struct{}, 1)}
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

// now is the time that the gate goes by.
func (w *worker) now() time.Duration { return w.p.clock.Now().Elapsed() }

// add takes a task. It reports it at once where its chunk is not held and the sink
// must not be asked now.
func (w *worker) add(t *task) {
	t.since = w.now()
	if err := w.put(t); err != nil {
		t.chunk.report(t, err)
	}
}

func (w *worker) put(t *task) error {
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
	w.signal()
	return nil
}

// signal wakes the goroutine, now or when it next sleeps.
func (w *worker) signal() {
	select {
	case w.wake <- struct{}{}:
	default: // one signal is enough
	}
}

// run is the worker's goroutine, until close was called and nothing is left, or ctx
// ends: what is left then goes back.
func (w *worker) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		wait, ended := w.round(ctx)
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

// idle is how long a worker sleeps that waits for nothing.
const idle = time.Hour

// round sends what waits, until nothing is left or the gate is shut. wait is when to
// look again at the latest.
func (w *worker) round(ctx context.Context) (wait time.Duration, ended bool) {
	for fresh := true; ; fresh = false {
		w.leaveOnDisk()
		if w.end(ctx) {
			return 0, true
		}
		if w.sweep(); w.isEmpty() {
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

// linger gives the chunks of other tags time to come, unless a flush waits on its
// thread or the instance closes.
func (w *worker) linger(ctx context.Context) {
	w.mu.Lock()
	hurry := w.closed || slices.ContainsFunc(w.waiting, func(t *task) bool { return !t.chunk.held })
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

// end says whether the goroutine is to end, and gives back what waits then.
func (w *worker) end(ctx context.Context) bool {
	w.mu.Lock()
	w.ended = ctx.Err() != nil || w.closed && len(w.waiting) == 0
	ended := w.ended
	w.mu.Unlock()
	if ended {
		w.giveBack(func(*task) bool { return true }, errClosed)
	}
	return ended
}

// next is what the next Send is given, of which the tasks stay where they are.
func (w *worker) next() []*task {
	w.mu.Lock()
	defer w.mu.Unlock()
	most, bytes := maxSendJobs, 0
	if w.alone > 0 {
		w.alone--
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

// send makes one Send, and reports the jobs that are settled by it.
func (w *worker) send(ctx context.Context, tasks []*task, probe bool) {
	ctx, cancel := w.limit(ctx, tasks)
	defer cancel()
	if !w.begin(tasks, cancel) {
		return
	}
	jobs := make([]*delivery.Job, len(tasks))
	for i, t := range tasks {
		jobs[i] = t.Job
	}
	err, panicked := w.call(ctx, jobs, probe)
	w.begin(nil, nil)
	if panicked {
		w.afterPanic(tasks)
		return
	}
	if err == nil && !probe && !settled(jobs) {
		err = &delivery.RetryError{Err: errUnsettled}
	}
	w.gate.Note(err, probe, w.now())
	w.sweep()
	if err != nil {
		w.failed(jobs, err, probe)
	}
}

// limit gives a Send that a flush waits for on its thread the time of that flush.
func (w *worker) limit(ctx context.Context, tasks []*task) (context.Context, context.CancelFunc) {
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

// call calls the sink. Nobody stands over this goroutine: a panic is kept from the
// host.
func (w *worker) call(ctx context.Context, jobs []*delivery.Job, probe bool) (err error, panicked bool) {
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

// afterPanic drops the job that panicked. Of several, each is tried by itself
// first.
func (w *worker) afterPanic(tasks []*task) {
	if len(tasks) == 1 {
		tasks[0].DropAll(reasonPanic)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(tasks) > 1 {
		w.alone = len(tasks)
	}
}

// failed counts what has to be offered again. A chunk that is not held goes back;
// and at exit, after this last try, all that Fluent Bit has kept.
func (w *worker) failed(jobs []*delivery.Job, err error, probe bool) {
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

// sweep reports the tasks whose jobs are settled. Only the worker's goroutine calls
// it, and giveBack: no Send may be using their payloads.
func (w *worker) sweep() {
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

// leaveOnDisk gives back, once the instance closes, what is on disk.
func (w *worker) leaveOnDisk() {
	w.mu.Lock()
	closed := w.closed
	w.mu.Unlock()
	if closed {
		w.giveBack(w.isOnDisk, errClosed)
	}
}

// giveBack takes tasks out of the backlog and reports them with err.
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

// close has the worker try once more what waits and would be lost, and end.
func (w *worker) close(files fileMap) {
	w.mu.Lock()
	w.closed, w.files = true, files
	if w.allOnDisk(w.sending) {
		w.cancel()
	}
	w.mu.Unlock()
	w.gate.Close()
	w.signal()
}

var (
	// errShut says why a sink is not even asked.
	errShut = errors.New("the receiver is not asked again yet")
	// errUnsettled is a fault of a sink: never call delivered what is not.
	errUnsettled = errors.New("the sink has left records unsettled without a word")
	// errClosed says that the instance has ended.
	errClosed = &delivery.RetryError{Err: errors.New("the instance is closed")}
)
