package delivery

import "sync"

const (
	// minBatchBytes is the least that a batch is cut down to.
	minBatchBytes = 64 << 10
	// minBatchStep is the least by which the limit rises with each full batch;
	// else it is a 64th of itself: slowly, as finding out that nothing has
	// changed costs a whole batch.
	minBatchStep = 1 << 10
	// enoughDeaths is how many batches must die on the way until that is put
	// down to their size.
	enoughDeaths = 3
)

// batchLimit is how large a batch may be, in bytes. A proxy in between may allow
// less than the receiver (1 MB is nginx's default), a slow link may not bring a
// large batch through in time, and a broken path swallows bodies above some size:
// such a batch halves the limit, so that not each flush pays for the same
// discovery, and each full batch that goes through raises it a little. It is safe
// for concurrent use.
type batchLimit struct {
	most int // where it begins, and ends

	mu     sync.Mutex
	below  int // how far below most
	deaths int // of batches, since one as large went through
	died   int // the size of the smallest of them
}

func (l *batchLimit) bytes() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.most - l.below
}

// refused notes that a batch of size bytes was too large.
func (l *batchLimit) refused(size int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.halve(size)
}

func (l *batchLimit) halve(size int) {
	limit := max(size/2, min(minBatchBytes, l.most))
	l.below = max(l.below, l.most-limit)
}

// broken notes that a batch of size bytes did not get through, for no reason that
// is known: after a few of them it was their size.
func (l *batchLimit) broken(size int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.deaths == 0 || size < l.died {
		l.died = size
	}
	if l.deaths++; l.deaths >= enoughDeaths {
		l.deaths = 0
		l.halve(l.died)
	}
}

// accepted notes that a batch of size bytes went through.
func (l *batchLimit) accepted(size int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if size >= l.died {
		l.deaths = 0
	}
	if limit := l.most - l.below; l.below > 0 && size > limit/2 {
		l.below = max(l.below-max(minBatchStep, limit/64), 0)
	}
}
