package outbox

import "out_edge/plugin/delivery"

// Batch is a request's worth of items on its way to the receiver.
type Batch[S any] interface {
	delivery.Batch
	// Load begins a batch of items, which are by series, and by time within one.
	// It returns how many parts they make. The items are the Box's, until the
	// batch has been delivered. trial is set for series that had been set
	// aside: when they are refused, nobody looks for the bad ones.
	Load(items []Item[S], trial bool) (parts int)
}

// Request delivers what waits and one request has room for, as batch. It returns
// false when nothing was left, or run has failed. A panic leaves the items where they
// would be if the request had failed.
func (b *Box[S]) Request(run *delivery.Run, batch Batch[S], room Limit) (more bool) {
	b.out = b.Take(b.out[:0], room)
	if len(b.out) == 0 || run.Failed() {
		b.PutBack(b.out)
		return false
	}
	defer func() {
		if r := recover(); r != nil {
			b.Rescue(b.out)
			panic(r)
		}
	}()
	run.Deliver(batch, batch.Load(b.out, b.IsTrial(b.out)))
	clear(b.out)
	return !run.Failed()
}
