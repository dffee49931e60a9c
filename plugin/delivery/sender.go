package delivery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Endpoint is what a sink supplies to a Sender: the address, how a request is made, and
// what an answer means. Each Run calls its functions from one goroutine at a time.
type Endpoint struct {
	// Label is the value of the `endpoint` label, URL the address.
	Label, URL string
	// MaxBytes is the largest body before compression, at first; a batch that does not
	// get through makes later ones smaller. MaxWire is the largest compressed body; 0 is
	// no limit.
	MaxBytes, MaxWire int
	// Compress appends the compressed body to dst, or returns body itself.
	Compress func(dst, body []byte) ([]byte, error)
	// Secret authenticates requests; nil is none.
	Secret *SecretFile
	// Post makes one request with a compressed body. The Sender reads and closes the
	// answer.
	Post func(ctx context.Context, wire []byte, secret Secret) (*http.Response, error)
	// Judge returns what an answer means; nil is OfStatus. The Sender sets
	// Outcome.Answer to the status.
	Judge func(a Answer) Outcome
	// Words are the texts of the log lines and errors.
	Words Words
	// DryRun logs what would be sent, and treats it as accepted.
	DryRun bool
	// Show returns a body as a dry run logs it; nil logs its bytes.
	Show func(body []byte) string
}

// Answer is a complete answer.
type Answer struct {
	Status int
	Header http.Header
	// Body is its text, MaxAnswer at most, valid until the next request. It may quote
	// what was sent, so it is never logged.
	Body []byte
}

// Words are a sink's texts in log lines and errors.
type Words struct {
	Send        string // beginning of errors: "send logs to "
	NotAccepted string // the line of a fault: "datadog does not accept logs"
	Accepted    string // the line of recovery: "datadog accepts logs again"
	NoSecret    string // the line while there is no secret: "nothing is sent to datadog"
	NoSecretErr error  // the error while there is no secret
	Refused     string // the line of the first part that is dropped for a reason
	// RefusesAll, if not empty, says what to check when even single parts are refused
	// and nothing was ever accepted.
	RefusesAll string
	// Cure, if not nil, returns what a user can do about such a reason.
	Cure func(reason string) string
	// Attrs are added to each line, next to the host.
	Attrs []any
}

// Sender sends the batches of all sinks. It compresses and sends, halves what is
// refused for its content or size, makes batches smaller where large ones do not get
// through, sets refused parts aside while it is not certain that the endpoint is a
// receiver, reads the secret again when it is refused, and logs each fault and each
// recovery once. It is safe for concurrent use: each Run belongs to one goroutine.
type Sender struct {
	Endpoint
	Deps
	host    string
	faults  *FaultLog
	refused *FaultLog // parts that were dropped: once for each reason
	limit   batchLimit
	// accepted is set once the endpoint has accepted something, or refused a part for a
	// reason that only a receiver has.
	accepted atomic.Bool
}

// NewSender makes a Sender.
func NewSender(e Endpoint, d Deps) *Sender {
	elapsed := func() time.Duration { return d.Clock.Now().Elapsed() }
	s := &Sender{Endpoint: e, Deps: d, faults: NewFaultLog(d.Log, elapsed), refused: NewFaultLog(d.Log, elapsed)}
	s.limit.most = e.MaxBytes
	if u, err := url.Parse(e.URL); err == nil {
		s.host = u.Host
	}
	if s.Judge == nil {
		s.Judge = func(a Answer) Outcome { return OfStatus(a.Status) }
	}
	return s
}

// Host returns the host of the address.
func (s *Sender) Host() string { return s.host }

// BatchBytes returns the current maximum of a body, before compression.
func (s *Sender) BatchBytes() int { return s.limit.bytes() }

// HasAccepted reports whether the endpoint is certainly a receiver.
func (s *Sender) HasAccepted() bool { return s.accepted.Load() }

// request is the result of one request.
type request struct {
	Outcome
	answer Answer
	err    *RetryError // set when the Action is Retry or Reload
	// connectionLost means that the request had a connection, which then broke or
	// timed out.
	connectionLost bool
	// uncertain means that the parts may have arrived although there was no success.
	uncertain bool
	// unsent means that the body was not sent, because it is over MaxWire.
	unsent bool
}

// post compresses and sends a body. If the secret was refused and its file has changed,
// it sends the body once more.
func (r *Run) post(body []byte, parts int) request {
	s := r.sender
	wire, err := s.Compress(r.wire[:0], body)
	if err != nil {
		return request{Outcome: OfCode(CodeNetwork), err: &RetryError{Err: err}}
	}
	if len(wire) > 0 && (len(body) == 0 || &wire[0] != &body[0]) {
		r.wire = wire
	}
	if s.MaxWire > 0 && len(wire) > s.MaxWire {
		return request{Outcome: OfStatus(http.StatusRequestEntityTooLarge), unsent: true}
	}
	if s.DryRun {
		s.logDryRun(body, len(wire), parts)
		return request{Outcome: Outcome{Action: Delivered}}
	}
	return r.sendAuthenticated(len(body), wire)
}

func (r *Run) sendAuthenticated(raw int, wire []byte) request {
	s := r.sender
	secret := s.secret()
	for {
		if s.Secret != nil && secret.IsZero() {
			s.faults.Fail("no_key", true, s.Words.NoSecret, append(s.attrs(), "error", s.Words.NoSecretErr)...)
			return request{Outcome: Outcome{Action: Retry}, err: s.retryChanged(s.Words.NoSecretErr, secret)}
		}
		res := r.sendOnce(raw, wire, secret)
		if res.Action != Reload || s.Secret == nil {
			return res
		}
		res.err.Changed = func() bool { return !s.secret().Equal(secret) }
		if !s.Secret.Reload(secret) || r.ctx.Err() != nil {
			return res
		}
		secret = s.Secret.Get()
	}
}

func (s *Sender) secret() Secret {
	if s.Secret == nil {
		return Secret{}
	}
	return s.Secret.Get()
}

func (s *Sender) retryChanged(err error, used Secret) *RetryError {
	return &RetryError{Err: err, Changed: func() bool { return !s.secret().Equal(used) }}
}

// sendOnce makes one request.
func (r *Run) sendOnce(raw int, wire []byte, secret Secret) request {
	s := r.sender
	var sent requestTrace
	resp, err := s.Post(sent.trace(r.ctx), wire, secret) //nolint:bodyclose // answered reads and closes it
	writes := int(sent.writes.Load())
	if writes > 0 {
		s.Telemetry.Sent(s.Label, writes*raw, writes*len(wire))
	}
	if err != nil {
		code := CodeOf(err)
		res := s.failed(code, Cause(err))
		res.connectionLost = sent.connected.Load() && code != CodeCanceled
		res.uncertain = writes > 0
		return res
	}
	res := r.handleAnswer(resp)
	res.uncertain = res.uncertain || sent.again.Load()
	return res
}

// handleAnswer reads an answer and returns its outcome.
func (r *Run) handleAnswer(resp *http.Response) request {
	s := r.sender
	body, err := ReadAnswer(r.answer, resp)
	r.answer = body
	s.skew(resp.Header)
	if err != nil {
		res := s.failed(CodeCut, Cause(err))
		res.uncertain = true
		return res
	}
	answer := Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}
	o := s.Judge(answer)
	o.Answer = fmt.Sprint(resp.StatusCode)
	s.Telemetry.Request(s.Label, o.Answer)
	res := request{Outcome: o, answer: answer}
	switch o.Action {
	case Delivered:
		s.accepted.Store(true)
		s.faults.OK(s.Words.Accepted)
	case Retry, Reload:
		s.logFault(o, nil)
		res.err = &RetryError{After: Wait(resp.Header, s.Clock.Now().Time()), Err: s.errorOf(o)}
		res.uncertain = resp.StatusCode >= 500 && resp.StatusCode != http.StatusServiceUnavailable
	}
	return res
}

func (s *Sender) errorOf(o Outcome) error {
	return fmt.Errorf("%s%s: HTTP status %s: %s", s.Words.Send, s.host, o.Answer, o.Meaning)
}

// failed returns the result of a request without a complete answer.
func (s *Sender) failed(code string, err error) request {
	s.Telemetry.Request(s.Label, code)
	o := OfCode(code)
	if code != CodeCanceled {
		s.logFault(o, err)
	}
	return request{Outcome: o, err: &RetryError{Err: fmt.Errorf("%s%s: %s: %w", s.Words.Send, s.host, code, err)}}
}

func (s *Sender) attrs() []any {
	return append(append(make([]any, 0, 16), s.Words.Attrs...), "host", s.host)
}

// logFault logs a fault once. It leaves out the answer's body, in which a receiver may
// quote what it was sent.
func (s *Sender) logFault(o Outcome, err error) {
	attrs := append(s.attrs(), "code", o.Answer, "meaning", o.Meaning, "action", o.Action.String())
	if err != nil {
		attrs = append(attrs, "error", err)
	}
	s.faults.Fail(o.Answer, o.Loud, s.Words.NotAccepted, attrs...)
}

// LogRefused logs the first part that is dropped for each reason.
func (s *Sender) LogRefused(reason string) {
	attrs := append(s.attrs(), "reason", reason)
	if s.Words.Cure != nil {
		attrs = append(attrs, "cure", s.Words.Cure(reason))
	}
	s.refused.Fail(reason, true, s.Words.Refused, attrs...)
}

// skew reports how far the receiver's clock is ahead; its Date counts whole
// seconds.
func (s *Sender) skew(h http.Header) {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		s.Telemetry.Skew(date.Sub(s.Clock.Now().Time()).Round(time.Second))
	}
}

// dryRunBytes is how much of a body a dry run logs.
const dryRunBytes = 2 << 10

// logDryRun logs what would be sent.
func (s *Sender) logDryRun(body []byte, wire, parts int) {
	text := ""
	if s.Show != nil {
		text = s.Show(body)
	} else {
		text = string(body[:min(len(body), dryRunBytes)])
	}
	s.Log.Info("dry run: would send", "endpoint", s.Label, "url", ShownURL(s.URL), "entries", parts,
		"bytes", len(body), "compressed", wire, "body", strings.ToValidUTF8(text[:min(len(text), dryRunBytes)], ""))
}

// ErrManyRefused ends a search for bad parts that has cost enough requests. The
// receiver is there, and the rest may be sent again at once.
var ErrManyRefused = errors.New("many entries are refused by themselves; the rest is tried again later")

// refusesAll is the reason for keeping a refused part.
const refusesAll = "even a single entry is refused, and nothing has been accepted here so far: "

// checkURL is the default of Words.RefusesAll.
const checkURL = "check the site or the URL, and what stands between"
