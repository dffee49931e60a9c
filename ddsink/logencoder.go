package ddsink

import (
	"context"
	"time"

	"out_edge/plugin/chunk"
	"out_edge/plugin/delivery"
	"out_edge/timefix"
)

const (
	// maxConcurrent is how many requests may be in progress at once.
	maxConcurrent = 4
	// slowAnswer is the answer time from which that is worthwhile: one after the other,
	// requests of 1,000 records would carry 50,000 a second at most.
	slowAnswer = 20 * time.Millisecond
)

// logEncoder is the working memory of Logs.Send: it fills one batch after the other.
type logEncoder struct {
	sink   *Logs
	run    delivery.Run
	writer entryWriter
	now    int64 // wall clock at the beginning, in ns
	job    *delivery.Job
	addOne func(rec *chunk.Record, unixNano int64) bool
	// most is how many entries a batch may have; a probe ends with its first.
	most          int
	probe, probed bool

	batch      *logBatch   // being filled
	spare      []*logBatch // not in use
	inProgress int         // batches being sent
	finished   chan *logBatch
	// slow is set while the last answer was slow.
	slow bool
}

func (e *logEncoder) begin(ctx context.Context, probe bool) {
	for e.inProgress > 0 { // the last Send may have panicked
		e.waitOne()
	}
	if e.batch == nil {
		e.batch = newLogBatch(e)
	}
	e.batch.reset()
	e.run.Begin(ctx, e.sink.sender)
	e.now = e.sink.clock.Now().Wall
	e.probe, e.probed, e.most = probe, false, maxBatchEntries
	if probe {
		e.most = delivery.ProbeParts
	}
}

// stopped reports whether no further record is wanted.
func (e *logEncoder) stopped() bool { return e.probed || e.run.Failed() }

// add encodes one record and, when a limit of the intake is reached, sends what is
// there. It keeps nothing of rec. unixNano is the repaired time.
func (e *logEncoder) add(rec *chunk.Record, unixNano int64) bool {
	at, old := e.stamp(unixNano)
	if old && e.sink.cfg.TooOld == TooOldDrop {
		e.job.Drop(reasonTooOld, rec.Index)
		return true
	}
	b := e.batch
	start := len(b.buf)
	b.buf = e.writer.append(append(b.buf, ','), rec, e.job.Tag, at)
	if len(b.buf)+1 > e.sink.sender.BatchBytes() && len(b.refs) > 0 {
		if e.sendBefore(start); e.stopped() {
			return false
		}
		b = e.batch
		start = 0
	}
	b.refs = append(b.refs, entryRef{start + 1, len(b.buf), rec.Index, e.job, e.changes(unixNano)})
	if len(b.refs) == e.most {
		e.send()
	}
	return !e.stopped()
}

// stamp returns the time for an entry, and whether it is older than the intake shows.
func (e *logEncoder) stamp(unixNano int64) (at stamp, old bool) {
	at.ms = timefix.FloorDiv(unixNano, int64(time.Millisecond))
	if e.now-unixNano <= int64(logsMaxAge) {
		return at, false
	}
	if e.sink.cfg.TooOld == TooOldArrival {
		at = stamp{ms: timefix.FloorDiv(e.now, int64(time.Millisecond)), trueTime: at.ms, replaced: true}
	}
	return at, true
}

// changes returns the changes of the entry that was written last.
func (e *logEncoder) changes(unixNano int64) (ch changes) {
	switch age := e.now - unixNano; {
	case age > int64(logsMaxAge):
		ch |= changedOld
	case age < -int64(logsMaxAhead):
		ch |= changedNew
	}
	if e.writer.cut > 0 {
		ch |= changedMessage
	}
	if e.writer.dropped > 0 {
		ch |= changedAttributes
	}
	return ch
}

// sendBefore sends the entries before offset; what follows begins the next batch.
func (e *logEncoder) sendBefore(offset int) {
	b := e.batch
	if e.slow {
		e.batch = e.take()
		e.batch.buf = append(e.batch.buf, b.buf[offset:]...)
		e.sendAsync(b)
		return
	}
	e.deliver(b)
	b.refs, b.buf = b.refs[:0], b.buf[:copy(b.buf, b.buf[offset:])]
}

// send sends all that is in the batch, and empties it.
func (e *logEncoder) send() {
	b := e.batch
	b.buf = append(b.buf, ']') // space for Body's last byte
	if e.slow {
		e.batch = e.take()
		e.sendAsync(b)
		return
	}
	e.deliver(b)
	b.reset()
}

// deliver sends one batch, and waits for it.
func (e *logEncoder) deliver(b *logBatch) {
	began := e.sink.elapsed()
	e.run.Deliver(b, len(b.refs))
	e.probed = e.probe
	e.slow = e.sink.elapsed()-began >= slowAnswer && !e.probe
}

// take returns an empty batch; if too many are being sent, it waits for one.
func (e *logEncoder) take() *logBatch {
	if len(e.spare) == 0 && e.inProgress < maxConcurrent-1 {
		return newLogBatch(e)
	}
	if len(e.spare) == 0 {
		e.waitOne()
	}
	last := len(e.spare) - 1
	b := e.spare[last]
	e.spare = e.spare[:last]
	return b
}

// sendAsync sends one batch without waiting for it.
func (e *logEncoder) sendAsync(b *logBatch) {
	e.inProgress++
	e.run.Fork(&b.run)
	began := e.sink.elapsed()
	go func() {
		defer func() {
			b.panicked = recover()
			b.took = e.sink.elapsed() - began
			e.finished <- b
		}()
		b.run.Deliver(b, len(b.refs))
	}()
}

// waitOne waits for a batch that is being sent. It passes on a panic of it.
func (e *logEncoder) waitOne() {
	b := <-e.finished
	e.inProgress--
	e.run.Join(&b.run)
	e.slow = b.took >= slowAnswer
	b.reset()
	e.spare = append(e.spare, b)
	if p := b.panicked; p != nil {
		b.panicked = nil
		panic(p)
	}
}

// end sends the rest, and releases everything that the encoder refers to.
func (e *logEncoder) end() error {
	if !e.stopped() && len(e.batch.refs) > 0 {
		e.send()
	}
	for e.inProgress > 0 {
		e.waitOne()
	}
	e.job = nil
	e.batch.reset()
	clear(e.spare)
	e.spare = e.spare[:0]
	e.writer.clearReserved()
	e.writer.keys.shrink()
	e.writer.values.keys.shrink()
	return e.run.End()
}
