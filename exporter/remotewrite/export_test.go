package remotewrite

import (
	"math"
	"net/http"

	"out_edge/build/testkit"
	"out_edge/plugin/chunk"
	"out_edge/plugin/delivery"
	"out_edge/plugin/delivery/outbox"
	"out_edge/plugin/metric"
)

// SetTransport replaces what carries the requests.
func (s *Sink) SetTransport(rt http.RoundTripper) { s.client.Transport = rt }

// Compress is what a sink does to a body.
func Compress(c Compression, body []byte) []byte { return c.compress(nil, body) }

// Encoding is points that a Sink would send in one request.
type Encoding struct {
	sink  *Sink
	items []item
}

// source is a chunk of one sample.
type source [1]metric.Sample

func (*source) Records(func(*chunk.Record, int64) bool) {}
func (s *source) Samples() []metric.Sample              { return s[:] }
func (s *source) Again(string) []metric.Sample          { return s[:] }

// NewEncoding is of samples, each from a chunk of its own.
func NewEncoding(cfg Config, samples []metric.Sample) *Encoding {
	cfg.URL = "http://127.0.0.1:1/"
	s, err := New(cfg, Deps{Clock: testkit.NewClock(testkit.Start)})
	if err != nil {
		panic(err)
	}
	var jobs []*delivery.Job
	for _, sample := range samples {
		j := delivery.NewJob(delivery.JobSpec{Source: &source{sample}, Open: 1})
		s.Admit(j)
		jobs = append(jobs, j)
	}
	s.box.Gather(jobs)
	s.box.Begin()
	return &Encoding{s, s.box.Take(nil, outbox.Limit{Points: math.MaxInt32, Bytes: math.MaxInt32})}
}

// Encode is what the request holds; valid until the next Encode.
func (e *Encoding) Encode(version2 bool) []byte { return e.sink.encoder.encode(e.items, version2) }

// EncodeNative is Encode with exponential histograms as such.
func (e *Encoding) EncodeNative(version2 bool) []byte {
	e.sink.encoder.native = true
	return e.sink.encoder.encode(e.items, version2)
}
