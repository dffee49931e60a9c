package ddsink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	"out_edge/plugin/delivery"
)

// The bounds on the requests that one batch may cost while bad parts are looked
// for; what is left is offered again. The lower one holds while the endpoint has
// never accepted anything: it may be none.
const (
	maxSplitRequests         = 64
	maxSplitRequestsUnproven = 16
)

// cargo is a batch whose parts (entries of logs, or blocks of series) go by their
// position.
type cargo interface {
	// body is that of a request with the parts lo to hi, valid until the next.
	body(lo, hi int) []byte
	// delivered, refused and postponed say what becomes of parts: each part
	// gets one of them.
	delivered(lo, hi int)
	refused(i int, reason string)
	postponed(lo, hi int)
}

// courier brings a cargo to an endpoint. It is reused; ctx and failed hold from
// begin to the end of one flush.
type courier struct {
	sink   *Sink
	target *target
	cargo  cargo
	ctx    context.Context
	wire   bytes.Buffer // a compressed body

	requests int // that the batch has cost so far
	suspects []suspect
	// progress is set once something of this flush has been accepted.
	progress bool
	// failed is why the rest of the flush is postponed.
	failed *delivery.RetryError
}

// suspect is a part that was refused by itself before the endpoint had accepted
// anything: what refuses may be no intake, and this no verdict on the part.
type suspect struct {
	part   int
	reason string
	answer string
}

func newCourier(s *Sink, e endpoint, c cargo) courier {
	return courier{sink: s, target: s.targets[e], cargo: c}
}

func (c *courier) begin(ctx context.Context) { c.ctx, c.progress, c.failed = ctx, false, nil }

// end makes the courier ready to be kept, and returns why not all is settled, or
// nil.
func (c *courier) end() error {
	failed := c.failed
	c.ctx, c.failed = nil, nil
	if c.wire.Cap() > keptBytes {
		c.wire = bytes.Buffer{}
	}
	if failed != nil {
		return failed
	}
	return nil
}

// deliver sends the first n parts and settles them, whatever number of requests
// that takes.
func (c *courier) deliver(n int) {
	c.requests = 0
	c.suspects = c.suspects[:0]
	if n > 0 {
		c.settle(0, n)
	}
	c.judge()
}

// settle is deliver for a part. It halves what is refused for its content or size;
// the depth is log2 of the number of parts at most.
func (c *courier) settle(lo, hi int) {
	if c.failed == nil && c.requests >= c.mostRequests() {
		c.failed = c.overspent()
	}
	if c.failed != nil {
		c.cargo.postponed(lo, hi)
		return
	}
	c.requests++
	body := c.cargo.body(lo, hi)
	res := c.sink.post(c.ctx, c.target, body, hi-lo, &c.wire)
	switch {
	case res.Action == delivery.Delivered:
		c.progress = true
		c.target.limit.accepted(len(body))
		c.cargo.delivered(lo, hi)
	case res.Action != delivery.Split:
		c.learn(res, len(body))
		c.failed = res.err
		c.cargo.postponed(lo, hi)
	case hi-lo == 1:
		c.refused(lo, res)
	default:
		if res.Reason == delivery.ReasonTooLarge {
			c.target.limit.refused(len(body))
		}
		mid := (lo + hi) / 2
		c.settle(lo, mid)
		c.settle(mid, hi)
	}
}

func (c *courier) mostRequests() int {
	if c.target.proven.Load() {
		return maxSplitRequests
	}
	return maxSplitRequestsUnproven
}

// overspent ends a search that has cost enough.
func (c *courier) overspent() *delivery.RetryError {
	if len(c.suspects) > 0 && !c.target.proven.Load() {
		return c.unproven(c.suspects[0])
	}
	return &delivery.RetryError{Err: errManyRefused}
}

// errManyRefused ends a search for bad entries that has cost enough requests.
var errManyRefused = errors.New("many entries are refused by themselves; the rest is tried again later")

// learn makes later batches smaller when one did not get through in time. After
// others that did, the flush has made progress, and only its time was up.
func (c *courier) learn(res result, size int) {
	late := res.sending && res.Answer == delivery.CodeTimeout || res.Answer == delivery.OfStatus(http.StatusRequestTimeout).Answer
	if late && !c.progress && size > minBatchBytes {
		c.target.limit.refused(size)
	}
}

// refused settles a part that is refused by itself.
func (c *courier) refused(i int, res result) {
	if !c.target.proven.Load() && !res.own {
		c.suspects = append(c.suspects, suspect{i, res.Reason, res.Answer})
		return
	}
	c.drop(i, res.Reason)
}

func (c *courier) drop(i int, reason string) {
	c.sink.tellRefused(c.target, reason)
	c.cargo.refused(i, reason)
}

// judge settles the suspects: they are dropped if another part of the batch has
// been accepted meanwhile, else kept.
func (c *courier) judge() {
	proven := c.target.proven.Load()
	for _, s := range c.suspects {
		if proven {
			c.drop(s.part, s.reason)
			continue
		}
		if c.failed == nil {
			c.failed = c.unproven(s)
		}
		c.cargo.postponed(s.part, s.part+1)
	}
	c.suspects = c.suspects[:0]
}

// unprovenMeaning says why a refused entry is kept.
const unprovenMeaning = "even a single entry is refused, and nothing has been accepted here so far: check the site or the URL, and what stands between"

// unproven logs, once, that nothing is accepted at all.
func (c *courier) unproven(s suspect) *delivery.RetryError {
	t := c.target
	c.sink.complain(t, s.answer, delivery.Outcome{Action: delivery.Retry, Meaning: unprovenMeaning, Loud: true}, nil)
	return &delivery.RetryError{Err: fmt.Errorf("send %s to %s: HTTP status %s: %s", t.label, hostOf(t.url), s.answer, unprovenMeaning)}
}
