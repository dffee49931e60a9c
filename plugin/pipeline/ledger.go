package pipeline

import (
	"container/list"
	"sync"
	"unsafe"

	"github.com/cespare/xxhash/v2"

	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// The bounds of the ledger. Over ledgerBytes the oldest tries lose their samples:
// those never reach the metrics sinks that send, and are counted; what was
// shown and delivered is still known. Over ledgerTries the oldest are forgotten:
// such a chunk is delivered whole again, and its counters are added again.
const (
	ledgerTries = 16384
	ledgerBytes = 4 << 20 // of samples
)

// ledgerPatience is how long a chunk may stay away: Fluent Bit offers one again
// after scheduler.cap (2000 s) at most. One that stays away longer has been given
// up there, at retry_limit.
const ledgerPatience = int64(3600e9)

// try is what is known of one chunk between its flushes.
type try struct {
	// arrived is the instant of the chunk's first flush.
	arrived timefix.Instant
	// again is set from the second flush on: nothing is observed or counted
	// a second time.
	again bool
	// unsure is set while the wall clock was unbelievable at the last flush,
	// so that the samples' times have to be looked at again.
	unsure bool
	// event is set for a metrics event.
	event bool
	// logsDone is set once no log waits.
	logsDone bool
	// records is how many could be decoded.
	records int
	// samples are those that the first flush made; owned by the try.
	samples []metric.Sample
	// logs, metrics, remote: what each sink is done with: Datadog's logs by
	// record index, Datadog's metrics and remote write by place in samples.
	logs, metrics, remote delivery.Set
}

// bytes is the memory that a try holds.
func (t *try) bytes() int64 { return 256 + int64(t.logs.Bytes()) + t.sampleBytes() }

// sampleBytes is what of it goes with the samples.
func (t *try) sampleBytes() int64 {
	n := int64(t.metrics.Bytes()+t.remote.Bytes()) + sizeOfSample*int64(cap(t.samples))
	for i := range t.samples {
		if d := t.samples[i].Dist; d != nil {
			n += 8 * int64(cap(d.Bounds)+cap(d.Counts)+cap(d.Values)+8)
			if d.Native != nil {
				n += 12 * int64(len(d.Native.Positive.Indices)+len(d.Native.Negative.Indices)+8)
			}
		}
	}
	return n
}

// sizeOfSample is that of a metric.Sample, in bytes.
const sizeOfSample = int64(unsafe.Sizeof(metric.Sample{}))

// unsettledLogs is the number of log records that are not done with.
func (t *try) unsettledLogs() int {
	if t.logsDone {
		return 0
	}
	return t.records - t.logs.Len()
}

// withoutSamples is what is left to know of a try that loses its samples.
func (t *try) withoutSamples() *try {
	return &try{arrived: t.arrived, again: t.again, unsure: t.unsure, event: t.event,
		logsDone: t.logsDone, records: t.records, logs: t.logs}
}

// ledger keeps the tries of chunks that Fluent Bit was told to retry, by the
// hash of tag and payload. Two chunks that are the same to the byte have an
// entry each, and either may take either: what is sent in all is the same.
type ledger struct {
	mu    sync.Mutex
	byKey map[uint64][]*list.Element
	order list.List // of ledgerEntry, the oldest first
	bytes int64     // of the samples
	held  int64     // payload bytes of the chunks, in Fluent Bit's buffer
}

type ledgerEntry struct {
	key  uint64
	try  *try
	size int64 // of the payload, which Fluent Bit holds
	kept int64 // when it was put here, ns since boot
}

// take removes and returns the try of a chunk, or nil when it is new.
func (l *ledger) take(tag string, payload []byte) *try {
	if chunks, _ := l.backlog(); chunks == 0 { // the ordinary case costs no hash
		return nil
	}
	key := chunkKey(tag, payload)
	l.mu.Lock()
	defer l.mu.Unlock()
	elems := l.byKey[key]
	if len(elems) == 0 {
		return nil
	}
	return l.remove(elems[0])
}

// put keeps a try until its chunk comes again; now is in ns since boot. It
// returns the tries whose samples had to go for it.
func (l *ledger) put(tag string, payload []byte, t *try, now int64) (robbed []*try) {
	key := chunkKey(tag, payload)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byKey == nil {
		l.byKey = make(map[uint64][]*list.Element)
	}
	newest := l.order.PushBack(&ledgerEntry{key, t, int64(len(payload)), now})
	l.byKey[key] = append(l.byKey[key], newest)
	l.bytes += t.sampleBytes()
	l.held += int64(len(payload))
	if l.order.Len() > ledgerTries {
		l.remove(l.order.Front())
	}
	return l.rob(newest)
}

// rob takes the samples of the oldest tries, until the bound holds, but not those
// of the newest: it came for their sake.
func (l *ledger) rob(newest *list.Element) (robbed []*try) {
	for e := l.order.Front(); e != newest && l.bytes > ledgerBytes; e = e.Next() {
		entry := e.Value.(*ledgerEntry)
		if t := entry.try; len(t.samples) > 0 {
			l.bytes -= t.sampleBytes()
			entry.try = t.withoutSamples()
			robbed = append(robbed, t)
		}
	}
	return robbed
}

// expire removes and returns the tries whose chunks have stayed away for good.
func (l *ledger) expire(now int64) (gone []*try) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for e := l.order.Front(); e != nil && now-e.Value.(*ledgerEntry).kept > ledgerPatience; e = l.order.Front() {
		gone = append(gone, l.remove(e))
	}
	return gone
}

func (l *ledger) remove(e *list.Element) *try {
	entry := l.order.Remove(e).(*ledgerEntry)
	l.bytes -= entry.try.sampleBytes()
	l.held -= entry.size
	rest := l.byKey[entry.key]
	for i := range rest {
		if rest[i] == e {
			rest = append(rest[:i], rest[i+1:]...)
			break
		}
	}
	if len(rest) == 0 {
		delete(l.byKey, entry.key)
	} else {
		l.byKey[entry.key] = rest
	}
	return entry.try
}

// backlog is the number of chunks that Fluent Bit was told to retry, and the
// bytes of their payloads.
func (l *ledger) backlog() (chunks int, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.order.Len(), l.held
}

func chunkKey(tag string, payload []byte) uint64 {
	var d xxhash.Digest
	d.Reset()
	d.WriteString(tag)
	d.Write([]byte{0})
	d.Write(payload)
	return d.Sum64()
}
