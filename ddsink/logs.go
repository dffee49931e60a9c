package ddsink

import (
	"context"
	"sync"
	"time"

	"out_edge/plugin/delivery"
)

// The intake's limits of one request of logs. Source: Datadog's "Send logs" API
// page: 5 MB uncompressed, 1000 entries.
const (
	maxBatchBytes   = 5_000_000
	maxBatchEntries = 1000
)

const (
	// logsMaxAge is from which age on the intake shows no log, though it
	// accepts it. Source: the same page.
	logsMaxAge = 18 * time.Hour
	// logsMaxAhead is the same for logs of the future.
	logsMaxAhead = 2 * time.Hour
	// keptBytes is the largest buffer that is kept for the next Send.
	keptBytes = 2 << 20
)

// The reasons for which logs are dropped or changed, beside delivery's.
const (
	reasonTooOld        = "too_old"
	reasonTooOldSent    = "too_old_sent"
	reasonTooOldArrival = "too_old_arrival"
	reasonTooNewSent    = "too_new_sent"
	reasonTruncated     = "truncated"
	reasonAttributes    = "attributes_dropped"
)

// Logs is the sink of logs.
type Logs struct {
	*Account
	sender  *delivery.Sender
	format  *entryFormat
	encoder logEncoder // of the Send that runs
	ahead   sync.Once  // what is ahead of the clock was spoken of
}

var _ delivery.Sink = (*Logs)(nil)

// Logs makes the account's sink of logs.
func (a *Account) Logs() (*Logs, error) {
	sender, err := a.newSender(a.logsEndpoint())
	if err != nil {
		return nil, err
	}
	s := &Logs{Account: a, sender: sender, format: newEntryFormat(a.cfg)}
	s.encoder = logEncoder{sink: s, writer: newEntryWriter(s.format), landed: make(chan *logBatch, maxFlights)}
	s.encoder.addOne = s.encoder.add
	return s, nil
}

// Address is where logs go, as it may be shown.
func (s *Logs) Address() string { return delivery.ShownURL(s.sender.URL) }

// Name is that of the sink.
func (s *Logs) Name() string { return delivery.SinkDatadog }

// Reasons are those of logs.
func (s *Logs) Reasons() (dropped, adjusted []string) {
	return delivery.DropReasons(s.Name()), delivery.AdjustReasons(s.Name())
}

// Admit has nothing to note: logs are read when their turn comes.
func (s *Logs) Admit(*delivery.Job) {}

// Send encodes the open records of the jobs into batches under the intake's limits,
// which records of several jobs may share, and sends them one after the other. Over a
// link on which an answer takes its time, a few are under way at once.
func (s *Logs) Send(ctx context.Context, jobs []*delivery.Job, probe bool) error {
	e := &s.encoder
	e.begin(ctx, probe)
	for _, j := range jobs {
		if e.stopped() {
			break
		}
		e.job = j
		j.Records(e.addOne)
	}
	return e.end() //nolint:contextcheck // the Run has it since Begin
}
