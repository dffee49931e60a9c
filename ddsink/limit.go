package ddsink

import "sync/atomic"

const (
	// minBatchBytes is the least that a batch is cut down to.
	minBatchBytes = 64 << 10
	// minBatchStep is the least by which the limit rises with each full batch;
	// else it is a 64th of itself: slowly, as finding out that nothing has
	// changed costs a whole batch.
	minBatchStep = 1 << 10
)

// batchLimit is how large a batch may be, in bytes. A proxy in between may allow
// less than the intake (1 MB is nginx's default), and a slow link may not bring a
// large batch through in time: a batch that is refused for its size, or is late,
// halves the limit, so that not each flush pays for the same discovery, and each
// full batch that goes through raises it a little. It is safe for concurrent use.
type batchLimit struct {
	most  int          // where it begins, and ends
	below atomic.Int64 // how far below most
}

func (l *batchLimit) bytes() int { return l.most - int(l.below.Load()) }

// refused notes that a batch of size bytes was too large.
func (l *batchLimit) refused(size int) {
	limit := max(size/2, minBatchBytes)
	if limit < l.bytes() {
		l.below.Store(int64(l.most - limit))
	}
}

// accepted notes that a batch of size bytes went through.
func (l *batchLimit) accepted(size int) {
	if limit := l.bytes(); limit < l.most && size > limit/2 {
		l.below.Store(int64(max(l.most-limit-max(minBatchStep, limit/64), 0)))
	}
}
