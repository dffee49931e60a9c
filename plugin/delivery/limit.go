package delivery

import "sync"

const (
	// minBatchBytes is the lower bound of the limit.
	minBatchBytes = 64 << 10
	// minBatchStep is the least by which the limit rises with each full batch; otherwise
	// it rises by a 64th. It rises slowly because a limit that is too high costs a whole
	// batch.
	minBatchStep = 1 << 10
	// lostToShrink is how many batches must be lost before their size is taken for the
	// cause.
	lostToShrink = 3
)

// batchLimit is the maximum size of a batch in bytes. A proxy may allow less than the
// receiver (nginx: 1 MB by default), a slow link may not transfer a large batch in
// time, and a broken path drops bodies above some size. Such a batch halves the limit,
// so that not each flush repeats the failure, and each full batch that gets through
// raises it a little. It is safe for concurrent use.
type batchLimit struct {
	most int // the limit at first, and its upper bound

	mu           sync.Mutex
	reduction    int // how far the limit is below most
	lost         int // batches lost since one as large got through
	smallestLost int // the size of the smallest lost one
}

func (l *batchLimit) bytes() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.most - l.reduction
}

// refused records that a batch of size bytes was too large.
func (l *batchLimit) refused(size int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.halve(size)
}

func (l *batchLimit) halve(size int) {
	limit := max(size/2, min(minBatchBytes, l.most))
	l.reduction = max(l.reduction, l.most-limit)
}

// broken records that a batch of size bytes was lost for an unknown reason: after a few
// of them their size is taken for it.
func (l *batchLimit) broken(size int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost == 0 || size < l.smallestLost {
		l.smallestLost = size
	}
	if l.lost++; l.lost >= lostToShrink {
		l.lost = 0
		l.halve(l.smallestLost)
	}
}

// accepted records that a batch of size bytes was accepted.
func (l *batchLimit) accepted(size int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if size >= l.smallestLost {
		l.lost = 0
	}
	if limit := l.most - l.reduction; l.reduction > 0 && size > limit/2 {
		l.reduction = max(l.reduction-max(minBatchStep, limit/64), 0)
	}
}
