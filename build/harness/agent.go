package harness

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// RealAgent returns the path of a fluent-bit on PATH.
func RealAgent() (string, bool) {
	path, err := exec.LookPath("fluent-bit")
	return path, err == nil
}

// AgentArgs returns a real fluent-bit's command line for those parts of a Run that it
// supports: the library, the outputs, the live inputs and the tailed files.
func (r *Run) AgentArgs() []string {
	a := arguments{"--flush", "1", "--plugin", r.Library}
	for _, name := range r.Live {
		a = append(a, "--input", name, "--tag", name)
		if r.Interval >= time.Second {
			a = append(a, "--prop", "interval_sec="+strconv.Itoa(int(r.Interval.Seconds())))
		}
	}
	for _, tag := range sortedKeys(r.Tail) {
		a = append(a, "--input", "tail", "--tag", tag, "--prop", "path="+r.Tail[tag],
			"--prop", "read_from_head=on", "--prop", "refresh_interval=1")
	}
	for _, o := range r.Outputs {
		a = append(a, "--output", o.Name, "--match", "*")
		if r.Threads > 0 {
			a = append(a, "--prop", "workers="+strconv.Itoa(r.Threads))
		}
		for _, p := range o.Properties {
			a = append(a, "--prop", p.Key+"="+p.Value)
		}
	}
	return a
}

// Agent is a running fluent-bit.
type Agent struct {
	cmd    *exec.Cmd
	cancel context.CancelFunc
	stderr bytes.Buffer
}

// StartAgent starts a real fluent-bit with the given command line (such as AgentArgs,
// or "--config", file). It ends with ctx, with the timeout (0: 5 minutes), or by Stop; the
// caller must call Stop or Wait.
func StartAgent(ctx context.Context, path string, args, env []string, timeout time.Duration, tee io.Writer) (*Agent, error) {
	if timeout == 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	a := &Agent{cmd: group(ctx, append([]string{path}, args...)), cancel: cancel}
	a.cmd.Env = append(os.Environ(), env...)
	a.cmd.Stderr = &a.stderr
	if tee != nil {
		a.cmd.Stderr = io.MultiWriter(&a.stderr, tee)
	}
	a.cmd.Stdout = a.cmd.Stderr
	if err := a.cmd.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("start fluent-bit: %w", err)
	}
	return a, nil
}

// Reload asks the agent, which has been started with --enable-hot-reload, to read its
// configuration and to begin anew.
func (a *Agent) Reload() error { return a.cmd.Process.Signal(syscall.SIGHUP) }

// Stop asks the agent to end and returns what it printed.
func (a *Agent) Stop() (string, error) {
	_ = a.cmd.Process.Signal(os.Interrupt)
	return a.Wait()
}

// Kill ends the agent as a power cut does.
func (a *Agent) Kill() {
	a.cancel()
	_, _ = a.Wait()
}

// Wait waits until the agent has ended and returns what it printed.
func (a *Agent) Wait() (string, error) {
	defer a.cancel()
	if err := a.cmd.Wait(); err != nil {
		return a.stderr.String(), fmt.Errorf("run fluent-bit: %w", err)
	}
	return a.stderr.String(), nil
}
