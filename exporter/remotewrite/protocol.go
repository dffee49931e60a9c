package remotewrite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/klauspost/compress/zstd"

	"out_edge/plugin/delivery"
)

// The protocol's headers. Source: Prometheus Remote-Write specifications 1.0 and
// 2.0.
const (
	headerVersion  = "X-Prometheus-Remote-Write-Version"
	headerWritten  = "X-Prometheus-Remote-Write-Samples-Written"
	headerNative   = "X-Prometheus-Remote-Write-Histograms-Written"
	contentType1   = "application/x-protobuf"
	contentType2   = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
	versionNumber1 = "0.1.0"
	versionNumber2 = "2.0.0"
)

// protocol is how requests are encoded and answers interpreted. Only Send uses it.
type protocol struct {
	cfg     Config
	client  *http.Client
	log     *slog.Logger
	host    string
	sender  *delivery.Sender
	headers http.Header // of version 1
	encoder encoder

	// version2 is the version in use; knows2 is set once the receiver has shown that it
	// supports version 2.
	version2, knows2 bool
	// silent2 is set once the receiver has shown that it supports version 2, though it
	// does not report what it has written.
	silent2 bool
	// other is the answer to the request before this one, if that was about the version
	// and this request uses the other version.
	other *verdict
	// again is set between such an answer and the next request.
	again bool
	// classic is set once the receiver has shown that it takes no exponential
	// histograms.
	classic bool
	// zstd is nil with snappy. takesZstd is set once the receiver has accepted a body.
	zstd      *zstd.Encoder
	takesZstd bool
	// sentVersion2 is the version of the last request.
	sentVersion2 bool
	reason       string // of the last refusal
	encoded      []item // of the last request in a dry run
	// storesPart is set if the receiver refused the last request, but stored the good
	// part of it.
	storesPart bool
}

// verdict is the meaning of an answer.
type verdict struct {
	delivery.Outcome
	// refusesVersion: the receiver reports that it does not support this version.
	// doubtful: the answer to version 2 may be from a receiver that has not understood
	// the request.
	refusesVersion, doubtful bool
}

func (v *verdict) wrongVersion() bool { return v.refusesVersion || v.doubtful }

func newProtocol(cfg Config, client *http.Client, deps Deps) (protocol, error) {
	p := protocol{cfg: cfg, client: client, log: deps.Log, version2: cfg.Version == Version2}
	if cfg.Compress == CompressZstd {
		var err error
		if p.zstd, err = delivery.ZstdEncoder(); err != nil {
			return p, fmt.Errorf("set up compression: %w", err)
		}
	}
	if u, err := url.Parse(cfg.URL); err == nil {
		p.host = u.Host
	}
	p.headers = http.Header{
		"User-Agent": {"out_edge/" + cfg.PluginVersion},
		// If the receiver has closed an idle connection, that is noticed only when
		// writing to it: this header lets net/http then retry on another one at once. It
		// is not sent.
		"Idempotency-Key": nil,
	}
	for _, h := range cfg.Headers {
		p.headers.Set(h.Name, h.Value.Reveal())
	}
	return p, nil
}

// open creates the sender. p must not move afterwards.
func (p *protocol) open(deps Deps) {
	e := delivery.Endpoint{
		Label: delivery.SinkRemoteWrite, URL: p.cfg.URL, MaxBytes: maxRequestBytes,
		Compress: func(dst, body []byte) ([]byte, error) { return p.compress(dst, body), nil },
		Post:     p.post, Judge: p.judge, DryRun: p.cfg.DryRun, Show: p.show,
		Words: delivery.Words{
			Send: "send metrics to ", NotAccepted: "remote write is not accepted", Accepted: "remote write is accepted again",
			NoSecret: "nothing is sent by remote write", NoSecretErr: errNoSecret,
			Refused: "the receiver refuses a series or a point of it: it is left out; further ones are only counted", Cure: cure,
		},
	}
	if file := p.cfg.PasswordFile + p.cfg.BearerTokenFile; file != "" { // one of them
		e.Secret = delivery.NewSecretFile(delivery.Secret{}, file, func() time.Duration { return deps.Clock.Now().Elapsed() }, deps.Log)
	}
	p.sender = delivery.NewSender(e, deps)
}

var errNoSecret = errors.New("no password or token yet: waiting for the file that `remote_write_password_file` or `remote_write_bearer_token_file` names")

// encode returns a request's body. It uses the other version if the last answer was
// about the version.
func (p *protocol) encode(items []item) []byte {
	if !p.again {
		p.other = nil
	}
	p.again = false
	p.sentVersion2 = p.version2 != (p.other != nil)
	if p.cfg.DryRun {
		p.encoded = items
	}
	p.encoder.native = p.cfg.NativeHistograms == NativeOn || p.cfg.NativeHistograms == NativeAuto && p.sentVersion2 && !p.classic
	return p.encoder.encode(items, p.sentVersion2)
}

// giveUpNative has exponential histograms go in their classic form from now on.
func (p *protocol) giveUpNative(why string) {
	p.classic = true
	p.log.Warn("the receiver takes no native histograms: exponential ones go to it with classic buckets", "host", p.host, "why", why)
}

// refusesNative reports whether an answer says that the receiver takes no exponential
// histograms. From then on they go in their classic form.
func (p *protocol) refusesNative(a delivery.Answer) bool {
	refused := p.encoder.native && p.cfg.NativeHistograms == NativeAuto && a.Status/100 != 2 && bytes.Contains(a.Body, []byte("native histograms are disabled"))
	if refused {
		p.giveUpNative("they are disabled there")
	}
	return refused
}

// lostHistograms reports whether, according to the receiver, it accepted a request but
// wrote fewer histograms than it had.
func (p *protocol) lostHistograms(items []item, h http.Header) bool {
	if !p.encoder.native || p.cfg.NativeHistograms != NativeAuto {
		return false
	}
	sent := 0
	for i := range items {
		_, histograms := p.encoder.written(&items[i])
		sent += histograms
	}
	written, err := strconv.Atoi(h.Get(headerNative))
	return sent > 0 && (err != nil || written < sent)
}

// post makes one request.
func (p *protocol) post(ctx context.Context, wire []byte, secret delivery.Secret) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.cfg.URL, bytes.NewReader(wire))
	if err != nil {
		return nil, err
	}
	req.Header = p.headers.Clone()
	contentType, number := contentType1, versionNumber1
	if p.sentVersion2 {
		contentType, number = contentType2, versionNumber2
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Content-Encoding", p.contentEncoding())
	req.Header.Set(headerVersion, number)
	switch {
	case p.cfg.BearerTokenFile != "":
		req.Header.Set("Authorization", "Bearer "+secret.Reveal())
	case p.cfg.Username != "":
		req.SetBasicAuth(p.cfg.Username, secret.Reveal())
	}
	return p.client.Do(req)
}

// judge returns the meaning of an answer. If a receiver does not support the version,
// the other one is used, if the user permits that.
func (p *protocol) judge(a delivery.Answer) delivery.Outcome {
	if p.refusesNative(a) || p.refusesZstd(a.Status) {
		p.again = p.other != nil
		return delivery.Outcome{Action: delivery.Again}
	}
	v := p.read(a)
	first := p.other
	p.other = nil
	switch {
	case first != nil:
		v = p.choose(first, v)
	case v.wrongVersion() && p.cfg.Version != Version1:
		p.other, p.again = v, true
		return delivery.Outcome{Action: delivery.Again}
	}
	if v.wrongVersion() && v.Action != delivery.Split {
		v.Action = delivery.Retry
	}
	p.reason = v.Reason
	p.storesPart = v.Action == delivery.Split && !isOrder(v.Reason) && storesPart(a.Body)
	return v.Outcome
}

// storesPart recognises the answers of Mimir and Cortex, which store the good part
// of a request that they refuse for a bad one.
func storesPart(answer []byte) bool {
	return bytes.Contains(answer, []byte("err-mimir-")) || bytes.Contains(answer, []byte("ingester"))
}

// read interprets an answer on its own.
func (p *protocol) read(a delivery.Answer) *verdict {
	v := &verdict{Outcome: outcomeOf(a.Status, a.Body), refusesVersion: a.Status == http.StatusUnsupportedMediaType}
	if p.sentVersion2 {
		p.checkWritten(v, a.Header)
	}
	return v
}

// choose selects one of two verdicts: first was about the version, second is the answer
// to the other one.
func (p *protocol) choose(first, second *verdict) *verdict {
	switch {
	case first.refusesVersion && second.doubtful:
		return p.believe(second)
	case first.doubtful && second.refusesVersion:
		return p.believe(first)
	case second.wrongVersion():
		return first
	case second.Action == delivery.Delivered || second.Action == delivery.Split && first.Action != delivery.Split:
		p.version2, p.silent2 = !p.version2, false
		p.log.Warn("the receiver does not take this version of remote write: the other one is used from now on",
			"host", p.host, "version", p.versionName())
		return second
	case second.Action == delivery.Retry || second.Action == delivery.Reload:
		return second // a failure: nothing is learnt
	}
	return first
}

// believe accepts a doubtful answer to version 2 from a receiver that rejected version
// 1: it reads the version and accepts this one. Otherwise this would resend forever.
func (p *protocol) believe(v *verdict) *verdict {
	p.version2, p.silent2 = true, true
	p.log.Warn("the receiver takes version 2 of remote write alone, and does not say how many samples it has written: its word is taken",
		"host", p.host)
	v.doubtful = false
	return v
}

func (p *protocol) versionName() string {
	if p.version2 {
		return Version2
	}
	return Version1
}

// checkWritten checks whether a receiver of version 2 reports how many samples it has
// written. An answer without that is from a receiver that supports only version 1: for
// it the request was empty.
func (p *protocol) checkWritten(v *verdict, h http.Header) {
	n, err := strconv.Atoi(h.Get(headerWritten))
	said := err == nil && n >= 0
	p.knows2 = p.knows2 || said
	switch {
	case said || p.silent2:
	case v.Action == delivery.Delivered:
		v.doubtful, v.Loud = true, true
		v.Meaning = "accepted, but not as version 2 wants: the receiver knows version 1 alone"
	case v.Action == delivery.Split && !p.knows2:
		v.doubtful = true // it may have refused an empty request
	}
}

// outcomeOf is delivery's table with remote write's special cases.
func outcomeOf(status int, answer []byte) delivery.Outcome {
	o := delivery.OfStatus(status)
	switch status {
	case http.StatusBadRequest:
		if isOtherProtocol(answer) {
			o.Action, o.Reason = delivery.Retry, ""
			o.Meaning = "the address is one of https: `remote_write_url` must begin with https://"
			return o
		}
		o.Meaning = "a point is refused (out of order, too old, a duplicate, malformed): it is found by halving, and the rest delivered"
	case http.StatusConflict: // Thanos
		o.Action, o.Reason, o.Loud = delivery.Split, delivery.ReasonRejected, true
		o.Meaning = "a point is refused (out of order, a duplicate): it is found by halving, and the rest delivered"
	case http.StatusUnauthorized, http.StatusForbidden:
		o.Meaning = "the user, password or token is missing, wrong or not allowed here: check the files and `remote_write_headers`"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		o.Meaning = "nothing takes remote write at this address: check `remote_write_url`, its path included, and that the receiver is switched on"
	case http.StatusUnsupportedMediaType:
		o.Meaning = "the receiver does not take this version of remote write: set `remote_write_version` auto"
		o.Loud = true
	}
	if o.Action == delivery.Split && o.Reason != delivery.ReasonTooLarge {
		if reason := reasonOf(answer); reason != "" {
			o.Reason, o.FromReceiver = reason, true
		}
		o.FromReceiver = o.FromReceiver || storesPart(answer) // only a receiver answers like this
	}
	return o
}

// isOtherProtocol recognises the answers of servers to http on an https port.
func isOtherProtocol(answer []byte) bool {
	return bytes.Contains(answer, []byte("HTTP request to an HTTPS server")) || // Go
		bytes.Contains(answer, []byte("plain HTTP request was sent to HTTPS port")) // nginx
}

// reasonOf returns why a point was refused, or "". It knows the texts of Prometheus and
// of what is built on it (Mimir, Cortex, Thanos).
func reasonOf(answer []byte) string {
	answer = bytes.ToLower(answer)
	has := func(words ...string) bool {
		for _, w := range words {
			if bytes.Contains(answer, []byte(w)) {
				return true
			}
		}
		return false
	}
	switch {
	case has("future"):
		return reasonTooNew
	case has("duplicate", "new-value-for-timestamp"):
		return reasonDuplicate
	case has("too old", "too-old", "out of bounds"):
		return reasonTooOld
	case has("out of order", "out-of-order"):
		return reasonOutOfOrder
	}
	return ""
}
