package harness

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

const (
	// defaultTimeout ends what hangs, on a slow machine too.
	defaultTimeout = 5 * time.Minute
	// pipeGrace is how long a killed process's pipes may stay open.
	pipeGrace = 2 * time.Second
)

// Process is a running host.
type Process struct {
	cmd    *exec.Cmd
	cancel context.CancelFunc
	stderr bytes.Buffer
	read   chan error
	over   chan struct{} // closed at its end
	result Result
	ended  bool
}

// Run starts the host and waits for its end. The Result is valid even if the error is
// not nil; a status other than 0 is an *ExitError.
func (k *Kit) Run(ctx context.Context, r Run) (Result, error) {
	p, err := k.Start(ctx, r)
	if err != nil {
		return Result{}, err
	}
	return p.Wait()
}

// Start starts the host. The caller must call Wait. When ctx or the Run's timeout ends,
// the process group is killed.
func (k *Kit) Start(ctx context.Context, r Run) (*Process, error) {
	host, err := k.Host(ctx, r.V5)
	if err != nil {
		return nil, err
	}
	line := append(append(append([]string{}, r.Wrap...), k.arch.Runner...), host)
	return start(ctx, append(line, r.Args()...), r)
}

func start(ctx context.Context, line []string, r Run) (*Process, error) {
	timeout := r.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	p := &Process{cmd: group(ctx, line), cancel: cancel, read: make(chan error, 1), over: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), r.Env...)
	p.cmd.Stderr = &p.stderr
	if r.Stderr != nil {
		p.cmd.Stderr = io.MultiWriter(&p.stderr, r.Stderr)
	}
	if r.StderrFile != nil {
		p.cmd.Stderr = r.StderrFile
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		cancel()
		return nil, fmt.Errorf("start the host: %w", err)
	}
	if err := p.cmd.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("start the host: %w", err)
	}
	go func() {
		p.read <- p.readLines(out, r.OnReport)
		close(p.over)
	}()
	return p, nil
}

// group is a command whose whole process group ends with ctx.
func group(ctx context.Context, line []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = pipeGrace
	return cmd
}

// Pid is the process's id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Signal sends the host a signal; SIGINT and SIGTERM end the run cleanly.
func (p *Process) Signal(s os.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("signal the host: %w", err)
	}
	return nil
}

// Over is closed once the host has ended, or has closed its output.
func (p *Process) Over() <-chan struct{} { return p.over }

// Wait waits for the host's end.
func (p *Process) Wait() (Result, error) {
	defer p.cancel()
	readErr := <-p.read
	err := p.cmd.Wait()
	p.result.Stderr = p.stderr.String()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return p.result, &ExitError{Code: exit.ExitCode(), Stderr: p.result.Stderr}
	case err != nil:
		return p.result, fmt.Errorf("run the host: %w", err)
	case readErr != nil:
		return p.result, readErr
	case !p.ended:
		return p.result, errors.New("run the host: it printed no result")
	}
	return p.result, nil
}

// readLines reads the host's JSON lines until its end. A host that is killed may leave
// half a line; Wait reports that it was killed.
func (p *Process) readLines(out io.Reader, onReport func(Result)) error {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if err := p.readLine(lines.Bytes(), onReport); err != nil {
			_, _ = io.Copy(io.Discard, out)
			return fmt.Errorf("read the host's line: %w", err)
		}
	}
	return lines.Err()
}

func (p *Process) readLine(line []byte, onReport func(Result)) error {
	var kind struct{ Type string }
	if err := json.Unmarshal(line, &kind); err != nil {
		return err
	}
	switch kind.Type {
	case "flush":
		var f Flush
		err := json.Unmarshal(line, &f)
		p.result.Flushes = append(p.result.Flushes, f)
		return err
	case "report":
		var r Result
		err := json.Unmarshal(line, &r)
		p.result.Reports = append(p.result.Reports, r)
		if onReport != nil {
			onReport(r)
		}
		return err
	}
	p.ended = true
	return json.Unmarshal(line, &p.result)
}
