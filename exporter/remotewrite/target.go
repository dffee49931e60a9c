package remotewrite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"out_edge/plugin/delivery"
)

// The protocol's headers. Source: Prometheus Remote-Write specifications 1.0 and
// 2.0.
const (
	headerVersion  = "X-Prometheus-Remote-Write-Version"
	headerWritten  = "X-Prometheus-Remote-Write-Samples-Written"
	contentType1   = "application/x-protobuf"
	contentType2   = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
	versionNumber1 = "0.1.0"
	versionNumber2 = "2.0.0"
)

// target is the receiver, and how it has been doing. Only the Send that holds the
// turn uses it.
type target struct {
	cfg     Config
	sender  *Sender
	http    *http.Client
	host    string
	auth    *delivery.Keyring // nil without
	faults  *delivery.FaultLog
	refusal *delivery.FaultLog // points that were given up: once a reason
	headers http.Header        // of version 1

	// version2 is which version is spoken; knows2 is set once the receiver has
	// shown that it knows version 2.
	version2, knows2 bool
	// silent2 is set once the receiver has shown that it knows version 2,
	// though it does not say what it has written.
	silent2 bool
	encoder encoder
	wire    []byte // the compressed body
	answer  []byte
}

func newTarget(cfg Config, client *http.Client, s *Sender) *target {
	t := &target{
		cfg: cfg, sender: s, http: client,
		faults:   delivery.NewFaultLog(s.log, s.elapsed),
		refusal:  delivery.NewFaultLog(s.log, s.elapsed),
		version2: cfg.Version == Version2,
	}
	if u, err := url.Parse(cfg.URL); err == nil {
		t.host = u.Host
	}
	if file := cfg.PasswordFile + cfg.BearerTokenFile; file != "" { // one of them
		t.auth = delivery.NewKeyring(delivery.Secret{}, file, s.elapsed, s.log)
	}
	t.headers = http.Header{
		"Content-Encoding": {"snappy"},
		"User-Agent":       {"out_edge/" + cfg.PluginVersion},
		// A connection that the receiver has closed while it was idle is
		// noticed only by writing to it: this lets net/http try another one
		// at once, whatever became of the first. It is not sent.
		"Idempotency-Key": nil,
	}
	for _, h := range cfg.Headers {
		t.headers.Set(h.Name, h.Value.Reveal())
	}
	return t
}

// result is what became of one request.
type result struct {
	delivery.Outcome
	err     *delivery.RetryError // set unless the Action is Delivered or Split
	written int                  // samples that the receiver says it has written, or -1
	fate    fate                 // of a single point, when the Action is Split
	// uncertain tells that the request may have arrived all the same.
	uncertain bool
	// refusesVersion tells that the receiver says that it does not take this
	// version; doubtful, that its answer to version 2 may be that of one that
	// has understood nothing.
	refusesVersion, doubtful bool
}

func (r result) wrongVersion() bool { return r.refusesVersion || r.doubtful }

// retry makes a refusal one that is tried again.
func (r result) retry(why error) *delivery.RetryError {
	return &delivery.RetryError{Err: fmt.Errorf("%w (HTTP status %s)", why, r.Answer)}
}

// post sends items, and tells what became of them. A receiver that does not take
// the version is spoken to in the other one, if the user allows that.
func (t *target) post(ctx context.Context, items []item) result {
	res := t.postVersion(ctx, items, t.version2)
	if !res.wrongVersion() || t.cfg.Version == Version1 || ctx.Err() != nil {
		return t.judged(res)
	}
	other := t.postVersion(ctx, items, !t.version2)
	switch {
	case res.refusesVersion && other.doubtful:
		return t.believed(other)
	case res.doubtful && other.refusesVersion:
		return t.believed(res)
	case other.wrongVersion():
	case other.Action == delivery.Delivered || other.Action == delivery.Split && res.Action != delivery.Split:
		t.version2, t.silent2 = !t.version2, false
		t.sender.log.Warn("the receiver does not take this version of remote write: the other one is used from now on",
			"host", t.host, "version", t.versionName())
		return other
	case other.Action == delivery.Retry:
		return other // in trouble; nothing is learnt
	}
	return t.judged(res)
}

// believed is an answer to version 2 that would be doubtful, had the receiver not
// refused version 1. One that reads the version, and takes this one, knows it: to
// doubt it would be to send it the same for ever.
func (t *target) believed(res result) result {
	t.version2, t.silent2 = true, true
	t.sender.log.Warn("the receiver takes version 2 of remote write alone, and does not say how many samples it has written: its word is taken",
		"host", t.host)
	res.doubtful = false
	if res.Action == delivery.Delivered {
		t.accepted()
	}
	return res
}

func (t *target) accepted() { t.faults.OK("remote write is accepted again") }

func (t *target) versionName() string {
	if t.version2 {
		return Version2
	}
	return Version1
}

// judged is res, or what the version's refusal comes to where no other version
// can be tried.
func (t *target) judged(res result) result {
	if res.wrongVersion() && res.Action != delivery.Split {
		t.complain(res.Outcome, nil)
		res.Action = delivery.Retry
		res.err = &delivery.RetryError{Err: t.errorf(res.Outcome)}
	}
	return res
}

// postVersion sends items in one version. A secret that was refused is read again,
// and if it has changed the request is made once more.
func (t *target) postVersion(ctx context.Context, items []item, version2 bool) result {
	body := t.encoder.encode(items, version2)
	t.wire = t.cfg.Compression.compress(t.wire, body)
	secret := t.secret()
	for {
		if t.auth != nil && secret.IsZero() {
			t.faults.Fail("no_secret", true, "nothing is sent by remote write", "host", t.host, "error", errNoSecret)
			return result{Outcome: delivery.Outcome{Action: delivery.Retry}, err: &delivery.RetryError{Err: errNoSecret}}
		}
		res := t.try(ctx, secret, len(body), version2)
		if res.Action != delivery.Reload || t.auth == nil || !t.auth.Reload(secret) {
			return res
		}
		next := t.auth.Get()
		if next.Equal(secret) || ctx.Err() != nil {
			return res
		}
		secret = next
	}
}

var errNoSecret = errors.New("no password or token yet: waiting for the file that `remote_write_password_file` or `remote_write_bearer_token_file` names")

func (t *target) secret() delivery.Secret {
	if t.auth == nil {
		return delivery.Secret{}
	}
	return t.auth.Get()
}

// sending is how a request went out: net/http may send it more than once.
type sending struct {
	writes atomic.Int32 // whole ones
	// again is set when one began after a whole one: the answer is to the last
	// alone.
	again atomic.Bool
}

func (s *sending) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { s.again.Store(s.writes.Load() > 0) },
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				s.writes.Add(1)
			}
		},
	})
}

// try makes one request with the body in wire.
func (t *target) try(ctx context.Context, secret delivery.Secret, raw int, version2 bool) result {
	var sent sending
	req, err := http.NewRequestWithContext(sent.trace(ctx), http.MethodPost, t.cfg.URL, bytes.NewReader(t.wire))
	if err != nil {
		return t.failed(delivery.CodeNetwork, delivery.Cause(err), false)
	}
	t.setHeaders(req, secret, version2)
	resp, err := t.http.Do(req) //nolint:bodyclose // ReadAnswer closes it
	n := int(sent.writes.Load())
	if n > 0 {
		t.sender.meter.Sent(delivery.SinkRemoteWrite, n*raw, n*len(t.wire))
	}
	if err != nil {
		return t.failed(delivery.CodeOf(err), delivery.Cause(err), n > 0)
	}
	res := t.answered(resp, version2)
	res.uncertain = res.uncertain || sent.again.Load()
	return res
}

func (t *target) setHeaders(req *http.Request, secret delivery.Secret, version2 bool) {
	req.Header = t.headers.Clone()
	contentType, number := contentType1, versionNumber1
	if version2 {
		contentType, number = contentType2, versionNumber2
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set(headerVersion, number)
	switch {
	case t.cfg.BearerTokenFile != "":
		req.Header.Set("Authorization", "Bearer "+secret.Reveal())
	case t.cfg.Username != "":
		req.SetBasicAuth(t.cfg.Username, secret.Reveal())
	}
}

// answered judges an answer, once it is there as a whole.
func (t *target) answered(resp *http.Response, version2 bool) result {
	answer, err := delivery.ReadAnswer(t.answer, resp)
	t.answer = answer
	t.skew(resp.Header)
	if err != nil {
		return t.failed(delivery.CodeCut, delivery.Cause(err), true)
	}
	o := outcomeOf(resp.StatusCode, answer)
	res := result{Outcome: o, written: -1, refusesVersion: resp.StatusCode == http.StatusUnsupportedMediaType}
	res.Answer = strconv.Itoa(resp.StatusCode)
	t.sender.meter.Request(delivery.SinkRemoteWrite, res.Answer)
	if version2 {
		t.checkWritten(&res, resp.Header)
	}
	switch {
	case o.Action == delivery.Split:
		res.fate = fateOfRefusal(answer)
		if o.Reason == delivery.ReasonTooLarge {
			res.fate = tooLarge
		}
	case res.wrongVersion():
	case o.Action == delivery.Delivered:
		t.accepted()
	default:
		t.complain(res.Outcome, nil)
		res.err = &delivery.RetryError{
			After: delivery.Wait(resp.Header, t.sender.clock.Now().Time()),
			Err:   t.errorf(res.Outcome),
		}
		res.uncertain = resp.StatusCode >= 500 && resp.StatusCode != http.StatusServiceUnavailable
	}
	return res
}

// checkWritten reads how many samples a receiver of version 2 has written. An
// answer that does not say is of a receiver that knows version 1 alone: to it, the
// request was an empty one.
func (t *target) checkWritten(res *result, h http.Header) {
	n, err := strconv.Atoi(h.Get(headerWritten))
	said := err == nil && n >= 0
	t.knows2 = t.knows2 || said
	switch {
	case res.Action == delivery.Delivered && said:
		res.written = n
	case t.silent2:
	case res.Action == delivery.Delivered:
		res.doubtful = true
		res.Loud = true
		res.Meaning = "accepted, but not as version 2 wants: the receiver knows version 1 alone"
	case res.Action == delivery.Split && !t.knows2:
		res.doubtful = true // an empty request may be a bad one
	}
}

// failed is the result when there is no answer that counts.
func (t *target) failed(code string, err error, sent bool) result {
	t.sender.meter.Request(delivery.SinkRemoteWrite, code)
	o := delivery.OfCode(code)
	if code != delivery.CodeCanceled {
		t.complain(o, err)
	}
	return result{Outcome: o, written: -1, uncertain: sent, err: &delivery.RetryError{
		Err: fmt.Errorf("send metrics to %s: %s: %w", t.host, code, err),
	}}
}

func (t *target) errorf(o delivery.Outcome) error {
	return fmt.Errorf("send metrics to %s: HTTP status %s: %s", t.host, o.Answer, o.Meaning)
}

// complain logs a fault once. The answer's body is left out, as a receiver may
// quote in it what it was sent.
func (t *target) complain(o delivery.Outcome, err error) {
	attrs := []any{"host", t.host, "code", o.Answer, "meaning", o.Meaning, "action", o.Action.String()}
	if err != nil {
		attrs = append(attrs, "error", err)
	}
	t.faults.Fail(o.Answer, o.Loud, "remote write is not accepted", attrs...)
}

// tellRefused logs the first point that is given up for each reason.
func (t *target) tellRefused(f fate) {
	t.refusal.Fail(f.String(), true, "the receiver refuses a point by itself: it is dropped; further ones are only counted",
		"host", t.host, "reason", f.String(), "cure", f.cure())
}

// skew tells how far the receiver's clock is ahead; its Date counts whole seconds.
func (t *target) skew(h http.Header) {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		t.sender.meter.Skew(date.Sub(t.sender.clock.Now().Time()).Round(time.Second))
	}
}
