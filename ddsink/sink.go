package ddsink

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"out_edge/plugin/delivery"
	"out_edge/timefix"

	"github.com/DataDog/datadog-api-client-go/v2/api/datadog"
)

// Deps is what a Sink is given by its owner. A nil Log or Meter is none.
type Deps struct {
	Clock timefix.Clock
	Log   *slog.Logger
	Meter delivery.Meter
}

// Sink sends to one Datadog account. It is safe for concurrent use.
type Sink struct {
	cfg      Config
	clock    timefix.Clock
	log      *slog.Logger
	meter    delivery.Recorder
	key      *delivery.Keyring
	http     *http.Client
	api      *datadog.APIClient
	targets  [numEndpoints]*target
	compress *compressor
	format   *entryFormat
	chunks   sync.Pool               // *Chunk
	ahead    [numEndpoints]sync.Once // what is ahead of the clock was spoken of

	series   sync.Pool // *seriesBatch
	totals   *totals
	seconds  *secondsTaken
	tags     []string // the user's, each as "name:value"
	hostJSON string   // of a series
}

// New makes a Sink. It fails only on what cannot heal: all wrong settings at
// once. It opens no connection. A key file is waited for, and so are certificates.
func New(cfg Config, deps Deps) (*Sink, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	client, err := delivery.NewClient(delivery.HTTPConfig{
		Proxy: cfg.Proxy, CAFile: cfg.CAFile, CertFile: cfg.CertFile, KeyFile: cfg.KeyFile,
		Timeout: cfg.Timeout, DialContext: cfg.DialContext, Log: deps.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("set up datadog client: %w", err)
	}
	s := &Sink{
		cfg: cfg, clock: deps.Clock, log: deps.Log, meter: delivery.NewRecorder(deps.Meter),
		http: client, api: newAPI(cfg, client),
		compress: newCompressor(cfg.Compress), format: newEntryFormat(cfg),
		totals: newTotals(), seconds: newSecondsTaken(),
		tags: strings.FieldsFunc(cfg.Tags, func(r rune) bool { return r == ',' }), hostJSON: hostResource(cfg),
	}
	s.key = delivery.NewKeyring(cfg.APIKey, cfg.APIKeyFile, s.elapsed, deps.Log)
	if s.targets, err = newTargets(cfg, s.api, s.log, s.elapsed); err != nil {
		return nil, err
	}
	return s, nil
}

// sayAhead says once what becomes of what is too far ahead of the clock.
func (s *Sink) sayAhead(e endpoint, what string) {
	s.ahead[e].Do(func() {
		s.log.Warn(what + "; they are counted. Look at `time_repair`, `time_max_future` and the sources' clocks")
	})
}

// newAPI is the Datadog client around an HTTP client. Its own retry stays off:
// Fluent Bit's buffer is where what is not sent belongs.
func newAPI(cfg Config, client *http.Client) *datadog.APIClient {
	c := datadog.NewConfiguration()
	c.HTTPClient = client
	c.UserAgent = "out_edge/" + cfg.Version
	return datadog.NewAPIClient(c)
}

// Close gives idle connections back. A Chunk that is still open may be ended
// after it. It may be called more than once, and returns nil.
func (s *Sink) Close(context.Context) error {
	s.http.CloseIdleConnections()
	return nil
}

// elapsed is the time since some fixed point; steps of the wall clock do not show
// in it where the host knows its time since boot.
func (s *Sink) elapsed() time.Duration { return s.clock.Now().Elapsed() }
