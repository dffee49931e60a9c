package delivery

import (
	"cmp"
	"context"
	"net/http"
)

// The bounds on the requests that one batch may cost while bad parts are looked
// for; what is left is offered again. The lower one holds while the endpoint has
// never accepted anything: it may be none.
const (
	maxRequests      = 64
	maxRequestsEarly = 16
	// maxAgain bounds what Again may cost one body.
	maxAgain = 3
)

// keptBytes is the largest buffer that a Run keeps for the next time.
const keptBytes = 2 << 20

// Batch is parts (entries of logs, series of samples) that go by their position,
// on their way to an endpoint. Its methods are called by the goroutine that called
// Deliver, in that call.
type Batch interface {
	// Body is that of a request with the parts lo to hi, before compression. It
	// is valid until the next call. It is only ever asked for halves of what
	// it was asked for before, unless that was answered with Again.
	Body(lo, hi int) []byte
	// Delivered, Refused and Kept say what becomes of parts: each gets one of
	// them. Delivered: the receiver has them, as it says in a.
	Delivered(lo, hi int, a Answer)
	// Refused: part i is given up by itself, for Outcome.Reason. false says
	// that nothing is lost by it, so that it is not logged.
	Refused(i int, reason string) (lost bool)
	// Kept: the parts stay where they are, and are offered again.
	Kept(lo, hi int)
}

// The following are for a Batch whose parts are no strangers to each other; it
// may implement any of them.
type (
	// trimmer settles parts itself, at either end of those about to be sent, and
	// returns what is left of them, maybe nothing.
	trimmer interface{ Trim(lo, hi int) (int, int) }
	// orderer says which half of refused parts goes first; the older one if not.
	orderer interface{ NewerFirst(lo, hi int) bool }
	// doubter hears of parts that may have arrived, whatever is said of them
	// later.
	doubter interface{ Uncertain(lo, hi int) }
)

// Run is one Send of a sink: batches that it delivers one after the other, until
// something fails. The zero value is ready for Begin. It is reused, and for one
// goroutine.
type Run struct {
	sender *Sender
	ctx    context.Context
	batch  Batch
	wire   []byte // a compressed body
	answer []byte

	requests int // that the batch has cost so far
	// refused is how many parts of the batch were refused by themselves, settled
	// how many are known to be good or bad.
	refused, settled int
	refusal          Outcome // the last one
	aside            []setAside
	// progress is set once something of this run has been accepted.
	progress bool
	failed   *RetryError
}

// setAside is a part that was refused by itself before the endpoint had accepted
// anything: what refuses may be no receiver, and this no verdict on the part.
type setAside struct {
	part int
	Outcome
}

// Begin starts a run; ctx bounds all of it.
func (r *Run) Begin(ctx context.Context, s *Sender) {
	*r = Run{sender: s, ctx: ctx, wire: r.wire[:0], answer: r.answer[:0], aside: r.aside[:0]}
}

// Failed says that the rest of the run is to be kept.
func (r *Run) Failed() bool { return r.failed != nil }

// Deliver sends the first n parts of a batch and settles them, in whatever number
// of requests that takes. After a failure it keeps them all.
func (r *Run) Deliver(b Batch, n int) {
	if n == 0 {
		return
	}
	r.batch, r.requests, r.refused, r.settled = b, 0, 0, 0
	r.settle(0, n)
	r.judgeAside()
	r.batch = nil
}

// Fork begins f, for a batch that is under way at the same time as others of r, on
// another goroutine.
func (r *Run) Fork(f *Run) {
	f.Begin(r.ctx, r.sender)
	f.progress = r.progress
}

// Join ends f, and takes what it came to.
func (r *Run) Join(f *Run) {
	r.progress = r.progress || f.progress
	if r.failed == nil {
		r.failed = f.failed
	}
	_ = f.End()
}

// End returns why not everything was settled, or nil. The Run can begin anew.
func (r *Run) End() error {
	failed := r.failed
	*r = Run{wire: r.wire[:0], answer: r.answer[:0], aside: r.aside[:0]}
	if cap(r.wire) > keptBytes {
		r.wire = nil
	}
	if failed != nil {
		return failed
	}
	return nil
}

// settle is Deliver for some parts. It halves what is refused; the depth is log2
// of the number of parts at most.
func (r *Run) settle(lo, hi int) {
	if t, ok := r.batch.(trimmer); ok {
		lo, hi = t.Trim(lo, hi)
	}
	if lo >= hi {
		return
	}
	if r.failed == nil && r.requests >= r.mostRequests() {
		r.failed = r.overspent()
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
		r.learn(res, size)
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

// send makes one request, and others while the answer is Again.
func (r *Run) send(lo, hi int) (size int, res request) {
	for again := 0; ; again++ {
		r.requests++
		body := r.batch.Body(lo, hi)
		res = r.post(body, hi-lo)
		if d, ok := r.batch.(doubter); ok && res.uncertain {
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

// refusesMost says that so many parts are refused that to halve what is left would
// cost more than to ask for each.
func (r *Run) refusesMost() bool { return r.refused >= 4 && 3*r.refused >= r.settled }

func (r *Run) mostRequests() int {
	if r.sender.accepted.Load() {
		return maxRequests
	}
	return maxRequestsEarly
}

// overspent ends a search that has cost enough.
func (r *Run) overspent() *RetryError {
	if !r.sender.accepted.Load() {
		return r.refusesAll(r.refusal)
	}
	return &RetryError{Err: ErrManyRefused}
}

// learn makes later batches smaller when one did not get through. One that was
// late says so at once; but after others that were not, the run has made progress,
// and only its time was up. A connection that breaks may do so for many reasons.
func (r *Run) learn(res request, size int) {
	late := res.died && res.Answer == CodeTimeout || res.Answer == OfStatus(http.StatusRequestTimeout).Answer
	switch {
	case size <= minBatchBytes:
	case late && !r.progress:
		r.sender.limit.refused(size)
	case !late && res.died:
		r.sender.limit.broken(size)
	}
}

// refuse settles a part that is refused by itself.
func (r *Run) refuse(i int, res request) {
	if res.Verdict {
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
		r.sender.SayRefused(reason)
	}
}

// judgeAside settles the parts that were set aside: they are dropped if another
// part of the batch has been accepted meanwhile, else kept.
func (r *Run) judgeAside() {
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
	r.sender.complain(o, nil)
	return &RetryError{Err: r.sender.errorOf(o)}
}
