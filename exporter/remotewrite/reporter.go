package remotewrite

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	dto "github.com/prometheus/client_model/go"

	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// DefaultReportEvery is ReporterConfig.Every's default.
const DefaultReportEvery = time.Minute

// ReporterConfig is what a Reporter sends, and when.
type ReporterConfig struct {
	// Gather collects the series; the method of a prometheus.Registry is one.
	// It is called by one goroutine at a time. What comes with an error is
	// sent all the same.
	Gather func() ([]*dto.MetricFamily, error)
	// Every is the time between two reports, and before the first;
	// DefaultReportEvery.
	Every time.Duration
	// Believable tells whether samples can be stamped with an instant of the
	// clock; while it says no, there is no report. nil believes all.
	Believable func(timefix.Instant) bool
}

// Reporter sends gathered series through a Sender from time to time, each report
// once: what a receiver does not take is dropped and counted, as the next report
// holds later totals.
type Reporter struct {
	sender *Sender
	cfg    ReporterConfig
	faults *delivery.FaultLog
	families

	cancel   context.CancelFunc
	ended    chan struct{}
	failures atomic.Uint64
}

// Report starts a Reporter. It must be closed, before the Sender.
func (s *Sender) Report(cfg ReporterConfig) *Reporter {
	if cfg.Every <= 0 {
		cfg.Every = DefaultReportEvery
	}
	if cfg.Believable == nil {
		cfg.Believable = func(timefix.Instant) bool { return true }
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &Reporter{
		sender: s, cfg: cfg, faults: delivery.NewFaultLog(s.log, s.elapsed),
		cancel: cancel, ended: make(chan struct{}),
	}
	go r.run(ctx)
	return r
}

// Close ends the Reporter, and a report that is under way. It returns ctx's error
// if that ends first. It may be called more than once, and on nil.
func (r *Reporter) Close(ctx context.Context) error {
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

// Failures is how many reports could not be gathered or sent as a whole.
func (r *Reporter) Failures() uint64 { return r.failures.Load() }

func (r *Reporter) run(ctx context.Context) {
	defer close(r.ended)
	ticker := time.NewTicker(r.cfg.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			r.report(ctx)
		}
	}
}

// report makes one report. Nobody stands over this goroutine: a panic costs the
// report.
func (r *Reporter) report(ctx context.Context) {
	defer func() {
		if p := recover(); p != nil {
			r.failures.Add(1)
			r.faults.Fail("panic", true, "panic in the report of the plugin's own series: please report this; the series are left out",
				"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	now := r.sender.clock.Now()
	if !r.cfg.Believable(now) {
		return
	}
	all, err := r.cfg.Gather()
	if err != nil {
		r.faults.Fail("gather", true, "some of the plugin's own series cannot be gathered", "error", err)
	}
	samples, ended := r.samples(all, now.Wall)
	for _, s := range ended {
		r.sender.Expire(s)
	}
	if sent := r.send(ctx, samples); sent && err == nil {
		r.faults.OK("the plugin's own series are reported again")
	} else {
		r.failures.Add(1)
	}
}

// send offers samples once. Why they are not accepted is logged by the Sender.
func (r *Reporter) send(ctx context.Context, samples []metric.Sample) bool {
	ctx, cancel := context.WithTimeout(ctx, r.sender.cfg.Timeout)
	defer cancel()
	var done delivery.Set
	if r.sender.Send(ctx, samples, &done) == nil {
		return true
	}
	if left := r.sender.forget(&done); left > 0 {
		r.sender.meter.Dropped(delivery.SinkRemoteWrite, superseded.String(), left)
	}
	return false
}
