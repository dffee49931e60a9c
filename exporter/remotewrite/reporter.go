package remotewrite

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	dto "github.com/prometheus/client_model/go"

	"out_edge/plugin/chunk"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// DefaultReportEvery is ReporterConfig.Every's default.
const DefaultReportEvery = time.Minute

// ReporterConfig is what a Reporter sends, and when.
type ReporterConfig struct {
	// Gather collects the series, like the method of a prometheus.Registry. It is called
	// by one goroutine at a time. Series that it returns with an error are still sent.
	Gather func() ([]*dto.MetricFamily, error)
	// Every is the time between two reports, and before the first;
	// DefaultReportEvery.
	Every time.Duration
	// ClockSet reports whether the clock's time can be used for samples; while it is
	// false, there is no report. nil is always true.
	ClockSet func(timefix.Instant) bool
}

// reporter sends gathered series from time to time, as if they were a chunk: each
// report has the current values, so that in an outage later reports replace earlier
// ones.
type reporter struct {
	sink   *Sink
	cfg    ReporterConfig
	faults *delivery.FaultLog
	families

	cancel context.CancelFunc
	ended  chan struct{}
}

// Report starts the Sink's Reporter, once. Close ends it.
func (s *Sink) Report(cfg ReporterConfig) {
	if cfg.Every <= 0 {
		cfg.Every = DefaultReportEvery
	}
	if cfg.ClockSet == nil {
		cfg.ClockSet = func(timefix.Instant) bool { return true }
	}
	ctx, cancel := context.WithCancel(context.Background())
	elapsed := func() time.Duration { return s.clock.Now().Elapsed() }
	r := &reporter{sink: s, cfg: cfg, faults: delivery.NewFaultLog(s.log, elapsed), cancel: cancel, ended: make(chan struct{})}
	s.reporter = r
	go r.run(ctx)
}

// close ends the Reporter. It returns ctx's error if that ends first. It may be
// called more than once, and on nil.
func (r *reporter) close(ctx context.Context) error {
	if r == nil {
		return nil
	}
	r.cancel()
	select {
	case <-r.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close reporter: %w", ctx.Err())
	}
}

func (r *reporter) run(ctx context.Context) {
	defer close(r.ended)
	ticker := time.NewTicker(r.cfg.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			r.report()
		}
	}
}

// report makes one report. It recovers from panics, since nothing above this goroutine
// does: a panic costs the report.
func (r *reporter) report() {
	defer func() {
		if p := recover(); p != nil {
			r.faults.Fail("panic", true, "panic in the report of the plugin's own series: please report this; the series are left out",
				"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	now := r.sink.clock.Now()
	if !r.cfg.ClockSet(now) {
		return
	}
	all, err := r.cfg.Gather()
	if err != nil {
		r.faults.Fail("gather", true, "some of the plugin's own series cannot be gathered", "error", err)
	}
	samples, ended := r.samples(all, now.Wall)
	r.admit(now, samples)
	for _, s := range ended {
		r.sink.Expire(s)
	}
	if wake := r.sink.wake.Load(); wake != nil && len(samples)+len(ended) > 0 {
		(*wake)() // for all of it: a marker that came later would wait for the next report
	}
	if err == nil {
		r.faults.OK("the plugin's own series are reported again")
	}
}

// admit adds samples for the next Send.
func (r *reporter) admit(now timefix.Instant, samples reported) {
	if len(samples) == 0 {
		return
	}
	s := r.sink
	s.Admit(delivery.NewJob(delivery.JobSpec{
		Arrived: now, Sink: s.Name(), Telemetry: s.telemetry, Source: samples, Open: len(samples),
	}))
}

// reported is a report, as a chunk's Source.
type reported []metric.Sample

// Records yields none.
func (reported) Records(func(*chunk.Record, int64) bool) {}

// Samples returns the report's.
func (s reported) Samples() []metric.Sample { return s }

// Again makes none: all are kept ones.
func (reported) Again(string) []metric.Sample { return nil }
