package remotewrite

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"out_edge/plugin/delivery"
	"out_edge/plugin/delivery/outbox"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// Deps is what the owner of a sink gives it.
type Deps = delivery.Deps

// Sink sends to one receiver. It is a delivery.Sink.
type Sink struct {
	clock     timefix.Clock
	telemetry delivery.Telemetry
	box       *outbox.Box[state]
	run       delivery.Run
	batch     batch
	protocol
	reporter *reporter              // nil if the plugin's own series are not sent
	wake     atomic.Pointer[func()] // called when something is waiting

	late []item // older than what the receiver has of their series
	// minLate is how late, in ms, the least late point was that was refused as out of
	// order; later ones are not sent until lateUntil.
	minLate   int64
	lateUntil time.Duration
	// oldUntil is the newest time, in ms, at which a point was refused as out of order
	// although this process had not sent its series: after a restart old chunks may come
	// after newer ones.
	oldUntil int64
}

var (
	_ delivery.Sink      = (*Sink)(nil)
	_ delivery.Successor = (*Sink)(nil)
)

// idleTimeout is longer than a minute, so that a push each minute reuses its
// connection: a new one with TLS takes more bytes than the push itself.
const idleTimeout = 110 * time.Second

// New creates a Sink. It fails only on permanent faults, and reports all wrong settings
// at once. It opens no connection, and files of passwords, tokens and certificates may
// be missing yet.
func New(cfg Config, deps Deps) (*Sink, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg, deps = cfg.withDefaults(), deps.WithDefaults()
	client, err := delivery.NewClient(delivery.HTTPConfig{
		Proxy: cfg.Proxy, CAFile: cfg.CAFile, CertFile: cfg.CertFile, KeyFile: cfg.KeyFile,
		Timeout: cfg.Timeout, IdleTimeout: idleTimeout, DialContext: cfg.DialContext, Log: deps.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("set up remote write client: %w", err)
	}
	s := &Sink{clock: deps.Clock, telemetry: deps.Telemetry, oldUntil: never}
	s.box = outbox.New(s.rules(cfg.EverySample))
	s.batch.sink = s
	if s.protocol, err = newProtocol(cfg, client, deps); err != nil {
		return nil, err
	}
	s.encoder.sink = s
	s.open(deps)
	return s, nil
}

// Name is delivery.SinkRemoteWrite.
func (*Sink) Name() string { return delivery.SinkRemoteWrite }

// Address returns the receiver's address, without secrets.
func (s *Sink) Address() string { return delivery.ShownURL(s.cfg.URL) }

// Receiver identifies the receiver, its tenant, and what each series is labelled with.
func (s *Sink) Receiver() string {
	text := fmt.Sprintf("%q %q", s.cfg.URL, s.cfg.Labels)
	for _, h := range s.cfg.Headers {
		text += fmt.Sprintf(" %q %q", h.Name, h.Value.Reveal())
	}
	return text
}

// Inherit takes over the points that wait in from, a *Sink, and what is known of its
// series and of what the receiver takes late.
func (s *Sink) Inherit(from delivery.Sink) {
	old := from.(*Sink)
	s.box.Inherit(old.box)
	s.minLate, s.lateUntil, s.oldUntil = old.minLate, old.lateUntil, old.oldUntil
}

// Admit records the totals of a chunk that are kept here.
func (s *Sink) Admit(j *delivery.Job) { s.box.Admit(j) }

// Expire notes that a series has ended, whatever pointer its samples had: a staleness
// marker is sent with the next Send, unless the series has a sample newer than this
// call by then. It does not block.
func (s *Sink) Expire(id *metric.Series) {
	now := s.clock.Now().Wall / 1e6
	s.box.Mark(id, func(se *series) outbox.Point {
		return outbox.Point{At: max(now, se.Own.stored), Value: stale()}
	})
}

// Send sends what is waiting, of the jobs and of earlier ones.
func (s *Sink) Send(ctx context.Context, jobs []*delivery.Job, probe bool) error {
	s.run.Begin(ctx, s.sender)
	if probe {
		s.box.Gather(jobs[:min(1, len(jobs))])
		s.box.Begin()
		s.box.Request(&s.run, &s.batch, outbox.Limit{Points: delivery.ProbeParts, Bytes: s.sender.BatchBytes()})
	} else {
		s.sendAll(jobs) //nolint:contextcheck // as above
	}
	s.box.End()
	return s.run.End()
}

// Waits reports whether something is waiting, of any job.
func (s *Sink) Waits() bool { return s.box.Waits() }

// OnWait sets what is called when a report is waiting. It must not block.
func (s *Sink) OnWait(wake func()) { s.wake.Store(&wake) }

// The limits of one request. Prometheus itself sends up to 2,000 samples; 1 MiB is far
// less than receivers accept.
const (
	maxRequestPoints = 2000
	maxRequestBytes  = 1 << 20
)

func (s *Sink) sendAll(jobs []*delivery.Job) {
	for more := true; more && !s.run.Failed(); {
		more = s.box.Gather(jobs)
		s.box.Begin()
		for s.box.Request(&s.run, &s.batch, outbox.Limit{Points: maxRequestPoints, Bytes: s.sender.BatchBytes()}) {
		}
		s.sendLate()
		more = more || s.batch.retake
		s.batch.retake = false
	}
}

// Close ends reports and closes idle connections. Fluent Bit offers the waiting chunks
// again. It may be called more than once.
func (s *Sink) Close(ctx context.Context) error {
	s.client.CloseIdleConnections()
	return s.reporter.close(ctx)
}
