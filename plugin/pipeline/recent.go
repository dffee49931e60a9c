package pipeline

import (
	"slices"
	"sync"
)

// recentChunks are the keys of the newest chunks that an instance has settled. It is
// filled while there are other instances, and safe for concurrent use.
type recentChunks struct {
	mu   sync.Mutex
	keys []uint64
	next int // the oldest, once there are maxRetryChunks
}

func (r *recentChunks) add(key uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.keys) < maxRetryChunks {
		r.keys = append(r.keys, key)
		return
	}
	r.next %= maxRetryChunks
	r.keys[r.next] = key
	r.next++
}

// remove removes the newest with that key.
func (r *recentChunks) remove(key uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.keys) - 1; i >= 0; i-- {
		if r.keys[i] == key {
			r.keys = slices.Delete(r.keys, i, i+1)
			return
		}
	}
}

// moveOpen adds to own, as settled, those that are open in another instance's state.
func (r *recentChunks) moveOpen(others, own *retryState) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	open := others.entries()
	kept := r.keys[:0]
	for _, key := range r.keys {
		same := open[key]
		if len(same) == 0 {
			kept = append(kept, key)
			continue
		}
		open[key] = same[1:]
		own.putEntry(&retryEntry{key, settledChunk(same[0].chunk.tag), same[0].size, same[0].since})
	}
	r.keys = kept
}

// settledChunk is the state of a chunk that is settled, and may be offered again.
func settledChunk(tag string) *chunkState {
	return &chunkState{tag: tag, ingested: true, timesFinal: true}
}
