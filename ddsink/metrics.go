package ddsink

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"out_edge/plugin/delivery"
	"out_edge/plugin/delivery/outbox"
)

// The intake's limits for metrics. Source: Datadog's "Submit metrics" API page.
const (
	maxSeriesBytes = 5_242_880 // of one request, before compression
	maxSeriesWire  = 512_000   // of one request, as it is sent
	seriesMaxAge   = time.Hour
	seriesMaxAhead = 10 * time.Minute
	// seriesMargin is subtracted from those two for the time to the intake.
	seriesMargin = 15 * time.Second
)

// maxSeriesPoints is the most points of one request: more saves nothing, and a failed
// request is repeated as a whole.
const maxSeriesPoints = 20_000

// The reasons for dropping or changing samples, besides delivery's and too_old.
const (
	reasonTooNew     = "too_new"
	reasonNotFinite  = "not_finite"
	reasonNoName     = "no_name"
	reasonFirstSight = "first_sight" // a total without an earlier one to compare with
	reasonFolded     = "folded"      // a count that waited so long that it was added to a later second
)

// Metrics is the sink of metrics.
type Metrics struct {
	*Account
	sender *delivery.Sender
	box    *outbox.Box[state]
	run    delivery.Run
	batch  seriesBatch
	tooNew sync.Once // logs once that there are samples ahead of the clock
	tags   []string  // the user's, each as "name:value"
	host   string
	began  time.Duration // creation of the sink, in timefix.Instant.Elapsed
}

var (
	_ delivery.Sink      = (*Metrics)(nil)
	_ delivery.Successor = (*Metrics)(nil)
)

// Metrics creates the account's sink of metrics.
func (a *Account) Metrics() (*Metrics, error) {
	sender, err := a.newSender(a.seriesEndpoint())
	if err != nil {
		return nil, err
	}
	s := &Metrics{
		Account: a, sender: sender, host: a.cfg.Hostname,
		tags: strings.FieldsFunc(a.cfg.Tags, func(r rune) bool { return r == ',' }), began: a.clock.Now().Elapsed(),
	}
	s.box = outbox.New(s.rules())
	s.batch.sink = s
	return s, nil
}

// Address returns the address that metrics are sent to, without secrets.
func (s *Metrics) Address() string { return delivery.ShownURL(s.sender.URL) }

// Receiver identifies the account's site, and what each series is tagged with.
func (s *Metrics) Receiver() string {
	return fmt.Sprintf("%q %q %q", s.sender.URL, s.tags, s.host)
}

// Inherit takes over the points that wait in from, a *Metrics, and the sums of its
// seconds.
func (s *Metrics) Inherit(from delivery.Sink) {
	old := from.(*Metrics)
	s.box.Inherit(old.box)
	s.began = old.began
}

// Name returns the sink's name.
func (s *Metrics) Name() string { return delivery.SinkDatadogMetrics }

// Reasons returns those of the table.
func (s *Metrics) Reasons() (dropped, adjusted []string) {
	return delivery.DropReasons(s.Name()), delivery.AdjustReasons(s.Name())
}

// Admit records what a chunk adds to counts.
func (s *Metrics) Admit(j *delivery.Job) { s.box.Admit(j) }

// Send sends what is waiting, of the jobs and of earlier ones.
func (s *Metrics) Send(ctx context.Context, jobs []*delivery.Job, probe bool) error {
	s.run.Begin(ctx, s.sender)
	defer s.box.End()
	room := outbox.Limit{Points: maxSeriesPoints, Bytes: s.sender.BatchBytes() - len(seriesHead+seriesTail)}
	if probe {
		room.Points, jobs = delivery.ProbeParts, jobs[:min(1, len(jobs))]
	}
	for more := true; more && !s.run.Failed(); {
		more = s.box.Gather(jobs)
		s.box.Begin()
		for s.box.Request(&s.run, &s.batch, room) {
			if probe {
				return s.run.End()
			}
		}
	}
	return s.run.End()
}

// logTooNew logs once what happens to samples too far ahead of the clock.
func (s *Metrics) logTooNew() {
	s.tooNew.Do(func() {
		s.logAhead("metric points are more than 10 minutes ahead of the clock: Datadog takes none, and they are dropped")
	})
}
