package ddsink

import (
	"context"
	"time"

	"out_edge/plugin/chunk"
	"out_edge/plugin/delivery"
)

// The intake's limits of one request of logs. Source: Datadog's "Send logs" API
// page: 5 MB uncompressed, 1000 entries.
const (
	maxBatchBytes   = 5_000_000
	maxBatchEntries = 1000
)

const (
	// logsMaxAge is from which age on the intake shows no log, though it
	// accepts it. Source: the same page.
	logsMaxAge = 18 * time.Hour
	// logsMaxAhead is the same for logs of the future.
	logsMaxAhead = 2 * time.Hour
	// keptBytes is the largest buffer that a Chunk keeps for the next flush.
	keptBytes = 2 << 20
)

// The reasons for which logs are dropped or changed, beside delivery's.
const (
	reasonTooOld        = "too_old"
	reasonTooOldSent    = "too_old_sent"
	reasonTooOldArrival = "too_old_arrival"
	reasonTooNewSent    = "too_new_sent"
	reasonTruncated     = "truncated"
	reasonAttributes    = "attributes_dropped"
	reasonDryRun        = "dry_run"
)

// entryRef is where an entry stands in the buffer, and whose it is.
type entryRef struct {
	from, to, index int
	changes         changes
}

// changes says how an entry differs from its record.
type changes uint8

const (
	changedOld        changes = 1 << iota // older than the intake shows
	changedMessage                        // its message was cut
	changedAttributes                     // attributes were left out
	changedNew                            // further ahead than the intake shows
)

// Chunk is one flush's logs on their way. It belongs to the goroutine that called
// Begin, until End.
type Chunk struct {
	sink *Sink
	tag  string
	done *delivery.Set
	now  int64 // wall clock at Begin, ns

	writer entryWriter
	// buf holds the batch: a byte before each entry that becomes '[' or ',',
	// and one spare behind the last that becomes ']'.
	buf  []byte
	refs []entryRef

	way     courier
	pending int // entries that are to be offered again
}

// Begin opens a chunk of logs with the given tag. Indices in done are left alone;
// Add and End put those into it that are settled. ctx bounds all that is sent
// until End. The chunk is of no use after End.
func (s *Sink) Begin(ctx context.Context, tag string, done *delivery.Set) *Chunk {
	c, ok := s.chunks.Get().(*Chunk)
	if !ok {
		c = &Chunk{sink: s, writer: newEntryWriter(s.format)}
		c.way = newCourier(s, endpointLogs, c)
	}
	c.way.begin(ctx)
	c.tag, c.done = tag, done
	c.now = s.clock.Now().Wall
	return c
}

// Add encodes one record and, when a limit of the intake is reached, sends what is
// there. Nothing of rec is kept. unixNano is its repaired time. It does nothing for
// an index in done, nor after a failure that is to be retried.
func (c *Chunk) Add(rec *chunk.Record, unixNano int64) {
	if c.done.Has(rec.Index) {
		return
	}
	if c.way.failed != nil {
		c.pending++
		return
	}
	at, old := c.stamp(unixNano)
	if old && c.sink.cfg.TooOld == TooOldDrop {
		c.drop(rec.Index, reasonTooOld)
		return
	}
	start := len(c.buf)
	c.buf = c.writer.append(append(c.buf, ','), rec, c.tag, at)
	if len(c.buf)+1 > c.way.target.limit.bytes() && len(c.refs) > 0 {
		c.sendBefore(start)
		start = 0
	}
	if c.way.failed != nil {
		c.pending++
		return
	}
	c.refs = append(c.refs, entryRef{start + 1, len(c.buf), rec.Index, c.changes(unixNano)})
	if len(c.refs) == maxBatchEntries {
		c.send()
	}
}

// stamp is the time for an entry, and whether it is older than the intake shows.
func (c *Chunk) stamp(unixNano int64) (at stamp, old bool) {
	at.ms = floorDiv(unixNano, int64(time.Millisecond))
	if c.now-unixNano <= int64(logsMaxAge) {
		return at, false
	}
	if c.sink.cfg.TooOld == TooOldArrival {
		at = stamp{ms: floorDiv(c.now, int64(time.Millisecond)), trueTime: at.ms, replaced: true}
	}
	return at, true
}

// changes are those of the entry that was written last.
func (c *Chunk) changes(unixNano int64) (ch changes) {
	switch age := c.now - unixNano; {
	case age > int64(logsMaxAge):
		ch |= changedOld
	case age < -int64(logsMaxAhead):
		ch |= changedNew
	}
	if c.writer.cut > 0 {
		ch |= changedMessage
	}
	if c.writer.dropped > 0 {
		ch |= changedAttributes
	}
	return ch
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// sendBefore sends the entries before offset, and moves what stands from there to
// the front.
func (c *Chunk) sendBefore(offset int) {
	c.way.deliver(len(c.refs))
	c.refs = c.refs[:0]
	c.buf = c.buf[:copy(c.buf, c.buf[offset:])]
}

// send sends all that is in the buffer, and empties it.
func (c *Chunk) send() {
	if len(c.refs) > 0 {
		c.buf = append(c.buf, ']') // room for body's last byte
		c.way.deliver(len(c.refs))
	}
	c.buf, c.refs = c.buf[:0], c.refs[:0]
}

// body is entries lo to hi as a JSON array, in the buffer itself: the bytes around
// them are put right. No later body may hold those within it, and none does, as
// bodies are only ever halved, from the left.
func (c *Chunk) body(lo, hi int) []byte {
	from, to := c.refs[lo].from-1, c.refs[hi-1].to
	c.buf[from] = '['
	c.buf[to] = ']'
	return c.buf[from : to+1]
}

func (c *Chunk) delivered(lo, hi int) {
	for _, r := range c.refs[lo:hi] {
		c.done.Add(r.index)
		if r.changes != 0 {
			c.count(r.changes)
		}
	}
	if c.sink.cfg.DryRun {
		c.sink.meter.Dropped(delivery.SinkDatadog, reasonDryRun, hi-lo)
		return
	}
	c.sink.meter.Delivered(delivery.SinkDatadog, hi-lo)
}

func (c *Chunk) drop(index int, reason string) {
	c.done.Add(index)
	c.sink.meter.Dropped(delivery.SinkDatadog, reason, 1)
}

func (c *Chunk) refused(i int, reason string) { c.drop(c.refs[i].index, reason) }

func (c *Chunk) postponed(lo, hi int) { c.pending += hi - lo }

// End sends what is left. nil means that each record that was added is in done; a
// *delivery.RetryError, that the chunk should be offered again with the same done.
func (c *Chunk) End() error {
	if c.way.failed == nil {
		c.send()
	}
	if c.pending > 0 {
		c.sink.meter.Retried(delivery.SinkDatadog, c.pending)
	}
	err := c.way.end()
	c.release()
	return err
}

// count counts what was changed about a record that is delivered now.
func (c *Chunk) count(ch changes) {
	adjusted := c.sink.meter.Adjusted
	if ch&changedOld != 0 && c.sink.cfg.TooOld == TooOldArrival {
		adjusted(delivery.SinkDatadog, reasonTooOldArrival, 1)
	} else if ch&changedOld != 0 {
		adjusted(delivery.SinkDatadog, reasonTooOldSent, 1)
	}
	if ch&changedNew != 0 {
		adjusted(delivery.SinkDatadog, reasonTooNewSent, 1)
		c.sink.sayAhead(endpointLogs, "logs are more than 2 hours ahead of the clock: Datadog accepts them and shows none")
	}
	if ch&changedMessage != 0 {
		adjusted(delivery.SinkDatadog, reasonTruncated, 1)
	}
	if ch&changedAttributes != 0 {
		adjusted(delivery.SinkDatadog, reasonAttributes, 1)
	}
}

// release gives the chunk back to the pool, without what it refers to.
func (c *Chunk) release() {
	c.tag, c.done = "", nil
	c.pending = 0
	c.refs = c.refs[:0]
	c.buf = c.buf[:0]
	c.writer.clearSlots()
	c.writer.keys.shrink()
	c.writer.values.keys.shrink()
	if cap(c.buf) > keptBytes {
		c.buf = nil
	}
	c.sink.chunks.Put(c)
}
