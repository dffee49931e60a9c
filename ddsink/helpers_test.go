package ddsink_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"out_edge/build/testkit"
	"out_edge/ddsink"
	"out_edge/plugin/chunk"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"

	"github.com/vmihailenco/msgpack/v5"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// testKey is a key that must never be seen in a log line or an error.
const testKey = "0123456789abcdef0123456789abcdef"

// now is the time of all tests.
func now() time.Time { return testkit.Start }

func newClock() *testkit.Clock { return testkit.NewClock(now()) }

type counts = testkit.Telemetry

func newCounts() *counts { return new(counts) }

// request is what the intake got.
type request struct {
	path   string
	header http.Header
	body   []byte           // decompressed
	items  []map[string]any // logs: the entries; metrics: the series
}

// intake is a loopback server that answers as told and keeps what it accepted.
type intake struct {
	t      *testing.T
	server *httptest.Server

	mu       sync.Mutex
	answer   func(n int, r request, w http.ResponseWriter) // of request n, from 0; nil accepts
	requests []request
}

func newIntake(t *testing.T) *intake {
	in := &intake{t: t}
	in.server = testkit.Receive(t, in.serve)
	return in
}

// inBubble runs a test in a bubble of time, with a sink whose requests need no network.
func inBubble(t *testing.T, change func(*ddsink.Config), test func(t *testing.T, s *setup)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		pipes := testkit.NewPipes()
		in := &intake{t: t}
		in.server = testkit.ReceiveFrom(t, pipes, in.serve)
		test(t, newSinkTo(t, in, func(c *ddsink.Config) {
			c.DialContext = pipes.Dial
			change(c)
		}))
	})
}

func (in *intake) serve(r testkit.Received, w http.ResponseWriter) {
	req := request{path: r.Path, header: r.Header, body: r.Body}
	req.items = items(in.t, req.body)
	in.mu.Lock()
	n := len(in.requests)
	in.requests = append(in.requests, req)
	answer := in.answer
	in.mu.Unlock()
	if answer == nil {
		accept(w)
		return
	}
	answer(n, req, w)
}

func accept(w http.ResponseWriter) {
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, "{}")
}

// forget lets go of what came.
func (in *intake) forget() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.requests = nil
}

func (in *intake) got() []request {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]request(nil), in.requests...)
}

// items parses a body, and finds keys that stand twice in one object.
func items(t *testing.T, body []byte) []map[string]any {
	var list []json.RawMessage
	if bytes.HasPrefix(body, []byte(`{"series":`)) {
		var outer struct{ Series []json.RawMessage }
		if err := json.Unmarshal(body, &outer); err != nil {
			t.Errorf("body is not JSON: %v", err)
		}
		list = outer.Series
	} else if err := json.Unmarshal(body, &list); err != nil {
		t.Errorf("body is not JSON: %v", err)
	}
	var out []map[string]any
	for _, raw := range list {
		m, err := strictObject(raw)
		if err != nil {
			t.Error(err)
		}
		out = append(out, m)
	}
	return out
}

// strictObject parses an object and fails on a key that stands twice in it or in
// one within it.
func strictObject(raw []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := strictValue(d)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if _, err := d.Token(); err != io.EOF || !ok {
		return nil, fmt.Errorf("not one object")
	}
	return m, nil
}

func strictValue(d *json.Decoder) (any, error) {
	tok, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch tok {
	case json.Delim('{'):
		m := map[string]any{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			if _, twice := m[key.(string)]; twice {
				return nil, fmt.Errorf("key %q stands twice", key)
			}
			if m[key.(string)], err = strictValue(d); err != nil {
				return nil, err
			}
		}
		_, err = d.Token()
		return m, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := strictValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	default:
		return tok, nil
	}
}

// setup is a sink with all that it is given.
type setup struct {
	*ddsink.Account
	logs   *ddsink.Logs
	series *ddsink.Metrics
	intake *intake
	clock  *testkit.Clock
	counts *counts
	log    *bytes.Buffer

	mu   sync.Mutex // one Send at a time
	jobs map[*delivery.Set]*delivery.Job
}

// newSink makes a sink that sends to a fresh intake and can reach nothing else.
func newSink(t *testing.T, change func(*ddsink.Config)) *setup {
	t.Helper()
	return newSinkTo(t, newIntake(t), change)
}

// newSinkTo makes a sink that sends to an intake.
func newSinkTo(t *testing.T, in *intake, change func(*ddsink.Config)) *setup {
	t.Helper()
	s := &setup{intake: in, clock: newClock(), counts: newCounts(), log: &bytes.Buffer{}, jobs: map[*delivery.Set]*delivery.Job{}}
	cfg := ddsink.Config{
		APIKey: delivery.NewSecret(testKey), Version: "1.2.3",
		URL: s.intake.server.URL, MetricsURL: s.intake.server.URL,
		DialContext: testkit.LoopbackOnly,
		Timeout:     time.Minute, // a busy machine may need more than the default for 5 MB
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	s.Account, err = ddsink.Open(cfg, ddsink.Deps{
		Clock: s.clock, Telemetry: s.counts,
		Log: slog.New(slog.NewTextHandler(&lockedWriter{w: s.log}, &slog.HandlerOptions{ReplaceAttr: testkit.NoTime})),
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.logs, err = s.Logs(); err != nil {
		t.Fatal(err)
	}
	if s.series, err = s.Metrics(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if strings.Contains(s.log.String(), testKey) {
			t.Error("the key stands in the log")
		}
	})
	return s
}

// offer has a sink send one chunk's job, as its worker does. The same done stands for
// the same chunk; what is settled is in it afterwards.
func (s *setup) offer(ctx context.Context, sink delivery.Sink, tag string, source delivery.Source, positions []int, done *delivery.Set) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	job := s.jobs[done]
	if job == nil {
		open := 0
		for _, i := range positions {
			if !done.Has(i) {
				open++
			}
		}
		job = delivery.NewJob(delivery.JobSpec{Tag: tag, Arrived: s.clock.Now(), Sink: sink.Name(), Telemetry: s.counts,
			Source: source, Open: open, Skip: done.Clone()})
		s.jobs[done] = job
		sink.Admit(job)
	}
	job.Attach(source)
	defer job.Attach(nil)
	err := sink.Send(ctx, []*delivery.Job{job}, false)
	for _, i := range positions {
		if job.IsDone(i) {
			done.Add(i)
		}
	}
	if err != nil {
		s.counts.Retried(sink.Name(), job.Open())
	}
	return err
}

// logChunk is a chunk of logs that a test makes.
type logChunk struct {
	s     *setup
	ctx   context.Context
	tag   string
	done  *delivery.Set
	recs  []*chunk.Record
	nanos []int64
}

func (s *setup) Begin(ctx context.Context, tag string, done *delivery.Set) *logChunk {
	return &logChunk{s: s, ctx: ctx, tag: tag, done: done}
}

func (c *logChunk) Add(rec *chunk.Record, unixNano int64) {
	c.recs, c.nanos = append(c.recs, rec), append(c.nanos, unixNano)
}

// End offers the chunk.
func (c *logChunk) End() error {
	var positions []int
	for _, r := range c.recs {
		positions = append(positions, r.Index)
	}
	return c.s.offer(c.ctx, c.s.logs, c.tag, c, positions, c.done)
}

func (c *logChunk) Records(yield func(*chunk.Record, int64) bool) {
	for i, r := range c.recs {
		if !yield(r, c.nanos[i]) {
			return
		}
	}
}

func (c *logChunk) Samples() []metric.Sample { return nil }

func (c *logChunk) Again(string) []metric.Sample { return nil }

// sampleChunk is a chunk of samples.
type sampleChunk []metric.Sample

func (c sampleChunk) Records(func(*chunk.Record, int64) bool) {}
func (c sampleChunk) Samples() []metric.Sample                { return c }
func (c sampleChunk) Again(string) []metric.Sample            { return c }

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

type pairs = testkit.Pairs

func pack(t testing.TB, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := msgpack.NewEncoder(&b)
	e.UseCompactInts(true)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// rec is a record with the given body.
func rec(t testing.TB, index int, body ...any) *chunk.Record {
	t.Helper()
	return &chunk.Record{Index: index, Body: pack(t, pairs(body))}
}

// decode goes through a payload's records.
func decode(payload []byte, each func(*chunk.Record)) {
	var d chunk.Decoder
	d.Reset(payload)
	for d.Next() {
		each(d.Record())
	}
}

// nano is a record's time as it was sent, unrepaired.
func nano(tm chunk.Time) int64 {
	if tm.Form == chunk.EventTime {
		return int64(tm.Bits>>32)*1e9 + int64(uint32(tm.Bits))
	}
	return int64(tm.Bits) * 1e9
}
