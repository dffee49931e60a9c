package pipeline

import (
	"container/list"
	"sync"

	"github.com/cespare/xxhash/v2"
)

// maxRetryChunks is the most chunks that are known between their flushes. The oldest
// are evicted: such a chunk is delivered and counted as a whole again.
const maxRetryChunks = 16384

// retryTTL is how long a chunk may take to come again: Fluent Bit offers it after
// scheduler.cap (2000 s) at most. After that, Fluent Bit has dropped it, at
// retry_limit.
const retryTTL = int64(3600e9)

// retryState holds the state of chunks that Fluent Bit was told to retry, by the hash
// of tag and payload. Two identical chunks have an entry each, and either may take
// either: the total sent is the same.
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

// take removes and returns the state of a chunk, or nil if it is new.
func (r *retryState) take(tag string, payload []byte) *chunkState {
	if chunks, _ := r.backlog(); chunks == 0 { // the usual case needs no hash
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

// put stores a chunk's state until it comes again; now is in ns since boot. The payload
// is read, and not kept. It returns the state that was evicted for it, or nil.
func (r *retryState) put(t *chunkState, now int64) (forgotten *chunkState) {
	return r.putEntry(&retryEntry{chunkKey(t.tag, t.payload), t, int64(len(t.payload)), now})
}

func (r *retryState) putEntry(e *retryEntry) (forgotten *chunkState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byKey == nil {
		r.byKey = make(map[uint64][]*list.Element)
	}
	r.byKey[e.key] = append(r.byKey[e.key], r.order.PushBack(e))
	r.bytes += e.size
	if r.order.Len() > maxRetryChunks {
		return r.remove(r.order.Front())
	}
	return nil
}

// entries returns a copy of what there is, by key.
func (r *retryState) entries() map[uint64][]*retryEntry {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make(map[uint64][]*retryEntry, len(r.byKey))
	for e := r.order.Front(); e != nil; e = e.Next() {
		entry := e.Value.(*retryEntry)
		all[entry.key] = append(all[entry.key], entry)
	}
	return all
}

// each calls f for all chunks.
func (r *retryState) each(f func(*chunkState)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for e := r.order.Front(); e != nil; e = e.Next() {
		f(e.Value.(*retryEntry).chunk)
	}
}

// expire removes and returns the chunks that will not come again.
func (r *retryState) expire(now int64) (gone []*chunkState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for e := r.order.Front(); e != nil && now-e.Value.(*retryEntry).since > retryTTL; e = r.order.Front() {
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

// backlog returns the number of chunks that Fluent Bit was told to retry, and the bytes
// of their payloads.
func (r *retryState) backlog() (chunks int, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.order.Len(), r.bytes
}

// oldest returns when the oldest of them was returned, in ns since boot; 0 if there is
// none.
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
