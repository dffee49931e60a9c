package remotewrite

import (
	"net/http"

	"out_edge/build/testkit"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
)

// SetTransport replaces what carries the requests.
func (s *Sender) SetTransport(rt http.RoundTripper) { s.target.http.Transport = rt }

// Compress is what a sender does to a body.
func Compress(c Compression, body []byte) []byte { return c.compress(nil, body) }

// Encoding encodes samples as a Sender does, without sending them.
type Encoding struct{ sender *Sender }

// NewEncoding is for cfg's labels.
func NewEncoding(cfg Config) *Encoding {
	cfg.URL = "http://127.0.0.1:1/"
	s, err := New(cfg, Deps{Clock: testkit.NewClock(testkit.Start)})
	if err != nil {
		panic(err)
	}
	return &Encoding{s}
}

// Encode is what one request with samples holds; valid until the next Encode.
func (e *Encoding) Encode(samples []metric.Sample, version2 bool) []byte {
	s := e.sender
	var done delivery.Set
	en, _ := s.open(samples, &done)
	s.mu.Lock()
	s.batch.gather()
	s.mu.Unlock()
	body := s.target.encoder.encode(s.batch.items, version2)
	s.mu.Lock()
	for _, b := range s.batch.entries {
		b.batched = false
	}
	s.remove(en)
	s.mu.Unlock()
	return body
}

// Plans is how many series the sender has prepared.
func (r *Reporter) Plans() int {
	r.sender.mu.Lock()
	defer r.sender.mu.Unlock()
	return len(r.sender.series.plans)
}

// Forget is what a Reporter does with what was not sent.
func (s *Sender) Forget(done *delivery.Set) (open int) { return s.forget(done) }

// Waiting is how many chunks the sender knows.
func (s *Sender) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.entries)
}
