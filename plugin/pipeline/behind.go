package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
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
	if open := p.open(t); open.any() && !p.queue.offer(tag, payload, t, open) {
		return &delivery.RetryError{Err: errFull}
	}
	return nil
}

// deliverQueued goes through the queue once, oldest first, and offers each chunk
// to the sinks that it waits for and that do not pause. Where a pause ends
// meanwhile it stops, as that sink is to begin with the oldest again: the signal
// for the next round has been given.
func (p *Pipeline) deliverQueued() {
	held := p.pauses.held()
	for e := p.queue.after(nil); e != nil && p.ctx.Err() == nil; {
		next := p.queue.after(e)
		it := e.Value.(*item)
		if tried := it.open.without(held); tried.any() {
			p.deliverItem(it, held)
			p.pauses.note(tried, it.open)
			held = held.with(it.open.without(held))
		}
		if !it.open.any() {
			p.queue.remove(e)
		}
		if held.without(p.pauses.held()).any() {
			return
		}
		e = next
	}
}

// deliverItem is one try of a queued chunk; what it then still waits for is in
// it.open: nothing, when it is beyond help. No trampoline stands over this
// goroutine: a panic costs the chunk.
func (p *Pipeline) deliverItem(it *item, held lanes) {
	defer func() {
		if r := recover(); r != nil {
			p.log.Error("panic in delivery: please report this; the chunk is dropped", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			p.countGone(it.try, "panic")
			it.open = lanes{}
		}
	}()
	err := p.deliver(it.tag, it.payload, it.try, held)
	it.open = lanes{}
	if isRetry(err) {
		it.open = p.open(it.try)
	}
}

// Close stops the instance: the queue gets until the end of ctx to drain, and
// what is left is counted and logged. Later calls, and flushes, do nothing.
func (p *Pipeline) Close(ctx context.Context) (err error) {
	p.closed.Do(func() {
		for _, r := range []*rest{&p.logsRest, &p.metricsRest, &p.remoteRest} {
			r.end()
		}
		p.queue.close()
		p.pauses.close()
		stop := context.AfterFunc(ctx, p.cancel)
		p.worker.Wait()
		stop()
		p.cancel()
		p.pauses.stop()
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
	if p.metrics != nil {
		err = errors.Join(err, p.metrics.Close(ctx))
	}
	return err
}

// abandon counts what the queue still holds, and says it: the page goes with the
// instance.
func (p *Pipeline) abandon() {
	chunks, logs, samples := 0, 0, 0
	for e := p.queue.after(nil); e != nil; e = p.queue.after(nil) {
		l, s := p.countGone(e.Value.(*item).try, "shutdown")
		chunks, logs, samples = chunks+1, logs+l, samples+s
		p.queue.remove(e)
	}
	if chunks > 0 {
		p.log.Error(fmt.Sprintf("stopped with %d chunks (%d logs, %d metric samples) undelivered in memory: `workers 1` keeps them in Fluent Bit's buffer", chunks, logs, samples))
	}
}

// countGone counts what of a try no sink is done with, and none ever will be, as
// dropped.
func (p *Pipeline) countGone(t *try, reason string) (logs, samples int) {
	if p.datadog != nil {
		logs = t.unsettledLogs()
		p.telemetry.Dropped(delivery.SinkDatadog, reason, logs)
	}
	return logs, p.countSamplesGone(t, reason)
}

func (p *Pipeline) countSamplesGone(t *try, reason string) (samples int) {
	if p.datadog != nil {
		samples = unsettled(t.samples, &t.metrics)
		p.telemetry.Dropped(delivery.SinkDatadogMetrics, reason, samples)
	}
	if p.cfg.RemoteWrite != nil && !p.leaves(t) {
		n := unsettled(t.samples, &t.remote)
		p.telemetry.Dropped(delivery.SinkRemoteWrite, reason, n)
		samples = max(samples, n)
	}
	return samples
}

// leaves tells whether a try's samples wait in remote write's Sender, which sends
// them with those of other chunks, as long as the instance lives.
func (p *Pipeline) leaves(t *try) bool {
	remote := p.remote.Load()
	return remote != nil && p.ctx.Err() == nil && remote.Holds(&t.remote)
}

// unsettled is the number of samples that are not in done.
func unsettled(samples []metric.Sample, done *delivery.Set) (n int) {
	for i := range samples {
		if !done.Has(i) {
			n++
		}
	}
	return n
}
