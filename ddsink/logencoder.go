package ddsink

import (
	"context"
	"time"

	"out_edge/plugin/chunk"
	"out_edge/plugin/delivery"
	"out_edge/timefix"
)

const (
	// maxFlights is how many requests are under way at once.
	maxFlights = 4
	// slowAnswer is from when on that is worth while.
	slowAnswer = 100 * time.Millisecond
)

// logEncoder is the working memory of Logs.Send: it fills one batch after the other.
type logEncoder struct {
	sink   *Logs
	run    delivery.Run
	writer entryWriter
	now    int64 // wall clock at the begin, ns
	job    *delivery.Job
	addOne func(rec *chunk.Record, unixNano int64) bool
	// most is how many entries a batch may have; a probe ends with its first.
	most          int
	probe, probed bool

	batch  *logBatch   // that is being filled
	spare  []*logBatch // that are in no use
	flying int         // batches that are under way
	landed chan *logBatch
	// slow is set while the last answer took its time.
	slow bool
}

func (e *logEncoder) begin(ctx context.Context, probe bool) {
	for e.flying > 0 { // the last Send may have panicked
		e.land()
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

// stopped says that no further record is wanted.
func (e *logEncoder) stopped() bool { return e.probed || e.run.Failed() }

// add encodes one record and, when a limit of the intake is reached, sends what is
// there. Nothing of rec is kept. unixNano is its repaired time.
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

// stamp is the time for an entry, and whether it is older than the intake shows.
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

// changes are those of the entry that was written last.
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

// sendBefore sends the entries before offset; what stands from there on begins the
// next batch.
func (e *logEncoder) sendBefore(offset int) {
	b := e.batch
	if e.slow {
		e.batch = e.take()
		e.batch.buf = append(e.batch.buf, b.buf[offset:]...)
		e.fly(b)
		return
	}
	e.deliver(b)
	b.refs, b.buf = b.refs[:0], b.buf[:copy(b.buf, b.buf[offset:])]
}

// send sends all that is in the batch, and empties it.
func (e *logEncoder) send() {
	b := e.batch
	b.buf = append(b.buf, ']') // room for Body's last byte
	if e.slow {
		e.batch = e.take()
		e.fly(b)
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

// take is an empty batch; where too many are under way, it waits for one.
func (e *logEncoder) take() *logBatch {
	if len(e.spare) == 0 && e.flying < maxFlights-1 {
		return newLogBatch(e)
	}
	if len(e.spare) == 0 {
		e.land()
	}
	last := len(e.spare) - 1
	b := e.spare[last]
	e.spare = e.spare[:last]
	return b
}

// fly sends one batch, and does not wait for it.
func (e *logEncoder) fly(b *logBatch) {
	e.flying++
	e.run.Fork(&b.run)
	began := e.sink.elapsed()
	go func() {
		defer func() {
			b.panicked = recover()
			b.took = e.sink.elapsed() - began
			e.landed <- b
		}()
		b.run.Deliver(b, len(b.refs))
	}()
}

// land waits for a batch that is under way. A panic of it is that of Send.
func (e *logEncoder) land() {
	b := <-e.landed
	e.flying--
	e.run.Join(&b.run)
	e.slow = b.took >= slowAnswer
	b.reset()
	e.spare = append(e.spare, b)
	if p := b.panicked; p != nil {
		b.panicked = nil
		panic(p)
	}
}

// end sends what is left, and lets go of all that the encoder refers to.
func (e *logEncoder) end() error {
	if !e.stopped() && len(e.batch.refs) > 0 {
		e.send()
	}
	for e.flying > 0 {
		e.land()
	}
	e.job = nil
	e.batch.reset()
	clear(e.spare)
	e.spare = e.spare[:0]
	e.writer.clearSlots()
	e.writer.keys.shrink()
	e.writer.values.keys.shrink()
	return e.run.End()
}
