package pipeline

import (
	"container/list"
	"context"
	"sync"
)

// item is one chunk that waits: a copy, since Fluent Bit takes its payload back
// when the flush returns.
type item struct {
	tag     string
	payload []byte
	try     *try
	bytes   int64 // what it holds, counted once
	open    lanes // what it waits for; the worker's
}

// queue holds chunks for the goroutine that delivers them.
type queue struct {
	limit int64
	// wake has room for one signal: there may be something to do.
	wake chan struct{}

	mu     sync.Mutex
	items  list.List // of *item, the oldest first
	bytes  int64
	closed bool
}

func newQueue(limit int64) *queue { return &queue{limit: limit, wake: make(chan struct{}, 1)} }

// offer puts a copy of the payload into the queue; false when there is no room.
// A payload above the whole limit is admitted into an empty queue, since no
// retry would ever make room for it.
func (q *queue) offer(tag string, payload []byte, t *try, open lanes) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := int64(len(payload)) + t.bytes()
	if q.closed || (q.bytes > 0 && q.bytes+n > q.limit) {
		return false
	}
	q.items.PushBack(&item{tag: tag, payload: append([]byte(nil), payload...), try: t, bytes: n, open: open})
	q.bytes += n
	q.signal()
	return true
}

// signal wakes the worker, now or when it next sleeps.
func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default: // one signal is enough
	}
}

// after is the item that follows e, or the oldest for nil; nil at the end. Only
// the worker removes items, so an item that it holds stays where it is.
func (q *queue) after(e *list.Element) *list.Element {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e == nil {
		return q.items.Front()
	}
	return e.Next()
}

func (q *queue) remove(e *list.Element) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bytes -= q.items.Remove(e).(*item).bytes
}

// backlog is the number of chunks that wait, and the bytes that they hold.
func (q *queue) backlog() (chunks int, bytes int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.items.Len(), q.bytes
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.signal()
}

// drained tells whether nothing is there, and nothing will be.
func (q *queue) drained() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed && q.items.Len() == 0
}

// run calls round after each signal, until the queue is closed and empty, or ctx
// ends. What is left then stays in the queue for the caller to count.
func (q *queue) run(ctx context.Context, round func()) {
	for ctx.Err() == nil && !q.drained() {
		select {
		case <-ctx.Done():
		case <-q.wake:
			round()
		}
	}
}
