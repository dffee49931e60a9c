package ddsink

import (
	"time"

	"out_edge/plugin/delivery"
)

// logBatch is the entries of one request.
type logBatch struct {
	sink *Logs
	// buf has a byte before each entry, which becomes '[' or ',', and a spare one after
	// the last, which becomes ']'.
	buf  []byte
	refs []entryRef

	// For a batch that is sent concurrently: its own run, its duration, and its panic.
	run      delivery.Run
	took     time.Duration
	panicked any
}

// entryRef is an entry's position in the buffer, and its record.
type entryRef struct {
	from, to, index int
	job             *delivery.Job
	changes         changes
}

// changes is how an entry differs from its record.
type changes uint8

const (
	changedOld        changes = 1 << iota // older than the intake shows
	changedMessage                        // its message was cut
	changedAttributes                     // attributes were left out
	changedNew                            // further ahead than the intake shows
)

func newLogBatch(e *logEncoder) *logBatch { return &logBatch{sink: e.sink} }

// reset empties the batch, and releases what it refers to.
func (b *logBatch) reset() {
	clear(b.refs[:cap(b.refs)])
	b.refs, b.buf = b.refs[:0], b.buf[:0]
	if cap(b.buf) > keptBytes {
		b.buf = nil
	}
}

// Body returns entries lo to hi as a JSON array, inside the buffer: it only sets the
// bytes around them. A later body must not contain earlier ones, and does not, because
// bodies are only halved, from the left.
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

// Refused drops an entry that the intake refuses on its own.
func (b *logBatch) Refused(i int, reason string) (lost bool) {
	b.refs[i].job.Drop(reason, b.refs[i].index)
	return true
}

// Kept leaves entries to a later Send.
func (b *logBatch) Kept(int, int) {}

// count counts how a record that is now delivered was changed.
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
			b.sink.logAhead("logs are more than 2 hours ahead of the clock: Datadog accepts them and shows none")
		})
	}
	if ch&changedMessage != 0 {
		adjusted(reasonTruncated)
	}
	if ch&changedAttributes != 0 {
		adjusted(reasonAttributes)
	}
}
