package pipeline

import (
	"container/list"
	"sync"

	"github.com/cespare/xxhash/v2"

	"out_edge/plugin/delivery"
	"out_edge/plugin/record"
	"out_edge/timefix"
)

// The ledger forgets the oldest tries over these bounds. A chunk whose try was
// forgotten is delivered whole again: late, perhaps twice, never lost.
const (
	ledgerTries = 4096
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
	return 256 + int64(t.logs.Bytes()+t.metrics.Bytes()+t.remote.Bytes()) + 80*int64(cap(t.samples))
}

// ledger keeps the tries of chunks that Fluent Bit was told to retry, by the
// hash of tag and payload. Two chunks that are the same to the byte have an
// entry each, and either may take either: what is sent in all is the same.
type ledger struct {
	mu    sync.Mutex
	byKey map[uint64][]*list.Element
	order list.List // of ledgerEntry, the oldest first
	bytes int64
}

type ledgerEntry struct {
	key uint64
	try *try
}

// take removes and returns the try of a chunk, or nil when it is new.
func (l *ledger) take(tag string, payload []byte) *try {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.order.Len() == 0 { // the ordinary case costs no hash
		return nil
	}
	elems := l.byKey[chunkKey(tag, payload)]
	if len(elems) == 0 {
		return nil
	}
	return l.remove(elems[0])
}

// put keeps a try until its chunk comes again.
func (l *ledger) put(tag string, payload []byte, t *try) {
	key := chunkKey(tag, payload)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byKey == nil {
		l.byKey = make(map[uint64][]*list.Element)
	}
	l.byKey[key] = append(l.byKey[key], l.order.PushBack(ledgerEntry{key, t}))
	l.bytes += t.bytes()
	for l.order.Len() > ledgerTries || (l.bytes > ledgerBytes && l.order.Len() > 1) {
		l.remove(l.order.Front())
	}
}

func (l *ledger) remove(e *list.Element) *try {
	entry := l.order.Remove(e).(ledgerEntry)
	l.bytes -= entry.try.bytes()
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

func chunkKey(tag string, payload []byte) uint64 {
	var d xxhash.Digest
	d.Reset()
	d.WriteString(tag)
	d.Write([]byte{0})
	d.Write(payload)
	return d.Sum64()
}
