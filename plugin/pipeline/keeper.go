package pipeline

import (
	"slices"
	"strings"
	"sync"
	"time"

	"out_edge/exporter"
	"out_edge/exporter/rules"
	"out_edge/plugin/cmetrics"
	"out_edge/plugin/delivery"
)

// Keeper carries what an instance knows over to the one that replaces it in the same
// process: a hot reload ends all instances and starts them again, and Fluent Bit offers
// again what was under way. What has been delivered is not sent again then, a count
// whose answer was lost goes for the same time again, and totals go on.
//
// The zero value is ready to use, and safe for concurrent use.
type Keeper struct {
	mu   sync.Mutex
	left []*legacy // the oldest first
	open int       // instances
}

// keepLegacy is how long a successor may take to start.
const keepLegacy = 5 * time.Minute

// legacy is what an instance leaves when it has closed. It takes no more room than the
// instance did: what waits is bounded there.
type legacy struct {
	identity string
	expiry   *time.Timer

	retries *retryState
	recent  *recentChunks // nil once joined
	samples *sampleStore
	sinks   []delivery.Sink
	engine  *rules.Engine
	series  *cmetrics.Interner
	totals  exporter.Totals
}

// enter counts an instance that is open.
func (k *Keeper) enter() {
	if k != nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.open++
	}
}

// hasSeveral reports whether several instances are open.
func (k *Keeper) hasSeveral() bool {
	if k == nil {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.open > 1
}

// leave keeps what an instance leaves, for some minutes; l may be nil.
func (k *Keeper) leave(l *legacy) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.open--
	if l == nil {
		return
	}
	k.left = append(k.left, l)
	l.expiry = time.AfterFunc(keepLegacy, func() { k.take(func(other *legacy) bool { return other == l }) })
}

// take removes and returns the oldest legacy that is wanted, or nil.
func (k *Keeper) take(wanted func(*legacy) bool) *legacy {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	i := slices.IndexFunc(k.left, wanted)
	if i < 0 {
		return nil
	}
	k.join()
	l := k.left[i]
	k.left = slices.Delete(k.left, i, i+1)
	l.expiry.Stop()
	return l
}

// join adds to what each instance leaves the chunks that it has settled, and others have
// not: Fluent Bit keeps a chunk until all outputs have it, and after a reload offers it
// to all of them again.
func (k *Keeper) join() {
	for _, l := range k.left {
		for _, other := range k.left {
			if l != other {
				l.recent.moveOpen(other.retries, l.retries)
			}
		}
		l.recent = nil
	}
}

// identity is the same for two instances if the later one can go on where the other has
// ended: the same output with the same receivers. It is empty for one that has nothing
// to go on with. It may hold secrets.
func (p *Pipeline) identity() string {
	if len(p.workers) == 0 {
		return ""
	}
	parts := []string{p.cfg.Metrics.Output}
	for _, w := range p.workers {
		s, ok := w.sink.(delivery.Successor)
		if !ok {
			return ""
		}
		parts = append(parts, w.sink.Name(), s.Receiver())
	}
	return strings.Join(parts, "\x00")
}

// legacy returns what the instance leaves, once its goroutines have ended; nil if nobody
// can go on with it.
func (p *Pipeline) legacy() *legacy {
	l := &legacy{identity: p.identity(), retries: p.retries, recent: &p.recent, samples: p.samples, engine: p.engine, series: p.series, totals: p.metrics.Totals()}
	if l.identity == "" {
		return nil
	}
	for _, w := range p.workers {
		l.sinks = append(l.sinks, w.sink)
	}
	return l
}

// inherit goes on where another instance has ended. It is called before anything waits.
func (p *Pipeline) inherit(k *Keeper) {
	identity := p.identity()
	l := k.take(func(l *legacy) bool { return identity != "" && l.identity == identity })
	if l == nil {
		return
	}
	p.retries, p.samples = l.retries, l.samples
	p.retries.each(p.adopt)
	for i, w := range p.workers {
		w.sink.(delivery.Successor).Inherit(l.sinks[i])
	}
	p.engine.Inherit(l.engine)
	p.series.Inherit(l.series)
	p.cfg.OTLP.Fallen = p.series.OTLP.Fallen
	p.metrics.Inherit(l.totals)
}

// adopt makes a chunk that another instance has ingested one of this instance's.
func (p *Pipeline) adopt(t *chunkState) {
	if t.p == p {
		return
	}
	t.p = p
	for _, j := range t.jobs {
		if j != nil {
			j.Inherit(p.telemetry)
		}
	}
}
