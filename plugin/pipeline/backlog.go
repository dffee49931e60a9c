package pipeline

import (
	"container/list"
	"sync"
	"unsafe"

	"out_edge/plugin/metric"
)

// maxHeldChunks is the most chunks that are held through an outage. Each needs about 2
// KiB here and a coroutine of Fluent Bit's. It is enough for ten minutes of six tags
// that are flushed each second. Fluent Bit itself had 2,048 in progress at most until
// 4.1, and up to 16,384 since.
const maxHeldChunks = 4096

// parkedShare is how many times QueueBytes of payload may be parked. That is Fluent Bit's
// memory, which a RETRY would not free, or a mapped file of its, which the kernel frees
// by itself; and what comes back after a RETRY comes late, once, and in any order.
const parkedShare = 8

// backlog limits the chunks that are held. It is safe for concurrent use.
type backlog struct {
	mu     sync.Mutex
	chunks int
	bytes  int64
}

// reserve reserves room for a chunk among limit bytes of all, and returns false if there
// is none. A chunk above the whole limit is accepted when nothing else is held, because
// no retry could change its size.
func (b *backlog) reserve(bytes, limit int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.chunks >= maxHeldChunks || b.bytes > 0 && b.bytes+bytes > limit {
		return false
	}
	b.chunks++
	b.bytes += bytes
	return true
}

func (b *backlog) release(bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.chunks--
	b.bytes -= bytes
}

func (b *backlog) size() (chunks int, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.chunks, b.bytes
}

// maxSampleBytes limits the samples of all unsettled chunks. Over it the oldest chunks
// lose theirs: what their sinks have not taken by then is made again from the payload
// when it is sent.
const maxSampleBytes = 4 << 20

// sampleStore limits the samples of chunks.
type sampleStore struct {
	mu      sync.Mutex
	order   list.List // of *chunkState, the oldest first
	byChunk map[*chunkState]*list.Element
	bytes   int64
}

// keep adds a chunk's samples, and evicts the oldest until the limit holds, never the
// newest's.
func (s *sampleStore) keep(t *chunkState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byChunk == nil {
		s.byChunk = make(map[*chunkState]*list.Element)
	}
	newest := s.order.PushBack(t)
	s.byChunk[t] = newest
	s.bytes += sampleBytes(t.samples)
	for e := s.order.Front(); e != newest && s.bytes > maxSampleBytes; e = s.order.Front() {
		s.remove(e)
	}
}

// drop releases a chunk's samples.
func (s *sampleStore) drop(t *chunkState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.byChunk[t]; e != nil {
		s.remove(e)
	}
}

// remove is called with mu held.
func (s *sampleStore) remove(e *list.Element) {
	t := s.order.Remove(e).(*chunkState)
	delete(s.byChunk, t)
	t.mu.Lock()
	defer t.mu.Unlock()
	s.bytes -= sampleBytes(t.samples)
	t.samples = nil
}

// sampleBytes is the memory that samples use.
func sampleBytes(samples []metric.Sample) int64 {
	n := int64(unsafe.Sizeof(metric.Sample{})) * int64(cap(samples))
	for i := range samples {
		if d := samples[i].Dist; d != nil {
			n += 8 * int64(cap(d.Bounds)+cap(d.Counts)+cap(d.Values)+8)
			if d.Native != nil {
				n += 12 * int64(len(d.Native.Positive.Indices)+len(d.Native.Negative.Indices)+8)
			}
		}
	}
	return n
}
