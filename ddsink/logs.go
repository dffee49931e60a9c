package ddsink

import (
	"context"
	"sync"
	"time"

	"out_edge/plugin/delivery"
)

// The intake's limits for one request of logs. Source: Datadog's "Send logs" API page:
// 5 MB uncompressed, 1000 entries.
const (
	maxBatchBytes   = 5_000_000
	maxBatchEntries = 1000
)

const (
	// logsMaxAge is the age from which on the intake does not show a log, though it
	// accepts it. Source: the same page.
	logsMaxAge = 18 * time.Hour
	// logsMaxAhead is the same limit for logs in the future.
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
	encoder logEncoder // of the running Send
	ahead   sync.Once  // logs once that there are logs ahead of the clock
}

var (
	_ delivery.Sink      = (*Logs)(nil)
	_ delivery.Successor = (*Logs)(nil)
)

// Logs creates the account's sink of logs.
func (a *Account) Logs() (*Logs, error) {
	sender, err := a.newSender(a.logsEndpoint())
	if err != nil {
		return nil, err
	}
	s := &Logs{Account: a, sender: sender, format: newEntryFormat(a.cfg)}
	s.encoder = logEncoder{sink: s, writer: newEntryWriter(s.format), finished: make(chan *logBatch, maxConcurrent)}
	s.encoder.addOne = s.encoder.add
	return s, nil
}

// Address returns the address that logs are sent to, without secrets.
func (s *Logs) Address() string { return delivery.ShownURL(s.sender.URL) }

// Receiver is the address: a log that it has is not sent again with other settings.
func (s *Logs) Receiver() string { return s.sender.URL }

// Inherit takes over nothing: what is delivered is known by the jobs.
func (s *Logs) Inherit(delivery.Sink) {}

// Name returns the sink's name.
func (s *Logs) Name() string { return delivery.SinkDatadog }

// Reasons returns the reasons of logs.
func (s *Logs) Reasons() (dropped, adjusted []string) {
	return delivery.DropReasons(s.Name()), delivery.AdjustReasons(s.Name())
}

// Admit does nothing: logs are read when they are sent.
func (s *Logs) Admit(*delivery.Job) {}

// Send encodes the open records of the jobs into batches within the intake's limits,
// which records of several jobs may share, and sends them one after the other. If
// answers are slow, it sends a few concurrently.
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
