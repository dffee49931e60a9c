package pipeline

import (
	"errors"
	"sync"
	"time"

	"out_edge/exporter"
	"out_edge/plugin/chunk"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// chunkState is what is known of one chunk from its first flush until every sink has
// settled its part. Between two flushes it is in retryState.
type chunkState struct {
	p   *Pipeline
	tag string
	// arrived is the instant of the chunk's first flush.
	arrived timefix.Instant
	// began is the start of the running flush.
	began timefix.Instant
	// payload is set while a flush of the chunk runs.
	payload []byte
	// ingested is set once the chunk was decoded for the first time: nothing is shown or
	// counted again. timesFinal is set once its times were repaired with a wall clock
	// that was set.
	ingested, timesFinal bool
	// event is set for a metrics event; note is what the page did with it, or nil.
	event bool
	note  *exporter.Note
	// session repairs the chunk's times like its ingestion did.
	session timefix.Session
	// jobs are what the sinks have to deliver, by worker; nil if nothing.
	jobs []*delivery.Job

	// held: the running flush waits through outages, and the chunk is part of the
	// backlog. owned: the payload is a copy, which Fluent Bit does not know. parked: it
	// came with all that were flushed together.
	held, owned, parked bool

	mu      sync.Mutex
	samples []metric.Sample // made by the ingestion
	// For the running flush: unreported tasks, why some are not settled, and what to
	// call when all are reported.
	pending int
	err     error
	done    func(error)
}

// Records decodes the payload again; see delivery.Source.
func (t *chunkState) Records(yield func(rec *chunk.Record, unixNano int64) bool) {
	s := t.p.scratch.Get().(*scratch)
	defer t.p.release(s)
	session := t.replay()
	s.decoder.Reset(t.payload)
	for s.decoder.Next() {
		rec := s.decoder.Record()
		if !yield(rec, repair(&session, rec).UnixNano) {
			return
		}
	}
}

// Samples returns those of the ingestion; see delivery.Source.
func (t *chunkState) Samples() []metric.Sample {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.samples
}

// smallStep is the largest correction of the wall clock after which the times of a
// chunk need not be repaired again.
const smallStep = time.Second

// replay repairs the times like the ingestion did, unless the wall clock was set since.
func (t *chunkState) replay() timefix.Session {
	arrived := t.rebased(t.p.clock.Now())
	if step := arrived.Wall - t.arrived.Wall; -int64(smallStep) < step && step < int64(smallStep) {
		return t.session
	}
	return t.p.fixer.Begin(t.tag, arrived, true)
}

// rebased is the arrival by the wall clock as it is now, computed from the time since
// boot: the clock may have been set meanwhile.
func (t *chunkState) rebased(now timefix.Instant) timefix.Instant {
	return timefix.Instant{Wall: now.Wall - (now.Boot - t.arrived.Boot), Boot: t.arrived.Boot}
}

// isOpen reports whether a sink has not settled its part.
func (t *chunkState) isOpen() bool {
	for _, j := range t.jobs {
		if j != nil && j.Open() > 0 {
			return true
		}
	}
	return false
}

// dropAll drops what no sink has settled, and returns how many logs and samples that
// were; a sample counts once, however many sinks wanted it.
func (t *chunkState) dropAll(reason string) (logs, samples int) {
	for i, j := range t.jobs {
		if j == nil {
			continue
		}
		if n := j.DropAll(reason); t.p.workers[i].logs {
			logs = max(logs, n)
		} else {
			samples = max(samples, n)
		}
	}
	return logs, samples
}

// offer passes the open jobs to their workers. done is called once all of them are
// settled or given back: with nil, or with the reason why not all are settled. The
// payload must be valid until then.
func (t *chunkState) offer(done func(error)) {
	var tasks []*task
	for i, j := range t.jobs {
		if j != nil && j.Open() > 0 {
			j.Attach(t)
			tasks = append(tasks, &task{Job: j, chunk: t, worker: t.p.workers[i]})
		}
	}
	t.pending, t.err, t.done = len(tasks)+1, nil, done
	for _, one := range tasks {
		one.worker.add(one)
	}
	t.report(nil, nil)
}

// report is called once for each task when it is settled, or given back with an error.
func (t *chunkState) report(one *task, err error) {
	if one != nil {
		one.Attach(nil)
	}
	t.mu.Lock()
	t.pending--
	t.err = errors.Join(t.err, err)
	last, err, done := t.pending == 0, t.err, t.done
	t.mu.Unlock()
	if last {
		done(err)
	}
}
