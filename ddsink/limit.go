package ddsink

import "sync/atomic"

const (
	// minBatchBytes is the least that a batch of logs is cut down to.
	minBatchBytes = 64 << 10
	// batchStep is by how much the limit rises with each full batch: slowly, as
	// finding out that a proxy has not changed costs a whole batch.
	batchStep = 1 << 10
)

// batchLimit is how large a batch of logs may be, in bytes. A proxy in between may
// allow less than the intake (1 MB is nginx's default); a batch that it refuses
// halves the limit, so that not each flush pays for the same discovery, and each full
// batch that goes through raises it a little. The zero value is maxBatchBytes. It is
// safe for concurrent use.
type batchLimit struct{ below atomic.Int64 } // how far below maxBatchBytes

func (l *batchLimit) bytes() int { return maxBatchBytes - int(l.below.Load()) }

// refused notes that a batch of size bytes was too large.
func (l *batchLimit) refused(size int) {
	limit := max(size/2, minBatchBytes)
	if limit < l.bytes() {
		l.below.Store(int64(maxBatchBytes - limit))
	}
}

// accepted notes that a batch of size bytes went through.
func (l *batchLimit) accepted(size int) {
	if below := l.below.Load(); below > 0 && size > l.bytes()/2 {
		l.below.Store(max(below-batchStep, 0))
	}
}
