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

// Endpoint is what a sink supplies for a Sender: where requests go, how one is
// made, and what an answer means. Its functions are called by one goroutine at a
// time for each Run.
type Endpoint struct {
	// Label is the value of the `endpoint` label, URL the address.
	Label, URL string
	// MaxBytes is the most of one body before compression, where batches begin;
	// a batch that does not get through makes later ones smaller. MaxWire is the
	// most of one as it is sent; 0 is no limit.
	MaxBytes, MaxWire int
	// Compress appends the compressed body to dst, or returns body itself.
	Compress func(dst, body []byte) ([]byte, error)
	// Secret is what requests are authenticated with; nil is nothing.
	Secret *Keyring
	// Post makes one request with a body as it is on the wire. The answer is
	// read and closed by the Sender.
	Post func(ctx context.Context, wire []byte, secret Secret) (*http.Response, error)
	// Judge says what an answer means; nil goes by OfStatus. Its Outcome.Answer
	// is overwritten with the status.
	Judge func(a Answer) Outcome
	// Words are those of the log lines and errors.
	Words Words
	// DryRun logs what would be sent, and calls that accepted.
	DryRun bool
	// Show is a body as a dry run logs it; nil shows its bytes.
	Show func(body []byte) string
}

// Answer is an answer that came whole.
type Answer struct {
	Status int
	Header http.Header
	// Body is its text, MaxAnswer at most, valid until the next request. It
	// may quote what was sent: it is not logged.
	Body []byte
}

// Words are a sink's own in log lines and errors, which name the fault in common
// ones.
type Words struct {
	Send        string // begins errors: "send logs to "
	NotAccepted string // the one complaint: "datadog does not accept logs"
	Accepted    string // the one line of recovery: "datadog accepts logs again"
	NoSecret    string // the complaint while there is none: "nothing is sent to datadog"
	NoSecretErr error  // what is waited for
	Refused     string // the first part that is given up for a reason
	// RefusesAll, if not empty, says what to check while even single parts are
	// refused, and nothing was ever accepted.
	RefusesAll string
	// Cure, if not nil, is what a user can do about such a reason.
	Cure func(reason string) string
	// Attrs are put on each line, beside the host.
	Attrs []any
}

// Sender is the one way in which sinks send batches to an endpoint: it compresses
// and sends, halves what is refused for its content or size, makes batches smaller
// where large ones do not get through, sets parts aside while it is not clear that
// there is a receiver at all, reads the secret again when it is refused, and says
// each fault and each recovery once. It is safe for concurrent use: each Run is
// one goroutine's.
type Sender struct {
	Endpoint
	Deps
	host    string
	faults  *FaultLog
	refused *FaultLog // parts that were given up: once a reason
	limit   batchLimit
	// accepted is set once the endpoint has accepted something, or refused a
	// part for a reason that only a receiver gives.
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

// Host is that of the address.
func (s *Sender) Host() string { return s.host }

// BatchBytes is how large a body may be at the moment, before compression.
func (s *Sender) BatchBytes() int { return s.limit.bytes() }

// HasAccepted says whether there is a receiver for certain.
func (s *Sender) HasAccepted() bool { return s.accepted.Load() }

// request is one request, and what became of it.
type request struct {
	Outcome
	answer Answer
	err    *RetryError // set when the Action is Retry or Reload
	// died says that the connection broke, or the time was up, while the
	// request was on a connection.
	died bool
	// uncertain says that the parts may have arrived all the same.
	uncertain bool
	// unsent says that the body was not sent: it is over MaxWire.
	unsent bool
}

// post sends the body in r.wire, and says what became of it. A secret that was
// refused is read again, and if it has changed the body is sent once more.
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
		s.describe(body, len(wire), parts)
		return request{Outcome: Outcome{Action: Delivered}}
	}
	return r.authenticated(len(body), wire)
}

func (r *Run) authenticated(raw int, wire []byte) request {
	s := r.sender
	secret := s.secret()
	for {
		if s.Secret != nil && secret.IsZero() {
			s.faults.Fail("no_key", true, s.Words.NoSecret, append(s.attrs(), "error", s.Words.NoSecretErr)...)
			return request{Outcome: Outcome{Action: Retry}, err: s.retryChanged(s.Words.NoSecretErr, secret)}
		}
		res := r.once(raw, wire, secret)
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

// once makes one request.
func (r *Run) once(raw int, wire []byte, secret Secret) request {
	s := r.sender
	var sent sending
	resp, err := s.Post(sent.trace(r.ctx), wire, secret) //nolint:bodyclose // answered reads and closes it
	writes := int(sent.writes.Load())
	if writes > 0 {
		s.Telemetry.Sent(s.Label, writes*raw, writes*len(wire))
	}
	if err != nil {
		code := CodeOf(err)
		res := s.failed(code, Cause(err))
		res.died = sent.connected.Load() && code != CodeCanceled
		res.uncertain = writes > 0
		return res
	}
	res := r.answered(resp)
	res.uncertain = res.uncertain || sent.again.Load()
	return res
}

// answered judges an answer, once it is there as a whole.
func (r *Run) answered(resp *http.Response) request {
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
		s.complain(o, nil)
		res.err = &RetryError{After: Wait(resp.Header, s.Clock.Now().Time()), Err: s.errorOf(o)}
		res.uncertain = resp.StatusCode >= 500 && resp.StatusCode != http.StatusServiceUnavailable
	}
	return res
}

func (s *Sender) errorOf(o Outcome) error {
	return fmt.Errorf("%s%s: HTTP status %s: %s", s.Words.Send, s.host, o.Answer, o.Meaning)
}

// failed is what became of a request that got no answer that counts.
func (s *Sender) failed(code string, err error) request {
	s.Telemetry.Request(s.Label, code)
	o := OfCode(code)
	if code != CodeCanceled {
		s.complain(o, err)
	}
	return request{Outcome: o, err: &RetryError{Err: fmt.Errorf("%s%s: %s: %w", s.Words.Send, s.host, code, err)}}
}

func (s *Sender) attrs() []any {
	return append(append(make([]any, 0, 16), s.Words.Attrs...), "host", s.host)
}

// complain logs a fault once. The answer's body is left out, as a receiver may
// quote in it what it was sent.
func (s *Sender) complain(o Outcome, err error) {
	attrs := append(s.attrs(), "code", o.Answer, "meaning", o.Meaning, "action", o.Action.String())
	if err != nil {
		attrs = append(attrs, "error", err)
	}
	s.faults.Fail(o.Answer, o.Loud, s.Words.NotAccepted, attrs...)
}

// SayRefused logs the first part that is given up for each reason.
func (s *Sender) SayRefused(reason string) {
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

// dryRunBytes is how much of a body a dry run shows.
const dryRunBytes = 2 << 10

// describe logs what would be sent.
func (s *Sender) describe(body []byte, wire, parts int) {
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
// receiver is there, and what is left may be offered again at once.
var ErrManyRefused = errors.New("many entries are refused by themselves; the rest is tried again later")

// refusesAll says why a refused part is kept.
const refusesAll = "even a single entry is refused, and nothing has been accepted here so far: "

// checkURL is Words.RefusesAll's default.
const checkURL = "check the site or the URL, and what stands between"
