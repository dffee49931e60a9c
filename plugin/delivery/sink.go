package delivery

import (
	"context"
	"sync"

	"out_edge/plugin/chunk"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// Sink sends to one receiver. The pipeline gives each a gate, a backlog, and one
// goroutine, the worker, which makes all calls of Send. A sink knows nothing of other
// sinks, nor when it may send.
type Sink interface {
	// Name is the value of the `sink` label. It never changes.
	Name() string
	// Reasons returns the values of the `reason` label that Drop and Telemetry.Adjusted
	// are called with, so that their counters start at 0.
	Reasons() (dropped, adjusted []string)
	// Admit is called once for each chunk, in order of arrival, on the goroutine that
	// ingests it, possibly while Send runs. It records what must not wait: what a sample
	// adds to a total. It must not block, and may settle positions.
	Admit(j *Job)
	// Send settles the open positions of the jobs, oldest first, in as few requests as
	// possible. It returns nil when all of them are settled, else a *RetryError with the
	// time to try again, and no other error. It returns soon after ctx ends.
	//
	// The caller owns the jobs and the slice again when Send returns: a job's payload
	// may be gone then. A sink may keep the pointer of a job that it did not settle, and
	// settle the rest of it in a later Send or Admit, at no other time.
	//
	// After a failure the worker calls with probe set: the sink makes one small request,
	// with a few parts of the first job, and returns nil if that was accepted, even if
	// something is still open.
	Send(ctx context.Context, jobs []*Job, probe bool) error
	// Close releases what the sink holds. Send is not called after it.
	Close(ctx context.Context) error
}

// Starter is a Sink that may have something to send without a job, or whose chunks are
// back with Fluent Bit: Send is then called without jobs.
type Starter interface {
	// Waits reports whether there is anything to send.
	Waits() bool
	// OnWait is called once, before everything else, with a function to call when there
	// is something to send; it does not block.
	OnWait(wake func())
}

// Successor is a Sink that can go on where another one has ended in the same process, as
// at a hot reload.
type Successor interface {
	// Receiver is the same for two sinks of a name if what the one has delivered is
	// delivered for the other. It may hold secrets.
	Receiver() string
	// Inherit takes over what waits in a sink of the same name and Receiver that is
	// closed, and what is known of its series. It is called before everything else but
	// OnWait.
	Inherit(from Sink)
}

// ProbeParts is the most parts that a probe should have.
const ProbeParts = 64

// Source returns what a chunk contains, as often as needed, and always the same. The
// pipeline implements it. Several goroutines may call it at once.
type Source interface {
	// Records yields the log records with their repaired times, in ns since
	// 1970, until yield is false. rec is valid until yield returns.
	Records(yield func(rec *chunk.Record, unixNano int64) bool)
	// Samples returns the samples of the chunk's records or metrics event, in the order
	// of their positions. They may be kept, and never change, except for the times of a
	// provisional job. nil: they were evicted for later ones.
	Samples() []metric.Sample
	// Again makes the samples of a sink again, in the same order. They have no
	// positions: there may be more or fewer than before. Nothing is counted, shown or
	// added, so that the totals that are kept here have no meaning in them.
	Again(sink string) []metric.Sample
}

// Job is what one sink has to deliver of one chunk: positions, which are Record.Index
// for a sink of logs, and indices into Samples for a sink of metrics. Each is settled
// once, as delivered or dropped, and counted. Its methods may be called from any
// goroutine.
type Job struct {
	// Tag is Fluent Bit's tag of the chunk.
	Tag string
	// Arrived is when the chunk came first.
	Arrived timefix.Instant
	// Provisional means that the samples' times may still be repaired, until the job is
	// passed to Send: the wall clock was not set when the chunk arrived.
	Provisional bool

	sink      string
	telemetry Telemetry

	mu     sync.Mutex
	source Source // nil while there is no payload
	done   Set
	open   int
}

// JobSpec is the argument of NewJob.
type JobSpec struct {
	Tag     string
	Arrived timefix.Instant
	// Provisional is Job's.
	Provisional bool
	Sink        string // its name
	Telemetry   Telemetry
	Source      Source
	// Open is how many positions the sink has to settle, at least 1; Skip are positions
	// that are not for it.
	Open int
	Skip Set
}

// NewJob creates a job. Only the pipeline and tests call it.
func NewJob(s JobSpec) *Job {
	if s.Telemetry == nil {
		s.Telemetry = NoTelemetry{}
	}
	return &Job{Tag: s.Tag, Arrived: s.Arrived, Provisional: s.Provisional, sink: s.Sink, telemetry: s.Telemetry,
		source: s.Source, done: s.Skip, open: s.Open}
}

// Attach sets the job's payload; nil removes it: Records and Samples then return
// nothing. The caller must know that neither is running when it removes it.
func (j *Job) Attach(s Source) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.source = s
}

// Inherit makes the job count with another Telemetry: that of the instance that takes it
// over. No other method may be running.
func (j *Job) Inherit(t Telemetry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.telemetry = t
}

// Records yields the records of open positions, until yield is false. Those that are
// settled meanwhile are still yielded.
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

// Samples returns the chunk's samples, those of settled positions included; the
// position of each is its index. They may be kept. nil means that there is no payload,
// or that the samples were evicted for later ones.
func (j *Job) Samples() []metric.Sample {
	j.mu.Lock()
	source := j.source
	j.mu.Unlock()
	if source == nil {
		return nil
	}
	return source.Samples()
}

// Again makes the samples again from the payload; ok is false if there is none. See
// Source.
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

// IsDone reports whether a position is settled, or not for this sink.
func (j *Job) IsDone(position int) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.done.Has(position)
}

// Deliver settles positions as delivered, and counts those that were open.
func (j *Job) Deliver(positions ...int) {
	j.DeliverEach(len(positions), func(k int) int { return positions[k] })
}

// DeliverEach is Deliver for n positions; at returns the k-th.
func (j *Job) DeliverEach(n int, at func(k int) int) {
	n = j.mark(n, at)
	if n > 0 {
		j.telemetry.Delivered(j.sink, n)
	}
}

// Drop settles positions as dropped, and counts those that were open.
func (j *Job) Drop(reason string, positions ...int) {
	j.DropEach(reason, len(positions), func(k int) int { return positions[k] })
}

// DropEach is Drop for n positions; at returns the k-th.
func (j *Job) DropEach(reason string, n int, at func(k int) int) {
	n = j.mark(n, at)
	if n > 0 {
		j.telemetry.Dropped(j.sink, reason, n)
	}
}

// Absorb settles positions, and counts them as adjusted: they are not sent on their
// own, for example because a later value includes theirs. An empty reason counts
// nothing.
func (j *Job) Absorb(reason string, positions ...int) {
	j.AbsorbEach(reason, len(positions), func(k int) int { return positions[k] })
}

// AbsorbEach is Absorb for n positions; at returns the k-th.
func (j *Job) AbsorbEach(reason string, n int, at func(k int) int) {
	n = j.mark(n, at)
	if n > 0 && reason != "" {
		j.telemetry.Adjusted(j.sink, reason, n)
	}
}

// DropAll drops everything that is open, and returns how many positions that were.
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

// mark adds positions to done, and returns how many of them were open. After DropAll
// none is.
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

// Bytes is the memory that a job uses, without its payload and samples.
func (j *Job) Bytes() int {
	const fixed = 192
	j.mu.Lock()
	defer j.mu.Unlock()
	return fixed + j.done.Bytes()
}
