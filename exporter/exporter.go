package exporter

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"out_edge/exporter/telemetry"
	"out_edge/exporter/web"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// Exporter holds the endpoints of the process, one for each listen address. It is
// safe for concurrent use.
type Exporter struct {
	log         *slog.Logger
	clock       timefix.Clock
	telemetries telemetry.Group
	series      metric.Interner

	mu        sync.Mutex
	endpoints map[string]*endpoint // by endpointKey
}

// New creates an Exporter without endpoints.
func New(log *slog.Logger, clock timefix.Clock) *Exporter {
	return &Exporter{log: log, clock: clock, endpoints: make(map[string]*endpoint)}
}

// Series creates the series of all instances: equal ones have the same pointer in the
// whole process.
func (e *Exporter) Series() *metric.Interner { return &e.series }

// Telemetry creates the plugin's own series for an instance that is not open yet: put
// it into the Config, or close it. The label output distinguishes those of several
// instances. The error is that of Open.
func (e *Exporter) Telemetry(cfg Config) (*telemetry.Telemetry, error) {
	cfg, err := cfg.prepare()
	if err != nil {
		return nil, err
	}
	if err := web.CheckConfigFile(cfg.WebConfigFile); err != nil {
		return nil, err
	}
	tc := telemetry.Config{Prefix: cfg.Prefix, Labels: utf8Labels(cfg.Labels), Version: cfg.Version, Clock: e.clock, First: e.logFirst}
	t := e.telemetries.Open(cfg.Output, tc)
	for _, sink := range cfg.Sinks {
		t.AddSink(sink, delivery.DropReasons(sink), delivery.AdjustReasons(sink))
	}
	return t, nil
}

// logFirst logs what to do about a reason for which nothing was dropped or adjusted so
// far.
func (e *Exporter) logFirst(sink, reason, cure string, n int) {
	e.log.Warn("dropped or adjusted for the first time; later ones are only counted", "sink", sink, "reason", reason, "count", n, "cure", cure)
}

// Open adds an instance to the endpoint of cfg.Listen, and starts the endpoint for the
// first instance. The error lists all settings that can never work. A fault that may go
// away is no error: a busy port, a web config file that is missing or names a missing
// file. It is logged once and retried in the background.
func (e *Exporter) Open(cfg Config) (*Instance, error) {
	cfg, err := cfg.prepare()
	if err == nil && cfg.Telemetry == nil {
		cfg.Telemetry, err = e.Telemetry(cfg)
	}
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	p, err := e.endpoint(cfg)
	if err != nil {
		cfg.Telemetry.Close()
		return nil, err
	}
	return p.attach(e, cfg), nil
}

// endpoint returns the endpoint of cfg, and starts it if needed; the caller holds e.mu.
func (e *Exporter) endpoint(cfg Config) (*endpoint, error) {
	if cfg.Listen == ListenOff {
		return newEndpoint(e, "", cfg), nil
	}
	key := endpointKey(cfg.Listen)
	if p := e.endpoints[key]; p != nil {
		if p.webConfigFile != cfg.WebConfigFile {
			return nil, fmt.Errorf("`web_config_file` = %q: another output on %s has %q, and one address can have only one: give both the same, or another `listen`",
				cfg.WebConfigFile, cfg.Listen, p.webConfigFile)
		}
		return p, nil
	}
	p := newEndpoint(e, key, cfg)
	e.endpoints[key] = p
	return p, nil
}

// close removes m from its endpoint. The address is released before the lock, so that
// the next instance can use it.
func (e *Exporter) close(ctx context.Context, m *Instance) error {
	e.mu.Lock()
	p := m.endpoint
	last := p.detach(m)
	if last {
		delete(e.endpoints, p.key)
		p.unlisten()
	}
	e.mu.Unlock()
	m.cfg.Telemetry.Close()
	if !last {
		return nil
	}
	return p.stop(ctx)
}
