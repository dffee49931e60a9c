package ddsink

import (
	"context"
	"sync"
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
	// keptBytes is the largest buffer that is kept for the next Send.
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

// Logs is the sink of logs.
type Logs struct {
	*Account
	sender *delivery.Sender
	format *entryFormat
	batch  *logBatch // of the Send that runs
	ahead  sync.Once // what is ahead of the clock was spoken of
}

var _ delivery.Sink = (*Logs)(nil)

// Logs makes the account's sink of logs.
func (a *Account) Logs() (*Logs, error) {
	sender, err := a.newSender(a.logsEndpoint())
	if err != nil {
		return nil, err
	}
	s := &Logs{Account: a, sender: sender, format: newEntryFormat(a.cfg)}
	s.batch = newLogBatch(s)
	return s, nil
}

// Name is that of the sink.
func (s *Logs) Name() string { return delivery.SinkDatadog }

// Reasons are those of logs.
func (s *Logs) Reasons() (dropped, adjusted []string) {
	return delivery.DropReasons(s.Name()), delivery.AdjustReasons(s.Name())
}

// Admit has nothing to note: logs are read when their turn comes.
func (s *Logs) Admit(*delivery.Job) {}

// Send encodes the open records of the jobs into batches under the intake's limits,
// which records of several jobs may share, and sends them one after the other.
func (s *Logs) Send(ctx context.Context, jobs []*delivery.Job, probe bool) error {
	b := s.batch
	b.begin(ctx, probe)
	for _, j := range jobs {
		if b.stopped() {
			break
		}
		b.job = j
		j.Records(b.addOne)
	}
	if !b.run.Failed() {
		b.send()
	}
	return b.end()
}

// logBatch is the working memory of Send, and one batch of entries after the other.
type logBatch struct {
	sink   *Logs
	run    delivery.Run
	writer entryWriter
	now    int64 // wall clock at the begin, ns
	job    *delivery.Job
	addOne func(rec *chunk.Record, unixNano int64) bool
	// most is how many entries a batch may have; a probe ends with its first.
	most          int
	probe, probed bool

	// buf holds the batch: a byte before each entry that becomes '[' or ',',
	// and one spare behind the last that becomes ']'.
	buf  []byte
	refs []entryRef
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

func newLogBatch(s *Logs) *logBatch {
	b := &logBatch{sink: s, writer: newEntryWriter(s.format)}
	b.addOne = b.add
	return b
}

func (b *logBatch) begin(ctx context.Context, probe bool) {
	b.refs, b.buf = b.refs[:0], b.buf[:0] // the last Send may have panicked
	b.run.Begin(ctx, b.sink.sender)
	b.now = b.sink.clock.Now().Wall
	b.probe, b.probed, b.most = probe, false, maxBatchEntries
	if probe {
		b.most = delivery.ProbeParts
	}
}

// stopped says that no further record is wanted.
func (b *logBatch) stopped() bool { return b.probed || b.run.Failed() }

// add encodes one record and, when a limit of the intake is reached, sends what is
// there. Nothing of rec is kept. unixNano is its repaired time.
func (b *logBatch) add(rec *chunk.Record, unixNano int64) bool {
	at, old := b.stamp(unixNano)
	if old && b.sink.cfg.TooOld == TooOldDrop {
		b.job.Drop(reasonTooOld, rec.Index)
		return true
	}
	start := len(b.buf)
	b.buf = b.writer.append(append(b.buf, ','), rec, b.job.Tag, at)
	if len(b.buf)+1 > b.sink.sender.BatchBytes() && len(b.refs) > 0 {
		b.sendBefore(start)
		if start = 0; b.stopped() {
			return false
		}
	}
	b.refs = append(b.refs, entryRef{start + 1, len(b.buf), rec.Index, b.job, b.changes(unixNano)})
	if len(b.refs) == b.most {
		b.send()
	}
	return !b.stopped()
}

// stamp is the time for an entry, and whether it is older than the intake shows.
func (b *logBatch) stamp(unixNano int64) (at stamp, old bool) {
	at.ms = floorDiv(unixNano, int64(time.Millisecond))
	if b.now-unixNano <= int64(logsMaxAge) {
		return at, false
	}
	if b.sink.cfg.TooOld == TooOldArrival {
		at = stamp{ms: floorDiv(b.now, int64(time.Millisecond)), trueTime: at.ms, replaced: true}
	}
	return at, true
}

// changes are those of the entry that was written last.
func (b *logBatch) changes(unixNano int64) (ch changes) {
	switch age := b.now - unixNano; {
	case age > int64(logsMaxAge):
		ch |= changedOld
	case age < -int64(logsMaxAhead):
		ch |= changedNew
	}
	if b.writer.cut > 0 {
		ch |= changedMessage
	}
	if b.writer.dropped > 0 {
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
func (b *logBatch) sendBefore(offset int) {
	b.run.Deliver(b, len(b.refs))
	b.refs, b.probed = b.refs[:0], b.probe
	b.buf = b.buf[:copy(b.buf, b.buf[offset:])]
}

// send sends all that is in the buffer, and empties it.
func (b *logBatch) send() {
	if len(b.refs) > 0 && !b.probed {
		b.buf = append(b.buf, ']') // room for Body's last byte
		b.run.Deliver(b, len(b.refs))
		b.probed = b.probe
	}
	b.buf, b.refs = b.buf[:0], b.refs[:0]
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
		refs[0].job.DropEach(reasonDryRun, len(refs), at)
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

// end lets go of what the batch refers to.
func (b *logBatch) end() error {
	b.job = nil
	clear(b.refs[:cap(b.refs)])
	b.refs, b.buf = b.refs[:0], b.buf[:0]
	b.writer.clearSlots()
	b.writer.keys.shrink()
	b.writer.values.keys.shrink()
	if cap(b.buf) > keptBytes {
		b.buf = nil
	}
	return b.run.End()
}
