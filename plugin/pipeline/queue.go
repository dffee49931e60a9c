package pipeline

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"out_edge/plugin/delivery"
)

// Backoff of the queue's own retries. The cap keeps a device that comes back
// into coverage from waiting long; the jitter keeps a fleet from coming at once.
const (
	queueBackoffMin = 500 * time.Millisecond
	queueBackoffMax = 30 * time.Second
)

// item is one chunk that waits: a copy, since Fluent Bit takes its payload back
// when the flush returns.
type item struct {
	tag     string
	payload []byte
	try     *try
	bytes   int64 // what it holds, counted once
}

// queue holds chunks for the goroutine that delivers them, oldest first.
type queue struct {
	limit int64
	// wake has room for one signal: something was added.
	wake chan struct{}
	// closing is closed with the queue.
	closing chan struct{}

	mu     sync.Mutex
	items  []*item
	bytes  int64
	closed bool
}

func newQueue(limit int64) *queue {
	return &queue{limit: limit, wake: make(chan struct{}, 1), closing: make(chan struct{})}
}

// offer puts a copy of the payload into the queue; false when there is no room.
// A payload above the whole limit is admitted into an empty queue, since no
// retry would ever make room for it.
func (q *queue) offer(tag string, payload []byte, t *try) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := int64(len(payload)) + t.bytes()
	if q.closed || (q.bytes > 0 && q.bytes+n > q.limit) {
		return false
	}
	q.items = append(q.items, &item{tag: tag, payload: append([]byte(nil), payload...), try: t, bytes: n})
	q.bytes += n
	select {
	case q.wake <- struct{}{}:
	default: // one signal is enough
	}
	return true
}

// front returns the oldest item, or nil; closed is true once nothing will be
// added any more.
func (q *queue) front() (it *item, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) > 0 {
		it = q.items[0]
	}
	return it, q.closed
}

// pop removes the oldest item.
func (q *queue) pop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bytes -= q.items[0].bytes
	q.items[0] = nil
	q.items = q.items[1:]
}

// backlog is the number of chunks that wait, and the bytes that they hold.
func (q *queue) backlog() (chunks int, bytes int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items), q.bytes
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		close(q.closing)
	}
}

func (q *queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// run delivers items until the queue is closed and empty, or ctx ends. What is
// left then stays in the queue for the caller to count.
func (q *queue) run(ctx context.Context, deliver func(*item) error) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = queueBackoffMin, queueBackoffMax
	wait.Reset()
	for ctx.Err() == nil {
		it, closed := q.front()
		switch {
		case it == nil && closed:
			return
		case it == nil:
			q.sleep(ctx)
			continue
		}
		err := deliver(it)
		if err == nil {
			q.pop()
			wait.Reset()
			continue
		}
		q.pause(ctx, pauseAfter(err, wait.NextBackOff()))
	}
}

// pauseAfter is the longer of our own backoff and what the receiver asked for.
func pauseAfter(err error, own time.Duration) time.Duration {
	var retry *delivery.RetryError
	if errors.As(err, &retry) {
		return max(own, retry.After)
	}
	return own
}

// pause waits for d, the end of ctx, or the moment of closing: the drain at exit
// does not sit out a long backoff.
func (q *queue) pause(ctx context.Context, d time.Duration) {
	closing := q.closing
	if q.isClosed() {
		closing, d = nil, min(d, queueBackoffMin)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-closing:
	}
}

// sleep waits for something to do or the end of ctx.
func (q *queue) sleep(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-q.wake:
	case <-q.closing:
	}
}
