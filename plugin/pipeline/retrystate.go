package pipeline

import (
	"container/list"
	"sync"

	"github.com/cespare/xxhash/v2"
)

// maxRetryChunks bounds the chunks that are known between their flushes. The oldest
// are forgotten: such a chunk is delivered whole again, and its counters are added
// again.
const maxRetryChunks = 16384

// retryPatience is how long a chunk may stay away: Fluent Bit offers one again after
// scheduler.cap (2000 s) at most. One that stays away longer has been given up
// there, at retry_limit.
const retryPatience = int64(3600e9)

// retryState keeps the state of chunks that Fluent Bit was told to retry, by the
// hash of tag and payload. Two chunks that are the same to the byte have an entry
// each, and either may take either: what is sent in all is the same.
type retryState struct {
	mu    sync.Mutex
	byKey map[uint64][]*list.Element
	order list.List // of retryEntry, the oldest first
	bytes int64     // of the payloads, in Fluent Bit's buffer
}

type retryEntry struct {
	key   uint64
	chunk *chunkState
	size  int64 // of the payload
	since int64 // when it was put here, ns since boot
}

// take removes and returns the state of a chunk, or nil when it is new.
func (r *retryState) take(tag string, payload []byte) *chunkState {
	if chunks, _ := r.backlog(); chunks == 0 { // the ordinary case costs no hash
		return nil
	}
	key := chunkKey(tag, payload)
	r.mu.Lock()
	defer r.mu.Unlock()
	elems := r.byKey[key]
	if len(elems) == 0 {
		return nil
	}
	return r.remove(elems[0])
}

// put keeps a chunk's state until it comes again; now is in ns since boot. The
// payload is looked at, and not kept. It returns a state that had to go for it, or
// nil.
func (r *retryState) put(t *chunkState, now int64) (forgotten *chunkState) {
	key := chunkKey(t.tag, t.payload)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byKey == nil {
		r.byKey = make(map[uint64][]*list.Element)
	}
	size := int64(len(t.payload))
	r.byKey[key] = append(r.byKey[key], r.order.PushBack(&retryEntry{key, t, size, now}))
	r.bytes += size
	if r.order.Len() > maxRetryChunks {
		return r.remove(r.order.Front())
	}
	return nil
}

// expire removes and returns the chunks that have stayed away for good.
func (r *retryState) expire(now int64) (gone []*chunkState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for e := r.order.Front(); e != nil && now-e.Value.(*retryEntry).since > retryPatience; e = r.order.Front() {
		gone = append(gone, r.remove(e))
	}
	return gone
}

func (r *retryState) remove(e *list.Element) *chunkState {
	entry := r.order.Remove(e).(*retryEntry)
	r.bytes -= entry.size
	rest := r.byKey[entry.key]
	for i := range rest {
		if rest[i] == e {
			rest = append(rest[:i], rest[i+1:]...)
			break
		}
	}
	if len(rest) == 0 {
		delete(r.byKey, entry.key)
	} else {
		r.byKey[entry.key] = rest
	}
	return entry.chunk
}

// backlog is the number of chunks that Fluent Bit was told to retry, and the bytes
// of their payloads.
func (r *retryState) backlog() (chunks int, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.order.Len(), r.bytes
}

// oldest is when the oldest of them was given back, ns since boot; 0 without any.
func (r *retryState) oldest() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.order.Front(); e != nil {
		return e.Value.(*retryEntry).since
	}
	return 0
}

func chunkKey(tag string, payload []byte) uint64 {
	var d xxhash.Digest
	d.Reset()
	d.WriteString(tag)
	d.Write([]byte{0})
	d.Write(payload)
	return d.Sum64()
}
