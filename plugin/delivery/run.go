package delivery

import (
	"cmp"
	"context"
	"errors"
	"net/http"
)

// The most requests that one batch may cost while bad parts are searched; the rest is
// offered again. The lower bound applies while the endpoint has never accepted
// anything, since it may not be a receiver.
const (
	maxRequests      = 64
	maxRequestsEarly = 16
	// maxAgain is how often Again may repeat one body.
	maxAgain = 3
)

// maxKeptBuffer is the largest buffer that a Run keeps for reuse.
const maxKeptBuffer = 2 << 20

// Batch is a list of parts (log entries, series of samples), numbered by position, to
// be sent to an endpoint. Its methods are called during Deliver, by the goroutine that
// called it.
type Batch interface {
	// Body returns the body of a request with the parts lo to hi, before compression. It
	// is valid until the next call. Each call asks for a half of an earlier range,
	// unless the answer to that was Again.
	Body(lo, hi int) []byte
	// Each part gets exactly one call of Delivered, Refused and Kept. Delivered: the
	// receiver has the parts, according to a.
	Delivered(lo, hi int, a Answer)
	// Refused: part i alone is dropped for Outcome.Reason. false means that nothing is
	// lost, so that it is not logged.
	Refused(i int, reason string) (lost bool)
	// Kept: the parts stay, and are offered again.
	Kept(lo, hi int)
}

// Optional methods of a Batch whose parts depend on each other.
type (
	// trimmer settles parts at either end of a range that is about to be sent, and
	// returns the rest, which may be empty.
	trimmer interface{ Trim(lo, hi int) (int, int) }
	// orderer decides which half of refused parts is sent first; by default the older
	// one.
	orderer interface{ NewerFirst(lo, hi int) bool }
	// uncertainHandler is called with parts that may have arrived, whatever is reported
	// about them later.
	uncertainHandler interface{ Uncertain(lo, hi int) }
)

// Run is one Send of a sink: it delivers batches one after the other until something
// fails. The zero value is ready for Begin. It is reused, and for one goroutine.
type Run struct {
	sender *Sender
	ctx    context.Context
	batch  Batch
	wire   []byte // a compressed body
	answer []byte

	requests int // requests made for the batch so far
	// refused counts the batch's parts that were refused on their own, settled those
	// that are known to be good or bad.
	refused, settled int
	refusal          Outcome // the last one
	aside            []setAside
	// progress is set once something of this run was accepted.
	progress bool
	failed   *RetryError
}

// setAside is a part that was refused on its own before the endpoint had accepted
// anything: the endpoint may be no receiver, so that the part need not be bad.
type setAside struct {
	part int
	Outcome
}

// stopKey is WithStop's.
type stopKey struct{}

// WithStop returns a context for a Send that makes no further request once stop is
// closed. Those under way go on until ctx ends.
func WithStop(ctx context.Context, stop <-chan struct{}) context.Context {
	return context.WithValue(ctx, stopKey{}, stop)
}

// errStopped ends a Send whose context has stopped.
var errStopped = errors.New("the instance is closing")

// stopped reports whether no further request is to be made.
func (r *Run) stopped() bool {
	stop, _ := r.ctx.Value(stopKey{}).(<-chan struct{})
	select {
	case <-stop: // nil never is
		return true
	default:
		return false
	}
}

// Begin starts a run; ctx limits all of it.
func (r *Run) Begin(ctx context.Context, s *Sender) {
	*r = Run{sender: s, ctx: ctx, wire: r.wire[:0], answer: r.answer[:0], aside: r.aside[:0]}
}

// Failed reports whether the rest of the run is to be kept.
func (r *Run) Failed() bool { return r.failed != nil }

// Deliver sends the first n parts of a batch and settles them, in as many requests as
// that takes. After a failure it keeps them all.
func (r *Run) Deliver(b Batch, n int) {
	if n == 0 {
		return
	}
	r.batch, r.requests, r.refused, r.settled = b, 0, 0, 0
	r.settle(0, n)
	r.settleSetAside()
	r.batch = nil
}

// Fork begins f, for a batch that another goroutine sends at the same time as those of
// r.
func (r *Run) Fork(f *Run) {
	f.Begin(r.ctx, r.sender)
	f.progress = r.progress
}

// Join ends f and adds its result to r.
func (r *Run) Join(f *Run) {
	r.progress = r.progress || f.progress
	if r.failed == nil {
		r.failed = f.failed
	}
	_ = f.End()
}

// End returns why not everything was settled, or nil. The Run can then begin again.
func (r *Run) End() error {
	failed := r.failed
	*r = Run{wire: r.wire[:0], answer: r.answer[:0], aside: r.aside[:0]}
	if cap(r.wire) > maxKeptBuffer {
		r.wire = nil
	}
	if failed != nil {
		return failed
	}
	return nil
}

// settle is Deliver for some parts. It halves what is refused, to a depth of log2 of
// the number of parts at most.
func (r *Run) settle(lo, hi int) {
	if t, ok := r.batch.(trimmer); ok {
		lo, hi = t.Trim(lo, hi)
	}
	if lo >= hi {
		return
	}
	if r.failed == nil && r.requests >= r.mostRequests() {
		r.failed = r.requestBudgetError()
	}
	if r.failed == nil && r.stopped() {
		r.failed = &RetryError{Err: errStopped}
	}
	if r.failed != nil {
		r.batch.Kept(lo, hi)
		return
	}
	size, res := r.send(lo, hi)
	switch {
	case res.Action == Delivered:
		r.progress = true
		r.settled += hi - lo
		r.sender.limit.accepted(size)
		r.batch.Delivered(lo, hi, res.answer)
	case res.Action != Split:
		r.adjustLimit(res, size)
		r.failed = res.err
		r.batch.Kept(lo, hi)
	case hi-lo == 1:
		r.refusal = res.Outcome
		r.refused++
		r.settled++
		r.refuse(lo, res)
	case res.Reason != ReasonTooLarge && r.refusesMost():
		for i := lo; i < hi; i++ {
			r.settle(i, i+1)
		}
	default:
		r.halve(lo, hi, size, res)
	}
}

// send makes one request, and repeats it while the answer is Again.
func (r *Run) send(lo, hi int) (size int, res request) {
	for again := 0; ; again++ {
		r.requests++
		body := r.batch.Body(lo, hi)
		res = r.post(body, hi-lo)
		if d, ok := r.batch.(uncertainHandler); ok && res.uncertain {
			d.Uncertain(lo, hi)
		}
		if res.Action != Again {
			return len(body), res
		}
		if again >= maxAgain || r.ctx.Err() != nil {
			res.Action, res.err = Retry, &RetryError{Err: r.sender.errorOf(res.Outcome)}
			return len(body), res
		}
	}
}

func (r *Run) halve(lo, hi, size int, res request) {
	r.refusal = res.Outcome
	if res.Reason == ReasonTooLarge {
		r.sender.limit.refused(size)
	}
	mid := (lo + hi) / 2
	if o, ok := r.batch.(orderer); ok && o.NewerFirst(lo, hi) {
		r.settle(mid, hi)
		r.settle(lo, mid)
		return
	}
	r.settle(lo, mid)
	r.settle(mid, hi)
}

// refusesMost reports whether so many parts are refused that halving would cost more
// than sending each on its own.
func (r *Run) refusesMost() bool { return r.refused >= 4 && 3*r.refused >= r.settled }

func (r *Run) mostRequests() int {
	if r.sender.accepted.Load() {
		return maxRequests
	}
	return maxRequestsEarly
}

// requestBudgetError ends a search that has cost enough requests.
func (r *Run) requestBudgetError() *RetryError {
	if !r.sender.accepted.Load() {
		return r.refusesAll(r.refusal)
	}
	return &RetryError{Err: ErrManyRefused}
}

// adjustLimit makes later batches smaller when one did not get through. A timeout
// counts at once, unless the run has made progress: then only its time was up. A
// connection may break for many reasons, so that counts only after several.
func (r *Run) adjustLimit(res request, size int) {
	late := res.connectionLost && res.Answer == CodeTimeout || res.Answer == OfStatus(http.StatusRequestTimeout).Answer
	switch {
	case size <= minBatchBytes:
	case late && !r.progress:
		r.sender.limit.refused(size)
	case !late && res.connectionLost:
		r.sender.limit.broken(size)
	}
}

// refuse settles a part that is refused on its own.
func (r *Run) refuse(i int, res request) {
	if res.FromReceiver {
		r.sender.accepted.Store(true)
	}
	if !r.sender.accepted.Load() && !res.unsent {
		r.aside = append(r.aside, setAside{i, res.Outcome})
		return
	}
	r.drop(i, res.Reason)
}

func (r *Run) drop(i int, reason string) {
	if r.batch.Refused(i, reason) {
		r.sender.LogRefused(reason)
	}
}

// settleSetAside settles the parts that were set aside: they are dropped if another
// part of the batch has been accepted meanwhile, else kept.
func (r *Run) settleSetAside() {
	accepted := r.sender.accepted.Load()
	for _, a := range r.aside {
		if accepted {
			r.drop(a.part, a.Reason)
			continue
		}
		if r.failed == nil {
			r.failed = r.refusesAll(a.Outcome)
		}
		r.batch.Kept(a.part, a.part+1)
	}
	r.aside = r.aside[:0]
}

// refusesAll logs, once, that nothing is accepted at all.
func (r *Run) refusesAll(o Outcome) *RetryError {
	o.Action, o.Meaning, o.Loud = Retry, refusesAll+cmp.Or(r.sender.Words.RefusesAll, checkURL), true
	r.sender.logFault(o, nil)
	return &RetryError{Err: r.sender.errorOf(o)}
}
