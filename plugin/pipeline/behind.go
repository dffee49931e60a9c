package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"out_edge/plugin/delivery"
	"out_edge/plugin/record"
)

// queues tells whether this flush goes through the queue.
func (p *Pipeline) queues(thread int) bool {
	switch {
	case !p.sends():
		return false // nothing here can block
	case p.cfg.Mode != Auto:
		return p.cfg.Mode == Queue
	case thread != p.thread:
		return false
	}
	p.warnQueue.Do(func() {
		p.log.Warn("flushes run on Fluent Bit's engine thread, so chunks wait in memory and are lost if the agent dies: " +
			"add `workers 1` to this output, and Fluent Bit keeps them until they are delivered")
	})
	return true
}

// enqueue answers at once: the page has the chunk when it returns, the receivers
// get it from behind.
func (p *Pipeline) enqueue(tag string, payload []byte, t *try) error {
	if err := p.survey(tag, payload, t); err != nil {
		return err
	}
	if !p.queue.offer(tag, payload, t) {
		return &delivery.RetryError{Err: errFull}
	}
	return nil
}

// deliverQueued is one try of a queued chunk; nil when it is settled or beyond
// help. No trampoline stands over this goroutine: a panic costs the chunk.
func (p *Pipeline) deliverQueued(it *item) (err error) {
	defer func() {
		if r := recover(); r != nil {
			p.log.Error("panic in delivery: please report this; the chunk is dropped", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			p.countAbandoned(it, "panic")
			err = nil
		}
	}()
	if err = p.deliver(it.tag, it.payload, it.try); isRetry(err) {
		return err
	}
	return nil
}

// Close stops the instance: the queue gets until the end of ctx to drain, and
// what is left is counted and logged. Later calls, and flushes, do nothing.
func (p *Pipeline) Close(ctx context.Context) (err error) {
	p.closed.Do(func() {
		p.queue.close()
		for _, r := range []*rest{&p.logsRest, &p.metricsRest, &p.remoteRest} {
			r.end()
		}
		stop := context.AfterFunc(ctx, p.cancel)
		p.worker.Wait()
		stop()
		p.cancel()
		p.abandon()
		err = p.closeSinks(ctx)
	})
	return err
}

func (p *Pipeline) closeSinks(ctx context.Context) (err error) {
	if p.datadog != nil {
		err = p.datadog.Close(ctx)
	}
	if remote := p.remote.Load(); remote != nil {
		err = errors.Join(err, p.reporter.Close(ctx), remote.Close(ctx))
	}
	return errors.Join(err, p.metrics.Close(ctx))
}

// abandon counts what the queue still holds, and says it: the page goes with the
// instance.
func (p *Pipeline) abandon() {
	chunks, logs, samples := 0, 0, 0
	for it, _ := p.queue.front(); it != nil; it, _ = p.queue.front() {
		l, s := p.countAbandoned(it, "shutdown")
		chunks, logs, samples = chunks+1, logs+l, samples+s
		p.queue.pop()
	}
	if chunks > 0 {
		p.log.Error(fmt.Sprintf("stopped with %d chunks (%d logs, %d metric samples) undelivered in memory: `workers 1` keeps them in Fluent Bit's buffer", chunks, logs, samples))
	}
}

// countAbandoned counts what of an item no sink is done with, as dropped.
func (p *Pipeline) countAbandoned(it *item, reason string) (logs, samples int) {
	t, self := it.try, p.metrics.Self()
	if p.datadog != nil {
		logs = unsettledLogs(it)
		samples = unsettled(t.samples, &t.metrics)
		self.Dropped(delivery.SinkDatadog, reason, logs)
		self.Dropped(delivery.SinkDatadogMetrics, reason, samples)
	}
	if p.cfg.RemoteWrite != nil {
		n := unsettled(t.samples, &t.remote)
		self.Dropped(delivery.SinkRemoteWrite, reason, n)
		samples = max(samples, n)
	}
	return logs, samples
}

// unsettledLogs is the number of an item's log records that are not done with.
func unsettledLogs(it *item) (n int) {
	var d record.Decoder
	for d.Reset(it.payload); d.Next(); {
		if !it.try.logs.Has(d.Record().Index) {
			n++
		}
	}
	return n
}

// unsettled is the number of samples that are not in done.
func unsettled(samples []record.Sample, done *delivery.Set) (n int) {
	for i := range samples {
		if !done.Has(i) {
			n++
		}
	}
	return n
}
