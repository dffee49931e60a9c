package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"out_edge/build/testkit"
)

// warmUp is how long an agent runs before it is measured.
const warmUp = 10 * time.Second

// scrapeEvery is how often the agents that serve /metrics are asked.
const scrapeEvery = 5 * time.Second

// quietAgent is an agent with little to do.
type quietAgent struct {
	row
	inputs, output string
	edge           bool
	page           string // scraped, or ""
	cmd            *exec.Cmd
	before, after  usage
}

// usage is a process's time on the processor in ns, and its switches between threads.
type usage struct{ cpu, switches float64 }

const (
	fewInputs = "[INPUT]\nname dummy\nrate 1\ntag app\n[INPUT]\nname cpu\ninterval_sec 5\ntag cpu\n[INPUT]\nname mem\ninterval_sec 5\ntag mem\n"
	hostInput = "[INPUT]\nname node_exporter_metrics\nscrape_interval 10\ntag node\n"
)

func quietAgents() ([]*quietAgent, error) {
	theirPage, errs := freePort()
	page, err := freePort()
	if err := errors.Join(errs, err); err != nil {
		return nil, err
	}
	of := func(name, beside, inputs, output, page string) *quietAgent {
		return &quietAgent{row: row{Part: "quiet", Name: name, Thing: "second", Beside: beside}, inputs: inputs, output: output, page: page, edge: strings.HasPrefix(output, "name edge")}
	}
	return []*quietAgent{
		of("logs, cpu, mem: null", "", fewInputs, "name null\n", ""),
		of("logs, cpu, mem: "+datadogGzip, "", fewInputs, datadog+"compress gzip\n", ""),
		of("logs, cpu, mem: edge", "logs, cpu, mem: "+datadogGzip, fewInputs, edge, ""),
		of("node metrics each 10 s: null", "", hostInput, "name null\n", ""),
		of("node metrics each 10 s: prometheus_remote_write", "", hostInput, "name prometheus_remote_write\nhost HOST\nport PORT\nuri /api/v1/write\n", ""),
		of("node metrics each 10 s: edge, remote write", "node metrics each 10 s: prometheus_remote_write", hostInput, "name edge\nlisten off\nremote_write_url http://RECEIVER/api/v1/write\n", ""),
		of("node metrics, scraped each 5 s: prometheus_exporter", "", hostInput, "name prometheus_exporter\nhost 127.0.0.1\nport "+theirPage+"\n", theirPage),
		of("node metrics, scraped each 5 s: edge", "node metrics, scraped each 5 s: prometheus_exporter", hostInput, "name edge\nlisten 127.0.0.1:"+page+"\n", page),
	}, nil
}

// freePort is one that nothing listens on at the moment.
func freePort() (string, error) {
	addr, err := testkit.FreeAddress()
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(addr)
	return port, err
}

// quiet runs them side by side.
func (s *settings) quiet(ctx context.Context, r *report) error {
	return s.withAgent(ctx, func(intake *receiver, library string) error { return s.sideBySide(ctx, r, intake, library) })
}

func (s *settings) sideBySide(ctx context.Context, r *report, intake *receiver, library string) error {
	all, err := quietAgents()
	if err != nil {
		return err
	}
	defer func() {
		for _, a := range all {
			a.end()
		}
	}()
	for i, a := range all {
		if err := a.start(s, i, intake.addr, library); err != nil {
			return err
		}
	}
	if err := watchQuiet(ctx, all, time.Duration(s.seconds)*time.Second); err != nil {
		return err
	}
	r.Rows = append(r.Rows, quietRows(all, float64(s.seconds))...)
	return nil
}

func (a *quietAgent) start(s *settings, i int, addr, library string) error {
	conf := "[SERVICE]\nflush 1\nlog_level off\n" + a.inputs + "[OUTPUT]\nmatch *\nretry_limit no_limits\n" + at(addr).Replace(a.output)
	path := filepath.Join(s.dir, "quiet"+strconv.Itoa(i)+".conf")
	if err := os.WriteFile(path, indent(conf), 0o600); err != nil {
		return err
	}
	args := []string{"-c", path}
	if a.edge {
		args = append([]string{"-e", library}, args...)
	}
	a.cmd = exec.Command(s.agent, args...)
	return a.cmd.Start()
}

func (a *quietAgent) end() {
	if a.cmd != nil && a.cmd.Process != nil {
		_ = a.cmd.Process.Signal(syscall.SIGTERM)
		_ = a.cmd.Wait()
	}
}

// watchQuiet measures from the warm-up's end on, and scrapes meanwhile.
func watchQuiet(ctx context.Context, all []*quietAgent, span time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, warmUp+span)
	defer cancel()
	warm := time.After(warmUp)
	tick := time.NewTicker(scrapeEvery)
	defer tick.Stop()
	for {
		select {
		case <-warm:
			for _, a := range all {
				a.before = usageOf(a.cmd.Process.Pid)
			}
		case <-tick.C:
			for _, a := range all {
				if err := a.scrape(); err != nil {
					return err
				}
			}
		case <-ctx.Done():
			for _, a := range all {
				a.after = usageOf(a.cmd.Process.Pid)
			}
			return nil
		}
	}
}

func (a *quietAgent) scrape() error {
	if a.page == "" {
		return nil
	}
	resp, err := http.Get("http://127.0.0.1:" + a.page + "/metrics")
	if err != nil {
		return fmt.Errorf("scrape %s: %w", a.Name, err)
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// usageOf reads what the kernel knows of a process's threads.
func usageOf(pid int) (u usage) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	for _, task := range tasks {
		if b, err := os.ReadFile(task + "/schedstat"); err == nil {
			ns, _ := strconv.ParseFloat(strings.Fields(string(b))[0], 64)
			u.cpu += ns
		}
		b, _ := os.ReadFile(task + "/status")
		for line := range strings.Lines(string(b)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.HasSuffix(key, "ctxt_switches") {
				n, _ := strconv.ParseFloat(strings.TrimSpace(value), 64)
				u.switches += n
			}
		}
	}
	return u
}

// quietRows takes off what the agent with the same inputs and the null output uses.
func quietRows(all []*quietAgent, seconds float64) (rows []row) {
	null := map[string]float64{}
	for _, a := range all {
		if strings.HasPrefix(a.output, "name null") {
			null[a.inputs] = a.after.cpu - a.before.cpu
			continue
		}
		a.CPUNanos = (a.after.cpu - a.before.cpu - null[a.inputs]) / seconds
		a.Switches = (a.after.switches - a.before.switches) / seconds
		rows = append(rows, a.row)
	}
	return rows
}
