package main

import (
	"bufio"
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
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/exp/api/remote"
	writev2 "github.com/prometheus/client_golang/exp/api/remote/genproto/v2"

	"out_edge/build/testkit"
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

// configFile is Prometheus' configuration in its directory.
const configFile = "prometheus.yml"

// newHome creates a directory with an empty configuration for a Prometheus, and finds a
// free address.
func newHome() (dir, addr string, err error) {
	if dir, err = os.MkdirTemp("", "fleet"); err != nil {
		return "", "", err
	}
	if addr, err = testkit.FreeAddress(); err != nil {
		return "", "", err
	}
	return dir, addr, os.WriteFile(filepath.Join(dir, configFile), nil, 0o600)
}

// startPrometheus runs Debian's package in a directory of its own.
func startPrometheus(ctx context.Context) (*receiver, error) {
	dir, addr, err := newHome()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "prometheus", "--config.file="+filepath.Join(dir, configFile), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.enable-remote-write-receiver", "--web.listen-address="+addr, "--web.max-connections=4096", "--query.max-samples=200000000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start prometheus (apt-get install prometheus): %w", err)
	}
	if err := awaitReady(stderr); err != nil {
		return nil, err
	}
	return &receiver{
		url: "http://" + addr + "/api/v1/write",
		cpu: func() time.Duration { return processCPU(cmd.Process.Pid) },
		stop: func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			_ = os.RemoveAll(dir)
		},
		check: func(ctx context.Context, want int64) error {
			n, err := stored(ctx, addr)
			if err == nil && n != want {
				err = fmt.Errorf("prometheus has %d samples, want %d", n, want)
			}
			return err
		},
	}, nil
}

// awaitReady returns once Prometheus has logged that it takes requests, and goes
// on to read what it logs.
func awaitReady(stderr io.Reader) error {
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "Server is ready to receive web requests") {
			go func() { _, _ = io.Copy(io.Discard, stderr) }()
			return nil
		}
	}
	return errors.New("start prometheus: it ended")
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
