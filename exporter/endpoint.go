package exporter

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"out_edge/exporter/registry"
	"out_edge/exporter/web"
	"out_edge/timefix"
)

// endpoint is what one address serves.
type endpoint struct {
	key           string // in Exporter.endpoints
	webConfigFile string
	device        string // the status page's title
	log           *slog.Logger
	clock         timefix.Clock
	page          *registry.Page
	registry      *prometheus.Registry
	server        *web.Server  // nil when nothing is served
	scraped       atomic.Int64 // last request of /metrics, in ns of Instant.Elapsed

	panicOnce sync.Once // for panicWriting

	mu        sync.Mutex
	instances []*Instance

	sweep   chan struct{} // signals the sweeper that the instances have changed
	done    chan struct{}
	sweeper sync.WaitGroup
}

// newEndpoint starts the endpoint of cfg's address; key is empty if it serves nothing.
func newEndpoint(e *Exporter, key string, cfg Config) *endpoint {
	p := &endpoint{
		key: key, webConfigFile: cfg.WebConfigFile, device: deviceName(cfg), log: e.log, clock: e.clock,
		registry: prometheus.NewRegistry(), sweep: make(chan struct{}, 1), done: make(chan struct{}),
	}
	p.page = registry.NewPage(p.log, p.panicWriting)
	// Both have no descriptions, so the registry checks each series when it is
	// collected, and a bad one does not affect the others.
	p.registry.MustRegister(prometheus.CollectorFunc(p.collectSeries), prometheus.CollectorFunc(p.collectTelemetry))
	p.sweeper.Go(p.sweepLoop)
	if key != "" {
		p.server = web.Start(web.Config{Listen: cfg.Listen, ConfigFile: cfg.WebConfigFile, Handler: p.handler(), Log: p.log})
	}
	return p
}

// collectSeries sends the page's series to the registry, after expiry.
func (p *endpoint) collectSeries(ch chan<- prometheus.Metric) {
	p.expire()
	p.page.Collect(ch)
}

// collectTelemetry sends the plugin's own series of all instances to the registry.
func (p *endpoint) collectTelemetry(ch chan<- prometheus.Metric) {
	for _, m := range p.attached() {
		m.cfg.Telemetry.Collect(ch)
	}
}

// deviceName is the status page's title.
func deviceName(cfg Config) string {
	if cfg.Device != "" {
		return cfg.Device
	}
	name, err := os.Hostname()
	if err != nil {
		return "out_edge"
	}
	return name
}

// attach adds an instance.
func (p *endpoint) attach(e *Exporter, cfg Config) *Instance {
	m := newInstance(e, p, cfg)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.instances = append(p.instances, m)
	p.resweep()
	return m
}

// detach removes an instance with its series; last says that none is left.
func (p *endpoint) detach(m *Instance) (last bool) {
	m.retire()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.instances = slices.DeleteFunc(p.instances, func(x *Instance) bool { return x == m })
	p.resweep()
	return len(p.instances) == 0
}

// attached returns a copy of the list of instances.
func (p *endpoint) attached() []*Instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.instances)
}

func (p *endpoint) unlisten() {
	if p.server != nil {
		p.server.Unlisten()
	}
}

// stop ends the page's goroutines.
func (p *endpoint) stop(ctx context.Context) error {
	close(p.done)
	p.sweeper.Wait()
	if p.server == nil {
		return nil
	}
	return p.server.Stop(ctx)
}

// expire removes series that have outlived their instance's ttl.
func (p *endpoint) expire() {
	defer func() { // nothing above the sweeper, nor a scrape's collectors, recovers
		if r := recover(); r != nil {
			logPanic(p.log, "panic while series expire: please report this", r)
		}
	}()
	now := p.clock.Now()
	for _, m := range p.attached() {
		m.registry.Expire(now)
	}
}

// panicWriting logs the first panic of a series that is written to the page.
func (p *endpoint) panicWriting(r any) {
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
func (p *endpoint) sweepLoop() {
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

// sweepInterval is a tenth of the shortest ttl, within limits that let the CPU sleep; 0
// if nothing ever expires.
func (p *endpoint) sweepInterval() time.Duration {
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

func (p *endpoint) resweep() {
	select {
	case p.sweep <- struct{}{}:
	default:
	}
}
