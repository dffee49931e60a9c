package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/klauspost/compress/snappy"

	"out_edge/build/receivers"
	"out_edge/exporter/remotewrite"
	"out_edge/plugin/chunk"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// parallel is how many devices push at one time.
const parallel = 8

// traffic counts what goes over connections.
type traffic struct{ up, down atomic.Int64 }

// countedConn is a connection whose bytes are counted.
type countedConn struct {
	net.Conn
	traffic *traffic
}

func (c countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.traffic.down.Add(int64(n))
	return n, err
}

func (c countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.traffic.up.Add(int64(n))
	return n, err
}

func (t *traffic) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return countedConn{c, t}, nil
}

// ledger is a delivery.Telemetry that keeps what the table needs.
type ledger struct {
	raw, wire, delivered, lost atomic.Int64
}

func (l *ledger) Delivered(_ string, n int)   { l.delivered.Add(int64(n)) }
func (l *ledger) Retried(string, int)         {}
func (l *ledger) Dropped(_, _ string, n int)  { l.lost.Add(int64(n)) }
func (l *ledger) Adjusted(_, _ string, n int) { l.lost.Add(int64(n)) }
func (l *ledger) Request(string, string)      {}
func (l *ledger) Skew(time.Duration)          {}
func (l *ledger) Sent(_ string, raw, wire int) {
	l.raw.Add(int64(raw))
	l.wire.Add(int64(wire))
}

// run measures one row.
func run(ctx context.Context, p plan) (result, error) {
	recv, err := startReceiver(ctx, p.receiver)
	if err != nil {
		return result{}, err
	}
	defer recv.stop()
	var bytes traffic
	var counts ledger
	fleet, err := newFleet(p, remotewrite.Config{
		URL: recv.url, CAFile: recv.caFile, Version: p.version, Compression: p.compression,
		PluginVersion: "1.0.0", DialContext: bytes.dial,
	}, &counts)
	if err != nil {
		return result{}, err
	}
	start := time.Now().Add(-time.Duration(p.minutes+2) * time.Minute).UnixNano()
	if err := fleet.minute(ctx, start); err != nil { // warms up: series are made
		return result{}, err
	}
	bytes.up.Store(0)
	bytes.down.Store(0)
	counts.raw.Store(0)
	counts.wire.Store(0)
	cpu, recvCPU := ownCPU(), recv.cpu()
	for m := 1; m <= p.minutes; m++ {
		if err := fleet.minute(ctx, start+int64(m)*60e9); err != nil {
			return result{}, err
		}
	}
	pushes := float64(p.devices * p.minutes)
	zstd, err := zstdSize(ctx, p)
	if err != nil {
		return result{}, err
	}
	r := result{
		plan: p, samples: float64(60 / p.every * len(fleet.series)),
		raw: float64(counts.raw.Load()) / pushes, wire: float64(counts.wire.Load()) / pushes,
		up: float64(bytes.up.Load()) / pushes, down: float64(bytes.down.Load()) / pushes,
		sender: (ownCPU() - cpu).Seconds() / pushes, receiver: (recv.cpu() - recvCPU).Seconds() / pushes,
		zstd: float64(zstd),
	}
	fleet.close(ctx)
	want := int64(p.devices*(p.minutes+1)) * int64(r.samples)
	if counts.delivered.Load() != want || counts.lost.Load() != 0 {
		return r, fmt.Errorf("%d samples delivered and %d lost, want %d delivered", counts.delivered.Load(), counts.lost.Load(), want)
	}
	return r, recv.check(ctx, want)
}

// fleet is all devices of a row.
type fleet struct {
	plan    plan
	devices []*device
	series  []*metric.Series
	counts  *ledger
}

func newFleet(p plan, cfg remotewrite.Config, counts *ledger) (*fleet, error) {
	f := &fleet{plan: p, series: hostSeries(), counts: counts}
	for i := range p.devices {
		d, err := newDevice(i, cfg, remotewrite.Deps{Clock: timefix.SystemClock{}, Telemetry: counts})
		if err != nil {
			return nil, err
		}
		f.devices = append(f.devices, d)
	}
	return f, nil
}

// minute lets each device push the minute that begins at unixNano.
func (f *fleet) minute(ctx context.Context, unixNano int64) error {
	var wg sync.WaitGroup
	var next atomic.Int64
	errs := make([]error, parallel)
	for w := range parallel {
		wg.Go(func() {
			var samples []metric.Sample
			for i := next.Add(1) - 1; i < int64(len(f.devices)) && errs[w] == nil; i = next.Add(1) - 1 {
				d := f.devices[i]
				samples = d.samples(samples[:0], f.series, unixNano, f.plan.every)
				errs[w] = d.push(ctx, f.plan, f.counts, samples)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (f *fleet) close(ctx context.Context) {
	for _, d := range f.devices {
		_ = d.sink.Close(ctx)
	}
}

// push sends one minute, and gives the connection up if asked.
func (d *device) push(ctx context.Context, p plan, counts *ledger, samples []metric.Sample) error {
	var jobs []*delivery.Job
	for n := len(samples) * p.every / 60; len(samples) > 0; samples = samples[n:] { // each sampling is a chunk
		j := delivery.NewJob(delivery.JobSpec{Arrived: timefix.SystemClock{}.Now(), Sink: d.sink.Name(), Telemetry: counts,
			Source: sampling(samples[:n]), Open: n})
		d.sink.Admit(j)
		jobs = append(jobs, j)
	}
	if err := d.sink.Send(ctx, jobs, false); err != nil {
		return err
	}
	if p.reconnect {
		return d.sink.Close(ctx)
	}
	return nil
}

// sampling is a chunk of samples.
type sampling []metric.Sample

// Records yields none.
func (sampling) Records(func(*chunk.Record, int64) bool) {}

// Samples are all.
func (s sampling) Samples() []metric.Sample { return s }

// Again makes them again.
func (s sampling) Again(string) []metric.Sample { return s }

// ownCPU is the CPU time of this process.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// processCPU is the CPU time of another one, to a hundredth of a second.
func processCPU(pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	const utime, stime = 11, 12 // proc(5), counted from the state
	var ticks int
	for _, i := range []int{utime, stime} {
		n, err := strconv.Atoi(fields[i])
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / 100)
}

// stored asks Prometheus how many samples it has.
func stored(ctx context.Context, p *receivers.Prometheus) (sum int64, err error) {
	for _, name := range hostNames() {
		found, err := p.Instant(ctx, `sum(count_over_time(`+name+`{job="out_edge"}[2h]))`, time.Now())
		if err != nil || len(found) != 1 {
			return 0, fmt.Errorf("ask prometheus for its samples: %w: %v", errors.Join(errNoResult, err), found)
		}
		sum += int64(found[0].Points[0].Value)
	}
	return sum, nil
}

// hostNames are the names of a device's series.
func hostNames() (names []string) {
	for _, s := range hostSeries() {
		if !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	return names
}

var errNoResult = errors.New("not one result")

// tryGzip shows what Prometheus says to a body that is compressed with gzip.
func tryGzip(ctx context.Context, w io.Writer) error {
	recv, err := startReceiver(ctx, prometheus)
	if err != nil {
		return err
	}
	defer recv.stop()
	for _, encoding := range []string{"snappy", "gzip"} {
		body := snappy.Encode(nil, nil)
		if encoding == "gzip" {
			body = gzipBytes(nil)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, recv.url, bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Encoding", encoding)
		req.Header.Set("Content-Type", "application/x-protobuf")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			return err
		}
		fmt.Fprintf(w, "\nContent-Encoding: %s: %s %s", encoding, resp.Status, bytes.TrimSpace(text))
	}
	fmt.Fprintln(w)
	return nil
}

// zstdSize is what the body of one push would be with zstd.
func zstdSize(ctx context.Context, p plan) (size int, err error) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		raw, decodeErr := snappy.Decode(nil, body)
		encoder, encoderErr := delivery.ZstdEncoder()
		if err := errors.Join(err, decodeErr, encoderErr); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		size = len(encoder.EncodeAll(raw, nil))
		w.Header().Set("X-Prometheus-Remote-Write-Samples-Written", "1000000")
	}))
	defer server.Close()
	p.devices = 1
	f, err := newFleet(p, remotewrite.Config{URL: server.URL, Version: p.version}, &ledger{})
	if err != nil {
		return 0, err
	}
	defer f.close(ctx)
	err = f.minute(ctx, time.Now().UnixNano())
	return size, err
}

func gzipBytes(raw []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(raw)
	_ = z.Close()
	return b.Bytes()
}

// cpuModel is the machine's processor, as Linux names it.
func cpuModel() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}
