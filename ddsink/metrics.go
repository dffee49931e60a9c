package ddsink

import (
	"context"
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
	// seriesMargin is what is kept off those two, for the way to the intake.
	seriesMargin = 15 * time.Second
)

// maxSeriesPoints is the most of one request: more saves nothing, and what fails
// goes again.
const maxSeriesPoints = 20_000

// The reasons for which samples are dropped, beside delivery's and too_old, or not
// sent as they came.
const (
	reasonTooNew     = "too_new"
	reasonNotFinite  = "not_finite"
	reasonNoName     = "no_name"
	reasonFirstSight = "first_sight" // a total that there was nothing to compare with
	reasonFolded     = "folded"      // a count that had waited for so long that it went with a later second
)

// Metrics is the sink of metrics.
type Metrics struct {
	*Account
	sender *delivery.Sender
	box    *outbox.Box[state]
	run    delivery.Run
	batch  seriesBatch
	tooNew sync.Once // what is ahead of the clock was spoken of
	tags   []string  // the user's, each as "name:value"
	host   string
	began  time.Duration // when the sink was made, as timefix.Instant.Elapsed has it
}

var _ delivery.Sink = (*Metrics)(nil)

// Metrics makes the account's sink of metrics.
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

// Address is where metrics go, as it may be shown.
func (s *Metrics) Address() string { return delivery.ShownURL(s.sender.URL) }

// Name is that of the sink.
func (s *Metrics) Name() string { return delivery.SinkDatadogMetrics }

// Reasons are those of the table.
func (s *Metrics) Reasons() (dropped, adjusted []string) {
	return delivery.DropReasons(s.Name()), delivery.AdjustReasons(s.Name())
}

// Admit notes what a chunk adds to counts.
func (s *Metrics) Admit(j *delivery.Job) { s.box.Admit(j) }

// Send sends what waits, of the jobs and of earlier ones.
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

// sayTooNew says once what becomes of what is too far ahead of the clock.
func (s *Metrics) sayTooNew() {
	s.tooNew.Do(func() {
		s.sayAhead("metric points are more than 10 minutes ahead of the clock: Datadog takes none, and they are dropped")
	})
}
