package main

import (
	"context"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"out_edge/ddsink"
	"out_edge/exporter"
	"out_edge/exporter/remotewrite"
	"out_edge/exporter/rules"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/plugin/pipeline"
	"out_edge/timefix"
)

// clock is a timefix.Clock that run moves.
type clock struct{ elapsed atomic.Int64 }

// start is the instant at which a device begins.
var start = time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)

func (c *clock) Now() timefix.Instant {
	at := c.elapsed.Load()
	return timefix.Instant{Wall: start.UnixNano() + at, Boot: int64(time.Hour) + at}
}

// receiver accepts everything, and counts.
type receiver struct {
	*httptest.Server
	requests, bytes atomic.Int64
}

type counted struct {
	net.Listener
	to *receiver
}

type countedConn struct {
	net.Conn
	to *receiver
}

func (l counted) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return countedConn{c, l.to}, nil
}

func (c countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.to.bytes.Add(int64(n))
	return n, err
}

func (c countedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.to.bytes.Add(int64(n))
	return n, err
}

// ddIdle is how long the sinks of Datadog keep an unused connection: plugin/delivery's
// default.
const ddIdle = 50 * time.Second

// newReceiver answers with a status, over TLS; keeps says whether a connection lives on
// after a request.
func newReceiver(status int, keeps bool) *receiver {
	r := &receiver{}
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		r.requests.Add(1)
		w.WriteHeader(status)
		if status == http.StatusAccepted {
			_, _ = w.Write([]byte("{}"))
		}
	}))
	r.Listener = counted{r.Listener, r}
	r.Config.SetKeepAlivesEnabled(keeps)
	r.StartTLS()
	return r
}

// traffic is what went to a receiver.
type traffic struct{ requests, bytes int64 }

func (r *receiver) traffic() traffic { return traffic{r.requests.Load(), r.bytes.Load()} }

// usage is what a device has sent.
type usage struct{ datadog, remote traffic }

// run has a device go on for a span, with a flush each time that its inputs have
// records.
func run(ctx context.Context, d device, every, span time.Duration) (used usage, err error) {
	dd, rw := newReceiver(http.StatusAccepted, every < ddIdle), newReceiver(http.StatusNoContent, true)
	defer dd.Close()
	defer rw.Close()
	dir, err := os.MkdirTemp("", "daily")
	if err != nil {
		return used, err
	}
	defer os.RemoveAll(dir)
	ca := filepath.Join(dir, "ca.pem") // httptest has one certificate for all
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: dd.Certificate().Raw}), 0o600); err != nil {
		return used, err
	}
	c := &clock{}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	cfg := pipeline.Config{
		Metrics: exporter.Config{Listen: exporter.ListenOff},
		Datadog: &ddsink.Config{URL: dd.URL, MetricsURL: dd.URL, APIKey: delivery.NewSecret("0123456789abcdef0123456789abcdef"), CAFile: ca,
			Hostname: "edge-0001", Service: "pump", Tags: "env:field"},
		RemoteWrite: &remotewrite.Config{URL: rw.URL + "/api/v1/write", CAFile: ca,
			Labels: []metric.Label{{Name: "instance", Value: "edge-0001"}, {Name: "job", Value: "out_edge"}}},
	}
	if d.rules != "" {
		cfg.Datadog = nil
		if cfg.Rules, err = rules.Parse("daily.yaml", []byte(d.rules)); err != nil {
			return used, err
		}
	}
	p, err := pipeline.New(cfg, pipeline.Deps{Exporter: exporter.New(log, c), Clock: c, Log: log, Thread: -1})
	if err != nil {
		return used, err
	}
	err = d.play(p, c, every, span)
	return usage{dd.traffic(), rw.traffic()}, errors.Join(err, p.Close(ctx))
}

// records is what an input has made since the last flush.
func (d device) records(in input, r *rand.Rand, every time.Duration) (all []map[string]any) {
	for range max(1, d.rate*int(every/time.Second)) {
		all = append(all, in.make(r)...)
	}
	return all
}

// play parks a chunk of each input at each flush, and waits until they are delivered.
func (d device) play(p *pipeline.Pipeline, c *clock, every, span time.Duration) error {
	r := rand.New(rand.NewPCG(1, 2)) // the same records each time
	for range int(span / every) {
		c.elapsed.Add(int64(every))
		var open sync.WaitGroup
		var lost atomic.Int64
		var together []pipeline.Parked
		for _, in := range d.inputs {
			chunk, err := payload(d.records(in, r, every), time.Unix(0, c.Now().Wall))
			if err != nil {
				return err
			}
			open.Add(1)
			together = append(together, pipeline.Parked{Tag: in.tag, Payload: chunk, Done: func(result pipeline.Result) {
				if result != pipeline.OK {
					lost.Add(1)
				}
				open.Done()
			}})
		}
		p.Park(together...)
		open.Wait()
		if lost.Load() > 0 {
			return errors.New("a chunk was not delivered")
		}
	}
	return nil
}
