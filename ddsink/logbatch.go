package ddsink

import (
	"time"

	"out_edge/plugin/delivery"
)

// logBatch is the entries of one request.
type logBatch struct {
	sink *Logs
	// buf holds a byte before each entry that becomes '[' or ',', and one spare
	// behind the last that becomes ']'.
	buf  []byte
	refs []entryRef

	// Of a batch that flies: its own run, how long that took, and its panic.
	run      delivery.Run
	took     time.Duration
	panicked any
}

// entryRef is where an entry stands in the buffer, and whose it is.
type entryRef struct {
	from, to, index int
	job             *delivery.Job
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

func newLogBatch(e *logEncoder) *logBatch { return &logBatch{sink: e.sink} }

// reset empties the batch, and lets go of what it refers to.
func (b *logBatch) reset() {
	clear(b.refs[:cap(b.refs)])
	b.refs, b.buf = b.refs[:0], b.buf[:0]
	if cap(b.buf) > keptBytes {
		b.buf = nil
	}
}

// Body is entries lo to hi as a JSON array, in the buffer itself: the bytes around
// them are put right. No later body may hold those within it, and none does, as
// bodies are only ever halved, from the left.
func (b *logBatch) Body(lo, hi int) []byte {
	from, to := b.refs[lo].from-1, b.refs[hi-1].to
	b.buf[from] = '['
	b.buf[to] = ']'
	return b.buf[from : to+1]
}

// Delivered settles entries lo to hi, job by job.
func (b *logBatch) Delivered(lo, hi int, _ delivery.Answer) {
	for lo < hi {
		refs := b.refs[lo:hi]
		n := 1
		for n < len(refs) && refs[n].job == refs[0].job {
			n++
		}
		b.settle(refs[:n])
		lo += n
	}
}

// settle settles entries of one job.
func (b *logBatch) settle(refs []entryRef) {
	for _, r := range refs {
		if r.changes != 0 {
			b.count(r.changes)
		}
	}
	at := func(k int) int { return refs[k].index }
	if b.sink.cfg.DryRun {
		refs[0].job.AbsorbEach(delivery.ReasonDryRun, len(refs), at)
		return
	}
	refs[0].job.DeliverEach(len(refs), at)
}

// Refused drops an entry that the intake refuses by itself.
func (b *logBatch) Refused(i int, reason string) (lost bool) {
	b.refs[i].job.Drop(reason, b.refs[i].index)
	return true
}

// Kept leaves entries to a later Send.
func (b *logBatch) Kept(int, int) {}

// count counts what was changed about a record that is delivered now.
func (b *logBatch) count(ch changes) {
	adjusted := func(reason string) { b.sink.telemetry.Adjusted(delivery.SinkDatadog, reason, 1) }
	if ch&changedOld != 0 && b.sink.cfg.TooOld == TooOldArrival {
		adjusted(reasonTooOldArrival)
	} else if ch&changedOld != 0 {
		adjusted(reasonTooOldSent)
	}
	if ch&changedNew != 0 {
		adjusted(reasonTooNewSent)
		b.sink.ahead.Do(func() {
			b.sink.sayAhead("logs are more than 2 hours ahead of the clock: Datadog accepts them and shows none")
		})
	}
	if ch&changedMessage != 0 {
		adjusted(reasonTruncated)
	}
	if ch&changedAttributes != 0 {
		adjusted(reasonAttributes)
	}
}
