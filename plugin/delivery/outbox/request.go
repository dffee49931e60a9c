package outbox

import "out_edge/plugin/delivery"

// Batch is the items of one request.
type Batch[S any] interface {
	delivery.Batch
	// Load begins a batch of items, which are sorted by series, and by time within each.
	// It returns how many parts they make. The items belong to the Box until the batch
	// has been delivered. trial is set for series that had been set aside: if they are
	// refused, the bad ones are not searched.
	Load(items []Item[S], trial bool) (parts int)
}

// Request sends waiting points that fit one request, as batch. It returns false when
// nothing was left, or run has failed. After a panic the items are where a failed
// request would have left them.
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
