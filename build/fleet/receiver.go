package main

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/prometheus/client_golang/exp/api/remote"
	writev2 "github.com/prometheus/client_golang/exp/api/remote/genproto/v2"

	"out_edge/build/receivers"
)

// receiverKind is who takes the pushes of a row.
type receiverKind uint8

const (
	// prometheus is Debian's Prometheus, over plain HTTP.
	prometheus receiverKind = iota
	// official is client_golang's handler, in this process: Debian's
	// Prometheus knows version 1 alone.
	official
	// encrypted is Debian's Prometheus behind a proxy that speaks TLS 1.3, in
	// this process.
	encrypted
)

func (k receiverKind) String() string {
	return [...]string{"Prometheus", "client_golang", "TLS, Prometheus"}[k]
}

// receiver is one that runs.
type receiver struct {
	url    string
	caFile string
	stop   func()
	cpu    func() time.Duration
	check  func(ctx context.Context, want int64) error
}

func startReceiver(ctx context.Context, kind receiverKind) (*receiver, error) {
	if kind == official {
		return startOfficial(), nil
	}
	r, err := startPrometheus(ctx)
	if err != nil || kind == prometheus {
		return r, err
	}
	return r, r.encrypt()
}

// newPrometheus runs Debian's package, which keeps what it takes in dir.
func newPrometheus(ctx context.Context, dir string) (*receivers.Prometheus, error) {
	p, err := receivers.StartPrometheus(ctx, dir, "prometheus", "", "--web.max-connections=4096", "--query.max-samples=200000000")
	if errors.Is(err, exec.ErrNotFound) {
		err = fmt.Errorf("%w (apt-get install prometheus)", err)
	}
	return p, err
}

// startPrometheus runs one in a directory of its own.
func startPrometheus(ctx context.Context) (*receiver, error) {
	dir, err := os.MkdirTemp("", "fleet")
	if err != nil {
		return nil, err
	}
	p, err := newPrometheus(ctx, dir)
	if err != nil {
		return nil, err
	}
	return &receiver{
		url: p.WriteURL(),
		cpu: func() time.Duration { return processCPU(p.PID()) },
		stop: func() {
			p.Kill()
			_ = os.RemoveAll(dir)
		},
		check: func(ctx context.Context, want int64) error {
			n, err := stored(ctx, p)
			if err == nil && n != want {
				err = fmt.Errorf("prometheus has %d samples, want %d", n, want)
			}
			return err
		},
	}, nil
}

// encrypt puts a proxy with TLS before the receiver.
func (r *receiver) encrypt() error {
	u, err := url.Parse(r.url)
	if err != nil {
		return err
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: u.Scheme, Host: u.Host})
	server := httptest.NewTLSServer(proxy)
	ca, err := os.CreateTemp("", "fleet-ca")
	if err != nil {
		return err
	}
	block := pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	if err := errors.Join(pem.Encode(ca, &block), ca.Close()); err != nil {
		return err
	}
	stop := r.stop
	r.url, r.caFile = server.URL+u.Path, ca.Name()
	r.stop = func() {
		server.Close()
		_ = os.Remove(ca.Name())
		stop()
	}
	return nil
}

// startOfficial serves client_golang's handler.
func startOfficial() *receiver {
	r := &receiver{cpu: func() time.Duration { return 0 }}
	c := &counter{}
	handler := remote.NewWriteHandler(c, remote.MessageTypes{remote.WriteV2MessageType})
	server := httptest.NewServer(handler)
	r.url, r.stop = server.URL, server.Close
	r.check = func(_ context.Context, want int64) error {
		if c.samples != want {
			return fmt.Errorf("the handler has %d samples, want %d", c.samples, want)
		}
		return nil
	}
	return r
}

// counter counts the samples of version 2 requests.
type counter struct {
	mu      sync.Mutex
	samples int64
}

// Store is what the handler calls.
func (c *counter) Store(r *http.Request, _ remote.WriteMessageType) (*remote.WriteResponse, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var req writev2.Request
	if err := req.UnmarshalVT(raw); err != nil {
		return nil, err
	}
	w := remote.NewWriteResponse()
	for _, ts := range req.Timeseries {
		w.Samples += len(ts.Samples)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.samples += int64(w.Samples)
	return w, nil
}
