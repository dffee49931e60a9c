package receivers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"out_edge/build/testkit"
)

// Process is a receiver that runs. Close ends it.
type Process struct {
	// URL is its base address, http://127.0.0.1:port.
	URL string

	cmd    *exec.Cmd
	ready  string
	log    *testkit.Buffer
	client http.Client
	header http.Header   // of requests
	ended  chan struct{} // closed when the program has
	close  sync.Once
}

// start runs a program on a free port, and returns once it answers 200 at the path
// ready. Its arguments are made of the address.
func start(ctx context.Context, program, ready string, arguments func(addr string) []string) (*Process, error) {
	addr, err := testkit.FreeAddress()
	if err != nil {
		return nil, err
	}
	return launch(ctx, "http://"+addr, ready, append([]string{program}, arguments(addr)...))
}

// launch runs a command line, and returns once its URL answers 200 at the path ready.
func launch(ctx context.Context, url, ready string, line []string) (*Process, error) {
	p := &Process{URL: url, ready: ready, log: new(testkit.Buffer), ended: make(chan struct{})}
	p.client.Transport = &http.Transport{DisableKeepAlives: true}
	p.cmd = exec.Command(line[0], line[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a receiver: %w", err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait()
	}()
	if err := p.await(ctx, ready); err != nil {
		p.Close()
		return nil, fmt.Errorf("start %s: %w\n%s", line[0], err, lastLines(p.log.String()))
	}
	return p, nil
}

// Kill ends the program as a power cut does.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// Again runs the program once more after its end, with the same arguments, and so at
// the same address and with what it has stored.
func (p *Process) Again(ctx context.Context) (*Process, error) {
	again, err := launch(ctx, p.URL, p.ready, p.cmd.Args)
	if err == nil {
		again.header = p.header
	}
	return again, err
}

// Close ends the program and waits until it has gone. It is idempotent.
func (p *Process) Close() {
	p.close.Do(func() {
		_ = p.cmd.Process.Signal(os.Interrupt)
		select {
		case <-p.ended:
		case <-time.After(10 * time.Second):
			_ = p.cmd.Process.Kill()
			<-p.ended
		}
	})
}

// PID is the program's process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Log is what the program has said.
func (p *Process) Log() string { return p.log.String() }

// await polls a path until it answers 200.
func (p *Process) await(ctx context.Context, path string) error {
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		if _, err := p.get(ctx, path); err == nil {
			return nil
		}
		select {
		case <-poll.C:
		case <-p.ended:
			return errors.New("it has ended")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// get fetches a path; other answers than 2xx are errors.
func (p *Process) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+path, nil)
	if err != nil {
		return nil, err
	}
	maps.Copy(req.Header, p.header)
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s: %s", path, resp.Status, body)
	}
	return body, err
}

// lines fetches a path that answers JSON values one after the other, and gives each
// to take.
func (p *Process) lines(ctx context.Context, path string, take func(*json.Decoder) error) error {
	body, err := p.get(ctx, path)
	if err != nil {
		return err
	}
	for d := json.NewDecoder(bytes.NewReader(body)); ; {
		if err := take(d); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
	}
}
