package delivery

import (
	"context"
	"sync"

	"out_edge/plugin/chunk"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// Sink sends to one receiver. The pipeline puts a gate and a backlog around each,
// and one goroutine, the worker, which makes all calls of Send; a sink knows
// nothing of other sinks, nor of when it may be asked.
type Sink interface {
	// Name is the value of the `sink` label. It never changes.
	Name() string
	// Reasons are the values of the `reason` label that Drop and
	// Telemetry.Adjusted are called with, so that their counters stand at 0
	// from the start.
	Reasons() (dropped, adjusted []string)
	// Admit is called once a chunk, in order of arrival, on the goroutine that
	// surveys it, maybe while Send runs. What must be noted at once is noted
	// here: what a sample adds to a total. It must not block, and may settle
	// positions.
	Admit(j *Job)
	// Send settles what of the jobs is open, the oldest first, in as few
	// requests as possible. nil means that all of them are settled; a
	// *RetryError, that some are not, and when to ask again. No other error is
	// returned. It returns soon after ctx ends.
	//
	// The jobs, and the slice, are the caller's again when Send returns: a
	// job's payload may be gone then. Of a job that it did not settle a sink
	// may keep the pointer, and settle the rest of it in a later Send or
	// Admit, at no other time.
	//
	// After a failure the worker asks with probe set: the sink makes one small
	// request, with a few parts of the first job, and returns nil if that was
	// accepted, whatever is still open.
	Send(ctx context.Context, jobs []*Job, probe bool) error
	// Close gives up what the sink holds. Send is not called after it.
	Close(ctx context.Context) error
}

// Starter is a Sink that has things to send which no chunk brings, or whose chunks
// are back with Fluent Bit: it is asked to send them without a job.
type Starter interface {
	// Waits says whether there is anything.
	Waits() bool
	// OnWait is called once, before all else, with what is to be called when
	// something waits; that does not block.
	OnWait(wake func())
}

// ProbeParts is how many parts, at most, a probe should carry.
const ProbeParts = 64

// Source gives what a chunk holds, as often as it is asked, and always the same.
// The pipeline implements it. Several goroutines may ask at once.
type Source interface {
	// Records yields the log records with their repaired times, in ns since
	// 1970, until yield is false. rec is valid until yield returns.
	Records(yield func(rec *chunk.Record, unixNano int64) bool)
	// Samples are those that the chunk's records or metrics event made, in the
	// order of their positions. They may be kept, and never change but for the times
	// of a provisional job. nil: they had to make room for later ones.
	Samples() []metric.Sample
	// Again makes the samples of a sink anew, in the same order. They have no
	// positions: some may be more or fewer than there were. Nothing is counted, shown
	// or added by it, so that the totals among them that are kept here mean nothing.
	Again(sink string) []metric.Sample
}

// Job is what one sink has to deliver of one chunk: positions, which are
// Record.Index for a sink of logs, and places in Samples for a sink of metrics.
// Each is settled once, delivered or dropped, which the job counts. Its methods
// may be called from any goroutine.
type Job struct {
	// Tag is Fluent Bit's tag of the chunk.
	Tag string
	// Arrived is when the chunk came first.
	Arrived timefix.Instant
	// Provisional says that the samples' times may still be repaired, until the job
	// is given to Send: the wall clock was not set when the chunk came.
	Provisional bool

	sink      string
	telemetry Telemetry

	mu     sync.Mutex
	source Source // nil while the payload is not there
	done   Set
	open   int
}

// JobSpec is what NewJob makes a job of.
type JobSpec struct {
	Tag     string
	Arrived timefix.Instant
	// Provisional is Job's.
	Provisional bool
	Sink        string // its name
	Telemetry   Telemetry
	Source      Source
	// Open is how many positions the sink has to settle, at least 1; Skip are
	// positions that it has not.
	Open int
	Skip Set
}

// NewJob makes a job. Only the pipeline and tests do.
func NewJob(s JobSpec) *Job {
	if s.Telemetry == nil {
		s.Telemetry = NoTelemetry{}
	}
	return &Job{Tag: s.Tag, Arrived: s.Arrived, Provisional: s.Provisional, sink: s.Sink, telemetry: s.Telemetry,
		source: s.Source, done: s.Skip, open: s.Open}
}

// Attach gives the job its payload back; nil takes it away: Records and Samples
// then give nothing. Whoever takes it away must know that neither is running.
func (j *Job) Attach(s Source) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.source = s
}

// Records yields the records of open positions, until yield is false. Those that
// are settled meanwhile are yielded all the same.
func (j *Job) Records(yield func(rec *chunk.Record, unixNano int64) bool) {
	j.mu.Lock()
	source, done := j.source, j.done.Clone()
	j.mu.Unlock()
	if source == nil {
		return
	}
	if done.IsEmpty() {
		source.Records(yield)
		return
	}
	source.Records(func(rec *chunk.Record, unixNano int64) bool {
		return done.Has(rec.Index) || yield(rec, unixNano)
	})
}

// Samples are the chunk's, those of settled positions among them; the position of
// each is its place. They may be kept. nil: the payload is not there, or the
// samples had to make room for later ones.
func (j *Job) Samples() []metric.Sample {
	j.mu.Lock()
	source := j.source
	j.mu.Unlock()
	if source == nil {
		return nil
	}
	return source.Samples()
}

// Again makes the samples anew from the payload; ok is false where that is not there.
// See Source.
func (j *Job) Again() (samples []metric.Sample, ok bool) {
	j.mu.Lock()
	source := j.source
	j.mu.Unlock()
	if source == nil {
		return nil, false
	}
	return source.Again(j.sink), true
}

// Open is the number of positions that are not settled.
func (j *Job) Open() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.open
}

// IsDone says whether a position is settled, or none of this sink's.
func (j *Job) IsDone(position int) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.done.Has(position)
}

// Deliver settles positions as delivered, and counts those that were open.
func (j *Job) Deliver(positions ...int) {
	j.DeliverEach(len(positions), func(k int) int { return positions[k] })
}

// DeliverEach is Deliver for n positions, of which at gives the k-th.
func (j *Job) DeliverEach(n int, at func(k int) int) {
	n = j.mark(n, at)
	if n > 0 {
		j.telemetry.Delivered(j.sink, n)
	}
}

// Drop settles positions as given up, and counts those that were open.
func (j *Job) Drop(reason string, positions ...int) {
	j.DropEach(reason, len(positions), func(k int) int { return positions[k] })
}

// DropEach is Drop for n positions, of which at gives the k-th.
func (j *Job) DropEach(reason string, n int, at func(k int) int) {
	n = j.mark(n, at)
	if n > 0 {
		j.telemetry.Dropped(j.sink, reason, n)
	}
}

// Absorb settles positions, and counts them as adjusted: they are not sent by
// themselves, as when a later value covers theirs. An empty reason counts nothing.
func (j *Job) Absorb(reason string, positions ...int) {
	j.AbsorbEach(reason, len(positions), func(k int) int { return positions[k] })
}

// AbsorbEach is Absorb for n positions, of which at gives the k-th.
func (j *Job) AbsorbEach(reason string, n int, at func(k int) int) {
	n = j.mark(n, at)
	if n > 0 && reason != "" {
		j.telemetry.Adjusted(j.sink, reason, n)
	}
}

// DropAll gives up all that is open, and returns how many positions that were.
func (j *Job) DropAll(reason string) int {
	j.mu.Lock()
	n := j.open
	j.open = 0
	j.mu.Unlock()
	if n > 0 {
		j.telemetry.Dropped(j.sink, reason, n)
	}
	return n
}

// mark puts positions into done, and returns how many of them were open. After
// DropAll none is.
func (j *Job) mark(n int, at func(k int) int) (marked int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for k := range n {
		if i := at(k); j.open > 0 && !j.done.Has(i) {
			j.done.Add(i)
			j.open--
			marked++
		}
	}
	return marked
}

// Bytes is the memory that a job holds, without its payload and samples.
func (j *Job) Bytes() int {
	const fixed = 192
	j.mu.Lock()
	defer j.mu.Unlock()
	return fixed + j.done.Bytes()
}
