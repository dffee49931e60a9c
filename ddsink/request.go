package ddsink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"out_edge/plugin/delivery"

	"github.com/DataDog/datadog-api-client-go/v2/api/datadog"
)

// endpoint is one of the intake's doors.
type endpoint uint8

const (
	endpointLogs endpoint = iota
	endpointSeries
	numEndpoints
)

// The names of the operations in the Datadog client, which knows their servers.
const (
	opSubmitLog     = "v2.LogsApi.SubmitLog"
	opSubmitMetrics = "v2.MetricsApi.SubmitMetrics"
)

// target is where an endpoint is, and how it has been doing.
type target struct {
	endpoint endpoint
	label    string // the `endpoint` label
	url      string
	faults   *delivery.FaultLog
	refused  *delivery.FaultLog // entries that were given up: once a reason
	maxWire  int                // the most bytes of one request as it is sent, or 0
	limit    batchLimit         // of one request before compression
	proven   atomic.Bool        // something has been accepted here
}

func newTargets(cfg Config, api *datadog.APIClient, log *slog.Logger, elapsed func() time.Duration) ([numEndpoints]*target, error) {
	logs, logsErr := address(cfg.URL, api, opSubmitLog, cfg.Site, "/api/v2/logs")
	series, seriesErr := address(cfg.MetricsURL, api, opSubmitMetrics, cfg.Site, "/api/v2/series")
	faults := func() *delivery.FaultLog { return delivery.NewFaultLog(log, elapsed) }
	perSeries := maxSeriesBytes
	if cfg.Compress == CompressOff {
		perSeries = maxSeriesWire
	}
	return [numEndpoints]*target{
		endpointLogs: {endpoint: endpointLogs, label: "logs", url: logs, faults: faults(), refused: faults(),
			limit: batchLimit{most: maxBatchBytes}},
		endpointSeries: {endpoint: endpointSeries, label: "series", url: series, faults: faults(), refused: faults(),
			limit: batchLimit{most: perSeries}, maxWire: maxSeriesWire},
	}, errors.Join(logsErr, seriesErr)
}

// address is base, or the site's server for an operation, with path behind it.
func address(base string, api *datadog.APIClient, operation, site, path string) (string, error) {
	if base == "" {
		ctx := context.WithValue(context.Background(), datadog.ContextServerVariables, map[string]string{"site": site})
		var err error
		if base, err = api.Cfg.ServerURLWithContext(ctx, operation); err != nil {
			return "", fmt.Errorf("find datadog server: %w", err)
		}
	}
	base = strings.TrimSuffix(strings.TrimRight(base, "/"), path)
	return base + path, nil
}

// The intake's headers, beside the key's.
const (
	headerOrigin        = "DD-EVP-ORIGIN"
	headerOriginVersion = "DD-EVP-ORIGIN-VERSION"
)

var errNoKey = errors.New("no API key yet: waiting for the file that `apikey_file` names")

// result is what became of one request.
type result struct {
	delivery.Outcome
	err *delivery.RetryError // set unless the Action is Delivered or Split
	// sending tells that there was a connection to send the request on.
	sending bool
	// own tells that the body was not sent: it is over a limit that is known.
	own bool
}

// post sends one body and tells what became of it. A key that was refused is read
// again, and if it has changed the body is sent once more. wire is scratch for
// the compressed body.
func (s *Sink) post(ctx context.Context, t *target, body []byte, entries int, wire *bytes.Buffer) result {
	compressed, err := s.compress.compress(wire, body)
	if err != nil {
		return result{Outcome: delivery.OfCode(delivery.CodeNetwork), err: &delivery.RetryError{Err: err}}
	}
	if t.maxWire > 0 && len(compressed) > t.maxWire {
		return result{Outcome: delivery.OfStatus(http.StatusRequestEntityTooLarge), own: true}
	}
	if s.cfg.DryRun {
		s.describe(t, body, len(compressed), entries)
		return result{Outcome: delivery.Outcome{Action: delivery.Delivered}}
	}
	key := s.key.Get()
	for {
		if key.IsZero() {
			t.faults.Fail("no_key", true, "nothing is sent to datadog", "endpoint", t.label, "error", errNoKey)
			return result{Outcome: delivery.Outcome{Action: delivery.Retry}, err: &delivery.RetryError{Err: errNoKey}}
		}
		res := s.try(ctx, t, key, len(body), compressed)
		if res.Action != delivery.Reload || !s.key.Reload(key) {
			return res
		}
		next := s.key.Get()
		if next.Equal(key) || ctx.Err() != nil {
			return res
		}
		key = next
	}
}

// try makes one request.
func (s *Sink) try(ctx context.Context, t *target, key delivery.Secret, raw int, body []byte) result {
	var connected, written atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:      func(httptrace.GotConnInfo) { connected.Store(true) },
		WroteRequest: func(info httptrace.WroteRequestInfo) { written.Store(info.Err == nil) },
	})
	req, err := s.request(ctx, t, key, body)
	if err != nil {
		return s.failed(t, delivery.CodeNetwork, err)
	}
	resp, err := s.api.CallAPI(req) //nolint:bodyclose // answered reads and closes it
	if written.Load() {
		s.meter.Sent(t.label, raw, len(body))
	}
	if err != nil {
		res := s.failed(t, delivery.CodeOf(err), delivery.Cause(err))
		res.sending = connected.Load()
		return res
	}
	return s.answered(t, resp)
}

// request builds a request with the Datadog client. The body is compressed
// already: Content-Encoding is set behind the client's back, which would compress
// it again.
func (s *Sink) request(ctx context.Context, t *target, key delivery.Secret, body []byte) (*http.Request, error) {
	ctx = context.WithValue(ctx, datadog.ContextAPIKeys, map[string]datadog.APIKey{"apiKeyAuth": {Key: key.Reveal()}})
	header := map[string]string{
		"Content-Type":      "application/json",
		"Accept":            "application/json",
		headerOrigin:        "out_edge",
		headerOriginVersion: s.cfg.Version,
	}
	datadog.SetAuthKeys(ctx, &header, [2]string{"apiKeyAuth", "DD-API-KEY"})
	req, err := s.api.PrepareRequest(ctx, t.url, http.MethodPost, body, header, url.Values{}, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("prepare request: %w", delivery.Cause(err))
	}
	if encoding := s.compress.encoding(t.endpoint); encoding != "" {
		req.Header.Set("Content-Encoding", encoding)
	}
	for _, h := range s.cfg.Headers {
		req.Header.Set(h.Name, h.Value.Reveal())
	}
	return req, nil
}

// answered judges an answer by its status, once it is there as a whole.
func (s *Sink) answered(t *target, resp *http.Response) result {
	_, err := delivery.ReadAnswer(make([]byte, 0, 512), resp)
	s.skew(resp.Header)
	if err != nil {
		return s.failed(t, delivery.CodeCut, delivery.Cause(err))
	}
	code := strconv.Itoa(resp.StatusCode)
	s.meter.Request(t.label, code)
	o := delivery.OfStatus(resp.StatusCode)
	if o.Action == delivery.Delivered {
		t.proven.Store(true)
		t.faults.OK("datadog accepts " + t.label + " again")
		return result{Outcome: o}
	}
	if o.Action == delivery.Split {
		return result{Outcome: o}
	}
	s.complain(t, code, o, nil)
	return result{Outcome: o, err: &delivery.RetryError{
		After: delivery.Wait(resp.Header, s.clock.Now().Time()),
		Err:   fmt.Errorf("send %s to %s: HTTP status %s: %s", t.label, hostOf(t.url), code, o.Meaning),
	}}
}

// failed is the result when there is no answer that counts.
func (s *Sink) failed(t *target, code string, err error) result {
	s.meter.Request(t.label, code)
	o := delivery.OfCode(code)
	if code != delivery.CodeCanceled {
		s.complain(t, code, o, err)
	}
	return result{Outcome: o, err: &delivery.RetryError{
		Err: fmt.Errorf("send %s to %s: %s: %w", t.label, hostOf(t.url), code, err),
	}}
}

// complain logs a fault once. The answer's body is left out, as an intake may
// quote in it what it was sent.
func (s *Sink) complain(t *target, code string, o delivery.Outcome, err error) {
	attrs := []any{"endpoint", t.label, "host", hostOf(t.url), "code", code, "meaning", o.Meaning, "action", o.Action.String()}
	if err != nil {
		attrs = append(attrs, "error", err)
	}
	t.faults.Fail(code, o.Loud, "datadog does not accept "+t.label, attrs...)
}

// tellRefused logs the first entry that is given up for each reason.
func (s *Sink) tellRefused(t *target, reason string) {
	t.refused.Fail(reason, true, "datadog refuses an entry by itself: it is dropped; further ones are only counted",
		"endpoint", t.label, "reason", reason)
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// skew tells how far the intake's clock is ahead; its Date counts whole seconds.
func (s *Sink) skew(h http.Header) {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		s.meter.Skew(date.Sub(s.clock.Now().Time()).Round(time.Second))
	}
}

// dryRunBytes is how much of a body a dry run shows.
const dryRunBytes = 2 << 10

// describe logs what would be sent.
func (s *Sink) describe(t *target, body []byte, wire, entries int) {
	shown := body[:min(len(body), dryRunBytes)]
	s.log.Info("dry run: would send", "endpoint", t.label, "url", delivery.ShownURL(t.url), "entries", entries,
		"bytes", len(body), "compressed", wire, "body", string(bytes.ToValidUTF8(shown, nil)))
}
