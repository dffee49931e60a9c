package remotewrite_test

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	writev2 "github.com/prometheus/client_golang/exp/api/remote/genproto/v2"
	"google.golang.org/protobuf/encoding/protowire"

	"out_edge/build/testkit"
	"out_edge/exporter/remotewrite"
	"out_edge/plugin/chunk"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// start is the instant that test clocks begin at.
var start = testkit.Start

func newClock() *testkit.Clock { return testkit.NewClock(start) }

// counts is a Telemetry that keeps what it is told as lines.
type counts struct {
	mu sync.Mutex
	n  map[string]int
}

func newCounts() *counts { return &counts{n: map[string]int{}} }

func (c *counts) add(n int, key ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[strings.Join(key, " ")] += n
}

func (c *counts) get(key string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[key]
}

// want fails unless the counts of samples are these, and no others.
func (c *counts) want(t *testing.T, lines ...string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	var got []string
	for key, n := range c.n {
		if name, ok := strings.CutPrefix(key, "samples "); ok {
			got = append(got, fmt.Sprintf("%s %d", name, n))
		}
	}
	slices.Sort(got)
	slices.Sort(lines)
	if !slices.Equal(got, lines) {
		t.Errorf("counted\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(lines, "\n\t"))
	}
}

func (c *counts) Delivered(_ string, n int)        { c.add(n, "samples delivered") }
func (c *counts) Retried(_ string, n int)          { c.add(n, "samples retried") }
func (c *counts) Dropped(_, reason string, n int)  { c.add(n, "samples dropped", reason) }
func (c *counts) Adjusted(_, reason string, n int) { c.add(n, "samples adjusted", reason) }
func (c *counts) Request(_, code string)           { c.add(1, "request", code) }
func (c *counts) Skew(d time.Duration)             { c.add(int(d/time.Second), "skew") }
func (c *counts) Sent(_ string, raw, wire int) {
	c.add(raw, "raw")
	c.add(wire, "wire")
}

// series is one series of a request, as a decoder that is not ours reads it.
type series struct {
	labels string // name="value",...
	meta   string // version 2: type help unit
	points []point
}

type point struct {
	ms    int64
	value float64
}

func (s series) String() string {
	var b strings.Builder
	b.WriteString("{" + s.labels + "}")
	for _, p := range s.points {
		fmt.Fprintf(&b, " %s@%d", number(p.value), p.ms)
	}
	return b.String()
}

func number(f float64) string {
	if math.Float64bits(f) == 0x7ff0000000000002 {
		return "stale"
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// request is what a receiver got.
type request struct {
	header http.Header
	path   string
	raw    []byte
	series []series
}

func (r request) version2() bool {
	return strings.Contains(r.header.Get("Content-Type"), "io.prometheus.write.v2.Request")
}

func (r request) points() (n int) {
	for _, s := range r.series {
		n += len(s.points)
	}
	return n
}

// receiver is a loopback server with the order rules of Prometheus: a request is
// taken as a whole or not at all, and a point that is older than the newest of its
// series is refused, unless tolerant is set.
type receiver struct {
	t      *testing.T
	server *httptest.Server

	mu        sync.Mutex
	tolerant  bool
	v1only    bool
	anyCoding bool                                               // else snappy alone
	answer    func(n int, r request, w http.ResponseWriter) bool // of request n, from 0; true: answered
	requests  []request
	stored    map[string][]point // in the order in which they came
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{t: t, stored: map[string][]point{}}
	r.server = testkit.Receive(t, r.serve)
	return r
}

func (r *receiver) serve(hr testkit.Received, w http.ResponseWriter) {
	if encoding := hr.Header.Get("Content-Encoding"); encoding != "snappy" && !r.anyCoding {
		r.t.Errorf("content encoding %q", encoding)
	}
	raw := hr.Body
	req := request{header: hr.Header, path: hr.Path, raw: raw}
	if r.v1only || !req.version2() {
		req.series = decode1(r.t, raw)
	} else {
		req.series = decode2(r.t, raw)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.requests)
	r.requests = append(r.requests, req)
	if r.answer != nil && r.answer(n, req, w) {
		return
	}
	if req.version2() && !r.v1only {
		w.Header().Set("X-Prometheus-Remote-Write-Samples-Written", strconv.Itoa(req.points()))
	}
	if text := r.refusal(req); text != "" {
		http.Error(w, text, http.StatusBadRequest)
		return
	}
	r.store(req)
	w.WriteHeader(http.StatusNoContent)
}

func (r *receiver) refusal(req request) string {
	for _, s := range req.series {
		var newest point
		if have := r.stored[s.labels]; len(have) > 0 {
			newest = have[len(have)-1]
		}
		for _, p := range s.points {
			switch {
			case p.ms == newest.ms && math.Float64bits(p.value) != math.Float64bits(newest.value):
				return "duplicate sample for timestamp"
			case p.ms < newest.ms && !r.tolerant:
				return "out of order sample"
			}
			newest = p
		}
	}
	return ""
}

func (r *receiver) store(req request) {
	for _, s := range req.series {
		r.stored[s.labels] = append(r.stored[s.labels], s.points...)
	}
}

// lines is what is stored, a line a series.
func (r *receiver) lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for labels, points := range r.stored {
		out = append(out, series{labels: labels, points: points}.String())
	}
	slices.Sort(out)
	return out
}

func (r *receiver) got() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// set changes how the receiver behaves.
func (r *receiver) set(change func(*receiver)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r)
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// fields walks a protobuf message.
func fields(t testing.TB, b []byte, f func(num protowire.Number, typ protowire.Type, v []byte, x uint64)) {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatalf("tag: %v", protowire.ParseError(n))
		}
		b = b[n:]
		switch typ {
		case protowire.BytesType:
			v, n := protowire.ConsumeBytes(b)
			if n < 0 {
				t.Fatalf("field %d: %v", num, protowire.ParseError(n))
			}
			f(num, typ, v, 0)
			b = b[n:]
		case protowire.Fixed64Type:
			x, n := protowire.ConsumeFixed64(b)
			if n < 0 {
				t.Fatalf("field %d: %v", num, protowire.ParseError(n))
			}
			f(num, typ, nil, x)
			b = b[n:]
		case protowire.VarintType:
			x, n := protowire.ConsumeVarint(b)
			if n < 0 {
				t.Fatalf("field %d: %v", num, protowire.ParseError(n))
			}
			f(num, typ, nil, x)
			b = b[n:]
		default:
			t.Fatalf("field %d: type %d", num, typ)
		}
	}
}

// decode1 reads a prometheus.WriteRequest; what it does not know it passes over,
// as protobuf wants.
func decode1(t testing.TB, raw []byte) (all []series) {
	fields(t, raw, func(num protowire.Number, _ protowire.Type, ts []byte, _ uint64) {
		if num != 1 {
			return
		}
		var s series
		var labels []string
		fields(t, ts, func(num protowire.Number, _ protowire.Type, v []byte, _ uint64) {
			switch num {
			case 1:
				var name, value string
				fields(t, v, func(num protowire.Number, _ protowire.Type, v []byte, _ uint64) {
					if num == 1 {
						name = string(v)
					} else {
						value = string(v)
					}
				})
				labels = append(labels, name+"="+strconv.Quote(value))
			case 2:
				var p point
				fields(t, v, func(num protowire.Number, _ protowire.Type, _ []byte, x uint64) {
					if num == 1 {
						p.value = math.Float64frombits(x)
					} else {
						p.ms = int64(x)
					}
				})
				s.points = append(s.points, p)
			case 3, 4: // exemplars and histograms, which the official types of version 2 are asked for
			default:
				t.Fatalf("TimeSeries has field %d", num)
			}
		})
		s.labels = strings.Join(labels, ",")
		all = append(all, s)
	})
	return all
}

// decode2 reads an io.prometheus.write.v2.Request with the official types.
func decode2(t testing.TB, raw []byte) (all []series) {
	var req writev2.Request
	if err := req.UnmarshalVT(raw); err != nil {
		t.Fatalf("version 2: %v", err)
	}
	if len(req.Symbols) == 0 || req.Symbols[0] != "" {
		t.Fatalf("symbols begin with %q", req.Symbols)
	}
	for _, ts := range req.Timeseries {
		var s series
		var labels []string
		for i := 0; i+1 < len(ts.LabelsRefs); i += 2 {
			labels = append(labels, req.Symbols[ts.LabelsRefs[i]]+"="+strconv.Quote(req.Symbols[ts.LabelsRefs[i+1]]))
		}
		s.labels = strings.Join(labels, ",")
		m := ts.GetMetadata()
		s.meta = fmt.Sprint(int(m.GetType()), " ", req.Symbols[m.GetHelpRef()], " ", req.Symbols[m.GetUnitRef()])
		for _, p := range ts.Samples {
			s.points = append(s.points, point{p.Timestamp, p.Value})
		}
		all = append(all, s)
	}
	return all
}

// book keeps log lines as "level message attrs".
type book struct {
	mu    sync.Mutex
	lines []string
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, strings.TrimSpace(string(p)))
	return len(p), nil
}

func (b *book) all() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.lines)
}

func (b *book) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "host" {
			return slog.Attr{}
		}
		return a
	}}))
}

// kit is a sink to a receiver.
type kit struct {
	*remotewrite.Sink
	t      *testing.T
	in     *receiver
	clock  *testkit.Clock
	counts *counts
	log    *book
}

// newKit makes a sink; its URL is the receiver's unless change sets another.
func newKit(t *testing.T, change func(*remotewrite.Config)) *kit {
	t.Helper()
	k := &kit{t: t, in: newReceiver(t), clock: newClock(), counts: newCounts(), log: &book{}}
	cfg := remotewrite.Config{URL: k.in.server.URL + "/api/v1/write", PluginVersion: "1.2.3"}
	if change != nil {
		change(&cfg)
	}
	s, err := remotewrite.New(cfg, remotewrite.Deps{Clock: k.clock, Log: k.log.logger(), Telemetry: k.counts})
	if err != nil {
		t.Fatal(err)
	}
	k.Sink = s
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return k
}

// flushed is the samples of one chunk, and its job once it has come.
type flushed struct {
	samples []metric.Sample
	arrived int64           // ns since 1970; 0 is now
	source  delivery.Source // nil is the chunk itself
	again   []metric.Sample // what its payload gives once samples is nil
	job     *delivery.Job
}

func (c *flushed) Records(func(*chunk.Record, int64) bool) {}
func (c *flushed) Samples() []metric.Sample                { return c.samples }
func (c *flushed) Again(string) []metric.Sample            { return c.again }

// admit has a chunk come.
func (c *flushed) admit(s *remotewrite.Sink, clock timefix.Clock, counts delivery.Telemetry) *delivery.Job {
	if c.job == nil {
		arrived := clock.Now()
		if c.arrived != 0 {
			arrived = timefix.Instant{Wall: c.arrived}
		}
		if c.source == nil {
			c.source = c
		}
		c.job = delivery.NewJob(delivery.JobSpec{Arrived: arrived, Sink: s.Name(), Telemetry: counts, Source: c.source, Open: len(c.samples)})
		s.Admit(c.job)
	}
	return c.job
}

// isSettled says whether nothing of a chunk is open.
func (c *flushed) isSettled() bool { return len(c.samples) == 0 || c.job != nil && c.job.Open() == 0 }

// send has chunks come, and asks the sink to send them.
func (k *kit) send(chunks ...*flushed) error { return k.ask(false, chunks...) }

func (k *kit) ask(probe bool, chunks ...*flushed) error {
	k.t.Helper()
	var jobs []*delivery.Job
	for _, c := range chunks {
		jobs = append(jobs, c.admit(k.Sink, k.clock, k.counts))
	}
	err := k.Send(context.Background(), jobs, probe)
	for _, c := range chunks {
		if err == nil && !probe && !c.isSettled() {
			k.t.Errorf("Send returned nil, but %d samples are not settled", c.job.Open())
		}
	}
	return err
}

// mustSend is send for what must be settled.
func (k *kit) mustSend(chunks ...*flushed) {
	k.t.Helper()
	if err := k.send(chunks...); err != nil {
		k.t.Errorf("Send: %v", err)
	}
}

func gauge(name string, labels ...metric.Label) *metric.Series {
	return &metric.Series{Name: name, Kind: metric.Gauge, Labels: labels}
}

// at is a sample at sec seconds after start.
func at(s *metric.Series, sec float64, value float64) metric.Sample {
	return metric.Sample{Series: s, UnixNano: start.UnixNano() + int64(sec*1e9), Value: value}
}

// ms is that instant in ms since 1970.
func ms(sec float64) int64 { return start.UnixMilli() + int64(sec*1e3) }

// stamped replaces start's ms in lines, so that they can be read.
func stamped(lines []string) []string {
	base := strconv.FormatInt(start.UnixMilli(), 10)[:7]
	for i, l := range lines {
		lines[i] = strings.ReplaceAll(l, "@"+base, "@")
	}
	return lines
}

func fromBits(b uint64) float64 { return math.Float64frombits(b) }
