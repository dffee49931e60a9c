package pipeline

import (
	"context"
	"errors"

	"out_edge/ddsink"
	"out_edge/exporter/remotewrite"
	"out_edge/exporter/rules"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
)

// route selects what of a chunk a sink gets.
type route struct {
	// logs: log records; else samples.
	logs bool
	// wants reports whether a route of config_file leads to the sink.
	wants func(rules.Route) bool
	// noInfo: no series that only describe a source, such as target_info.
	noInfo bool
}

// sinkRow is one sink that an instance can have.
type sinkRow struct {
	name string
	// isOn reports whether the user has set it up.
	isOn func(*Config) bool
	open func(*Pipeline) (delivery.Sink, error)
	route
}

// sinkTable lists all sinks.
func sinkTable() []sinkRow {
	hasDatadog := func(c *Config) bool { return c.Datadog != nil }
	return []sinkRow{
		{delivery.SinkDatadog, hasDatadog, openLogs, route{logs: true, wants: func(r rules.Route) bool { return r.Datadog }}},
		{delivery.SinkDatadogMetrics, hasDatadog, openMetrics, route{wants: func(r rules.Route) bool { return r.DatadogMetrics }, noInfo: true}},
		{delivery.SinkRemoteWrite, func(c *Config) bool { return c.RemoteWrite != nil }, openRemoteWrite,
			route{wants: func(r rules.Route) bool { return r.RemoteWrite }}},
	}
}

// sinks returns the sinks that are set up.
func (c *Config) sinks() (on []sinkRow) {
	for _, row := range append(sinkTable(), c.moreSinks...) {
		if row.isOn(c) {
			on = append(on, row)
		}
	}
	return on
}

func (c *Config) sinkNames() (names []string) {
	for _, row := range c.sinks() {
		names = append(names, row.name)
	}
	return names
}

// openSinks creates a worker for each sink.
func (p *Pipeline) openSinks() error {
	if p.cfg.Datadog == nil {
		p.log.Info("no apikey: nothing goes to Datadog; set `apikey`, `apikey_file` or DD_API_KEY to change that")
	}
	for _, row := range p.cfg.sinks() {
		sink, err := row.open(p)
		if err != nil {
			return err
		}
		p.workers = append(p.workers, newWorker(p, sink, row.route))
	}
	return nil
}

// Destination is a sink and the address that it sends to.
type Destination struct {
	Sink string // its name
	// Address has no secret and may be shown.
	Address string
}

// Destinations returns the sinks that are set up.
func (p *Pipeline) Destinations() (all []Destination) {
	for _, w := range p.workers {
		d := Destination{Sink: w.sink.Name()}
		if a, ok := w.sink.(interface{ Address() string }); ok {
			d.Address = a.Address()
		}
		all = append(all, d)
	}
	return all
}

func (p *Pipeline) closeSinks(ctx context.Context) (err error) {
	for _, w := range p.workers {
		err = errors.Join(err, w.sink.Close(ctx))
	}
	return err
}

// datadog returns the account that both of Datadog's sinks use.
func (p *Pipeline) datadog() (_ *ddsink.Account, err error) {
	if p.account == nil {
		p.account, err = ddsink.Open(*p.cfg.Datadog, ddsink.Deps{Clock: p.clock, Log: p.log, Telemetry: p.telemetry})
	}
	return p.account, err
}

func openLogs(p *Pipeline) (delivery.Sink, error) {
	account, err := p.datadog()
	if err != nil {
		return nil, err
	}
	return account.Logs()
}

func openMetrics(p *Pipeline) (delivery.Sink, error) {
	account, err := p.datadog()
	if err != nil {
		return nil, err
	}
	return account.Metrics()
}

// expirer is a sink that needs to know when gauges expire.
type expirer interface{ Expire(s *metric.Series) }

// expired tells the sinks that a gauge has expired.
func (p *Pipeline) expired(s *metric.Series) {
	for _, w := range p.workers {
		if e, ok := w.sink.(expirer); ok {
			e.Expire(s)
		}
	}
}

func openRemoteWrite(p *Pipeline) (delivery.Sink, error) {
	s, err := remotewrite.New(*p.cfg.RemoteWrite, remotewrite.Deps{Clock: p.clock, Log: p.log, Telemetry: p.telemetry})
	if err == nil && p.cfg.RemoteWriteSelf {
		s.Report(remotewrite.ReporterConfig{Gather: p.telemetry.Gather, ClockSet: p.fixer.ClockSet})
	}
	return s, err
}
