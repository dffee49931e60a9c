package ddsink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"out_edge/plugin/delivery"
	"out_edge/timefix"

	"github.com/DataDog/datadog-api-client-go/v2/api/datadog"
)

// Deps is what the owner of a sink gives it.
type Deps = delivery.Deps

// Account is what the sinks of one Datadog account share: its key and its HTTP client.
// It is safe for concurrent use.
type Account struct {
	cfg        Config
	clock      timefix.Clock
	log        *slog.Logger
	telemetry  delivery.Telemetry
	key        *delivery.SecretFile
	http       *http.Client
	api        *datadog.APIClient
	gzip, zstd *compressor
}

// Open creates an Account. It fails only on permanent faults, and reports all wrong
// settings at once. It opens no connection, and does not need the key and certificate
// files to exist yet.
func Open(cfg Config, deps Deps) (*Account, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg, deps = cfg.withDefaults(), deps.WithDefaults()
	client, err := delivery.NewClient(delivery.HTTPConfig{
		Proxy: cfg.Proxy, CAFile: cfg.CAFile, CertFile: cfg.CertFile, KeyFile: cfg.KeyFile,
		Timeout: cfg.Timeout, DialContext: cfg.DialContext, Log: deps.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("set up datadog client: %w", err)
	}
	a := &Account{
		cfg: cfg, clock: deps.Clock, log: deps.Log, telemetry: deps.Telemetry,
		http: client, api: newAPI(cfg, client), gzip: &compressor{kind: CompressGzip}, zstd: &compressor{kind: CompressZstd},
	}
	a.key = delivery.NewSecretFile(cfg.APIKey, cfg.APIKeyFile, a.elapsed, deps.Log)
	return a, nil
}

// newAPI returns the Datadog client that uses an HTTP client. Its own retry is off,
// because what is not sent belongs into Fluent Bit's buffer.
func newAPI(cfg Config, client *http.Client) *datadog.APIClient {
	c := datadog.NewConfiguration()
	c.HTTPClient = client
	c.UserAgent = "out_edge/" + cfg.Version
	return datadog.NewAPIClient(c)
}

// elapsed is the time since some fixed point; steps of the wall clock do not change it
// if the host knows its time since boot.
func (a *Account) elapsed() time.Duration { return a.clock.Now().Elapsed() }

// logAhead logs what happens to data too far ahead of the clock.
func (a *Account) logAhead(what string) {
	a.log.Warn(what + "; they are counted. Look at `time_repair`, `time_max_future` and the sources' clocks")
}

// Close closes idle connections. It may be called more than once, and returns nil.
func (a *Account) Close(context.Context) error {
	a.http.CloseIdleConnections()
	return nil
}

// endpoint is one endpoint of the intake.
type endpoint struct {
	label     string // the `endpoint` label
	path      string
	operation string // its name in the Datadog client, which knows the servers
	base      string // the user's address, or empty for the site's
	// maxBytes is the largest body before compression, maxWire after it; 0 is no limit.
	maxBytes, maxWire int
	// zstd is its Content-Encoding for zstd.
	zstd string
}

// The operation names in the Datadog client.
const (
	opSubmitLog     = "v2.LogsApi.SubmitLog"
	opSubmitMetrics = "v2.MetricsApi.SubmitMetrics"
)

// logsEndpoint is for logs. It uses the registered name for zstd, like Datadog's Agent.
func (a *Account) logsEndpoint() endpoint {
	return endpoint{label: "logs", path: "/api/v2/logs", operation: opSubmitLog, base: a.cfg.URL,
		maxBytes: maxBatchBytes, zstd: "zstd"}
}

// seriesEndpoint is for metrics; its documentation has the name zstd1.
func (a *Account) seriesEndpoint() endpoint {
	e := endpoint{label: "series", path: "/api/v2/series", operation: opSubmitMetrics, base: a.cfg.MetricsURL,
		maxBytes: maxSeriesBytes, maxWire: maxSeriesWire, zstd: "zstd1"}
	if a.cfg.Compress == CompressOff {
		e.maxBytes = maxSeriesWire
	}
	return e
}

// newSender creates the Sender for an endpoint.
func (a *Account) newSender(e endpoint) (*delivery.Sender, error) {
	address, err := a.address(e)
	if err != nil {
		return nil, err
	}
	c := &coding{kind: a.cfg.Compress, gzip: a.gzip, zstd: a.zstd, zstdName: e.zstd}
	requests := &requests{account: a, address: address}
	return delivery.NewSender(delivery.Endpoint{
		Label: e.label, URL: address, MaxBytes: e.maxBytes, MaxWire: e.maxWire,
		Compress: c.append, Judge: c.judge, Secret: a.key, DryRun: a.cfg.DryRun,
		Post: func(ctx context.Context, wire []byte, key delivery.Secret) (*http.Response, error) {
			encoding := c.encoding(wire)
			resp, err := requests.post(ctx, encoding, wire, key)
			if err == nil {
				c.learn(encoding, resp.StatusCode)
			}
			return resp, err
		},
		Words: delivery.Words{
			Send:        "send " + e.label + " to ",
			NotAccepted: "datadog does not accept " + e.label,
			Accepted:    "datadog accepts " + e.label + " again",
			NoSecret:    "nothing is sent to datadog", NoSecretErr: errNoKey,
			Refused: "datadog refuses an entry by itself: it is dropped; further ones are only counted",
			Attrs:   []any{"endpoint", e.label},
		},
	}, Deps{Clock: a.clock, Log: a.log, Telemetry: a.telemetry}), nil
}

var errNoKey = errors.New("no API key yet: waiting for the file that `apikey_file` names")

// address returns the user's address or the site's server, followed by the path.
func (a *Account) address(e endpoint) (string, error) {
	base := e.base
	if base == "" {
		ctx := context.WithValue(context.Background(), datadog.ContextServerVariables, map[string]string{"site": a.cfg.Site})
		var err error
		if base, err = a.api.Cfg.ServerURLWithContext(ctx, e.operation); err != nil {
			return "", fmt.Errorf("find datadog server: %w", err)
		}
	}
	return strings.TrimSuffix(strings.TrimRight(base, "/"), e.path) + e.path, nil
}
