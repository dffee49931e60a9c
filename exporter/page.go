package exporter

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"out_edge/exporter/web"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// page is what one address serves.
type page struct {
	key           string // in Hub.pages
	webConfigFile string
	log           *slog.Logger
	clock         timefix.Clock
	store         *store
	registry      *prometheus.Registry
	server        *web.Server // nil when nothing is served
	status        *statusPage
	scraped       atomic.Int64 // when /metrics was last asked for, by arrival's clock

	panicOnce sync.Once // for panicWriting

	mu        sync.Mutex
	instances []*Metrics
	selves    map[string]*Self // by selfKey

	// expiring orders what OnExpire is told.
	expiring sync.Mutex
	sweep    chan struct{} // tells the sweeper that the instances have changed
	done     chan struct{}
	sweeper  sync.WaitGroup
}

// newPage starts a page for cfg's address; key is empty for one that serves
// nothing.
func newPage(h *Hub, key string, cfg Config) *page {
	p := &page{
		key: key, webConfigFile: cfg.WebConfigFile, log: h.log, clock: h.clock,
		registry: prometheus.NewRegistry(), selves: make(map[string]*Self),
		sweep: make(chan struct{}, 1), done: make(chan struct{}),
	}
	p.store = newStore(p.panicWriting)
	p.registry.MustRegister(seriesCollector{p}, selfCollector{p}) // both are unchecked: neither can fail
	p.status = &statusPage{page: p, device: deviceName(cfg)}
	p.sweeper.Go(p.sweepLoop)
	if key != "" {
		p.server = web.Start(web.Config{Listen: cfg.Listen, ConfigFile: cfg.WebConfigFile, Handler: p.handler(), Log: p.log})
	}
	return p
}

// attach adds an instance.
func (p *page) attach(h *Hub, cfg Config) *Metrics {
	m := newMetrics(h, p, cfg)
	p.mu.Lock()
	defer p.mu.Unlock()
	m.self = p.selfFor(m)
	p.instances = append(p.instances, m)
	p.resweep()
	return m
}

// selfFor finds or makes the self series for m; the caller holds p.mu.
func (p *page) selfFor(m *Metrics) *Self {
	key := selfKey(m.cfg.Prefix, m.labels)
	s := p.selves[key]
	if s == nil {
		s = newSelf(p.clock, m.cfg, m.labels)
		p.selves[key] = s
		p.eachName(m.cfg.Prefix, p.store.reserve)
	}
	s.users++
	s.prepare(m.cfg)
	return s
}

// detach removes an instance with its series; last says that none is left.
func (p *page) detach(m *Metrics) (last bool) {
	m.retire()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.instances = slices.DeleteFunc(p.instances, func(x *Metrics) bool { return x == m })
	if m.self.users--; m.self.users == 0 {
		delete(p.selves, selfKey(m.cfg.Prefix, m.labels))
		p.eachName(m.cfg.Prefix, p.store.release)
	}
	p.resweep()
	return len(p.instances) == 0
}

// eachName goes through the self series' names.
func (p *page) eachName(prefix string, do func(string, metric.Kind)) {
	for i := range selfTable {
		do(selfTable[i].name(prefix), selfTable[i].kind)
	}
}

// attached is a copy of the list of instances.
func (p *page) attached() []*Metrics {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.instances)
}

func (p *page) unlisten() {
	if p.server != nil {
		p.server.Unlisten()
	}
}

// stop ends the page's goroutines.
func (p *page) stop(ctx context.Context) error {
	close(p.done)
	p.sweeper.Wait()
	if p.server == nil {
		return nil
	}
	return p.server.Stop(ctx)
}

// expire drops what has outlived its instance's ttl.
func (p *page) expire() {
	defer func() { // no trampoline stands over the sweeper, nor over a scrape's collectors
		if r := recover(); r != nil {
			logPanic(p.log, "panic while series expire: please report this", r)
		}
	}()
	p.expiring.Lock()
	defer p.expiring.Unlock()
	now := p.clock.Now()
	for _, m := range p.attached() {
		for _, id := range m.takeExpired(now) {
			m.cfg.OnExpire(id)
		}
	}
}

// panicWriting logs the first panic of a series that is written to the page.
func (p *page) panicWriting(r any) {
	p.panicOnce.Do(func() {
		logPanic(p.log, "panic while a series is written, which is left out of /metrics: please report this; it is said once", r)
	})
}

// logPanic is for the function that recovers.
func logPanic(log *slog.Logger, text string, r any) {
	log.Error(text, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
}

// sweepLoop expires series that nobody scrapes, so that they leave memory and
// the series limit.
func (p *page) sweepLoop() {
	for {
		var tick <-chan time.Time
		if every := p.sweepInterval(); every > 0 {
			tick = time.After(every)
		}
		select {
		case <-p.done:
			return
		case <-p.sweep:
		case <-tick:
			p.expire()
		}
	}
}

// sweepInterval is a tenth of the shortest ttl, within bounds that spare a
// sleeping CPU; 0 when nothing ever expires.
func (p *page) sweepInterval() time.Duration {
	shortest := time.Duration(0)
	for _, m := range p.attached() {
		if ttl := m.cfg.SeriesTTL; ttl > 0 && (shortest == 0 || ttl < shortest) {
			shortest = ttl
		}
	}
	if shortest == 0 {
		return 0
	}
	return min(max(shortest/10, time.Second), time.Minute)
}

func (p *page) resweep() {
	select {
	case p.sweep <- struct{}{}:
	default:
	}
}

// selfKey tells the self series of one prefix and label set from another's.
func selfKey(prefix string, labels []metric.Label) string {
	return string(appendKey(nil, &metric.Series{Name: prefix, Labels: labels}))
}
