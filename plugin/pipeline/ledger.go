package pipeline

import (
	"container/list"
	"sync"
	"unsafe"

	"github.com/cespare/xxhash/v2"

	"out_edge/plugin/delivery"
	"out_edge/plugin/record"
	"out_edge/timefix"
)

// The bounds of the ledger. Over ledgerBytes the oldest tries lose their samples:
// those never reach the metrics sinks that send, and are counted; what was
// shown and delivered is still known. Over ledgerTries the oldest are forgotten:
// such a chunk is delivered whole again, and its counters are added again.
const (
	ledgerTries = 16384
	ledgerBytes = 4 << 20
)

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
	// samples are those that the first flush made; owned by the try.
	samples []record.Sample
	// logs, metrics, remote: what each sink is done with: Datadog's logs by
	// record index, Datadog's metrics and remote write by place in samples.
	logs, metrics, remote delivery.Set
}

func (t *try) bytes() int64 {
	n := 256 + int64(t.logs.Bytes()+t.metrics.Bytes()+t.remote.Bytes()) + sampleBytes*int64(cap(t.samples))
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

// sampleBytes is the size of a record.Sample.
const sampleBytes = int64(unsafe.Sizeof(record.Sample{}))

// ledger keeps the tries of chunks that Fluent Bit was told to retry, by the
// hash of tag and payload. Two chunks that are the same to the byte have an
// entry each, and either may take either: what is sent in all is the same.
type ledger struct {
	mu    sync.Mutex
	byKey map[uint64][]*list.Element
	order list.List // of ledgerEntry, the oldest first
	bytes int64
	held  int64 // payload bytes of the chunks, in Fluent Bit's buffer
}

type ledgerEntry struct {
	key  uint64
	try  *try
	size int64 // of the payload, which Fluent Bit holds
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

// put keeps a try until its chunk comes again. It returns the tries that had to
// lose their samples for it.
func (l *ledger) put(tag string, payload []byte, t *try) (robbed []*try) {
	key := chunkKey(tag, payload)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byKey == nil {
		l.byKey = make(map[uint64][]*list.Element)
	}
	l.byKey[key] = append(l.byKey[key], l.order.PushBack(ledgerEntry{key, t, int64(len(payload))}))
	l.bytes += t.bytes()
	l.held += int64(len(payload))
	if l.order.Len() > ledgerTries {
		if old := l.remove(l.order.Front()); len(old.samples) > 0 {
			robbed = append(robbed, old)
		}
	}
	return append(robbed, l.rob()...)
}

// rob takes the samples of the oldest tries, until the bound holds. The caller
// counts them and lets them go.
func (l *ledger) rob() (robbed []*try) {
	for e := l.order.Front(); e != nil && l.bytes > ledgerBytes; e = e.Next() {
		t := e.Value.(ledgerEntry).try
		if len(t.samples) == 0 {
			continue
		}
		l.bytes -= t.bytes()
		robbed = append(robbed, &try{samples: t.samples, metrics: t.metrics, remote: t.remote})
		t.samples, t.metrics, t.remote = nil, delivery.Set{}, delivery.Set{}
		l.bytes += t.bytes()
	}
	return robbed
}

func (l *ledger) remove(e *list.Element) *try {
	entry := l.order.Remove(e).(ledgerEntry)
	l.bytes -= entry.try.bytes()
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
