package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"out_edge/build/harness"
)

// agent is a whole fluent-bit with one output, that reads a file of log lines.
type agent struct {
	row
	edge   bool
	slow   bool   // sends to the slow receiver
	output string // properties, RECEIVER is the address
	filter string
}

// Names that others are compared with.
const (
	nullOutput  = "null"
	datadogGzip = "out_datadog, gzip"
	slowly      = ", slow receiver"
)

const (
	datadog = "name datadog\nhost HOST\nport PORT\ntls off\napikey key\ndd_service svc\ndd_source edge\ndd_tags env:test\n"
	edge    = "name edge\nlisten off\napikey key\ndd_url http://RECEIVER\ndd_metrics_url http://RECEIVER\ndd_service svc\ndd_source edge\ndd_tags env:test\n"
	// lua is the filter by which users cure the times of 32-bit devices: it writes the
	// present over each.
	lua = "[FILTER]\nname lua\nmatch *\ncall now\ncode function now(tag, ts, r) return 1, os.time(), r end\n"
)

func agentsOf() []agent {
	of := func(name, beside, output, filter string) agent {
		return agent{row: row{Part: "agents", Name: name, Thing: "record", Beside: beside}, output: output, filter: filter,
			edge: strings.HasPrefix(output, "name edge"), slow: strings.HasSuffix(name, slowly)}
	}
	return []agent{
		of(nullOutput, "", "name null\n", ""),
		of("out_datadog, no compression", "", datadog, ""),
		of(datadogGzip, "", datadog+"compress gzip\n", ""),
		of("Lua workaround, "+datadogGzip, "", datadog+"compress gzip\n", lua),
		of(datadogGzip+slowly, datadogGzip, datadog+"compress gzip\n", ""),
		of("edge, default (zstd)", datadogGzip, edge, ""),
		of("edge, gzip", datadogGzip, edge+"compress gzip\n", ""),
		of("edge, no compression", "out_datadog, no compression", edge+"compress off\n", ""),
		of("edge, default (zstd)"+slowly, "edge, default (zstd)", edge, ""),
	}
}

// withAgent runs a part that needs a fluent-bit, if there is one, with the library and a
// receiver.
func (s *settings) withAgent(ctx context.Context, part func(intake *receiver, library string) error) error {
	if s.agent == "" {
		log.Print("no fluent-bit on PATH: agents are not measured")
		return nil
	}
	intake, err := startReceiver()
	if err != nil {
		return err
	}
	defer intake.close()
	library, err := s.library(ctx)
	if err != nil {
		return err
	}
	return part(intake, library)
}

// agents lets each read the same lines, in turn.
func (s *settings) agents(ctx context.Context, r *report) error {
	return s.withAgent(ctx, func(intake *receiver, library string) error { return s.inTurn(ctx, r, intake, library) })
}

func (s *settings) inTurn(ctx context.Context, r *report, intake *receiver, library string) error {
	if err := s.writeLines(); err != nil {
		return err
	}
	all := agentsOf()
	for range s.rounds {
		for i := range all {
			if err := s.agentOnce(ctx, &all[i], intake, library); err != nil {
				return fmt.Errorf("%s: %w", all[i].Name, err)
			}
		}
	}
	for _, a := range all[1:] {
		a.CPUNanos -= all[0].CPUNanos
		r.Rows = append(r.Rows, a.row)
	}
	return nil
}

func (s *settings) library(ctx context.Context) (string, error) {
	kit, err := harness.NewKit(s.dir, harness.Native())
	if err != nil {
		return "", err
	}
	return kit.Library(ctx, "./plugin")
}

// linesFile holds what agents read.
const linesFile = "lines.log"

// writeLines writes JSON lines of some 200 bytes, no two alike.
func (s *settings) writeLines() error {
	var b bytes.Buffer
	for i := range s.lines {
		fmt.Fprintf(&b, `{"level":%q,"log":"worker %d: request %08x to /api/v1/devices/%d/state took %d.%d ms","unit":"app.service","pid":%d,"seq":%d,"status":%d,"ratio":%.3f,"remote":"10.0.%d.%d","ok":%t}`+"\n",
			[]string{"info", "warn", "error"}[i%3], i*7919%64, uint32(i)*2654435761, i*31%500, i%97, i%10, 1000+i%500, i, 200+i%5, float64(i%1000)/7, i%7, i%251, i%3 == 0)
	}
	return os.WriteFile(filepath.Join(s.dir, linesFile), b.Bytes(), 0o600)
}

// configure writes an agent's configuration.
func (s *settings) configure(a *agent, addr string) (string, error) {
	parsers := filepath.Join(s.dir, "parsers.conf")
	if err := os.WriteFile(parsers, indent("[PARSER]\nname json\nformat json\n"), 0o600); err != nil {
		return "", err
	}
	conf := "[SERVICE]\nflush 1\ngrace 60\nlog_level warn\nparsers_file " + parsers + "\n" +
		"[INPUT]\nname tail\ntag app\nparser json\nread_from_head on\nexit_on_eof on\npath " + filepath.Join(s.dir, linesFile) + "\n" +
		a.filter + "[OUTPUT]\nmatch *\nretry_limit no_limits\n" + at(addr).Replace(a.output)
	path := filepath.Join(s.dir, "agent.conf")
	return path, os.WriteFile(path, indent(conf), 0o600)
}

// indent indents what stands in a section.
func indent(conf string) []byte {
	var b bytes.Buffer
	for line := range strings.Lines(conf) {
		if !strings.HasPrefix(line, "[") {
			b.WriteString("    ")
		}
		b.WriteString(line)
	}
	return b.Bytes()
}

// at puts a receiver's address into an output's properties.
func at(addr string) *strings.Replacer {
	host, port, _ := strings.Cut(addr, ":")
	return strings.NewReplacer("RECEIVER", addr, "HOST", host, "PORT", port)
}

// agentTimeout is far more than an agent takes.
const agentTimeout = 5 * time.Minute

// agentOnce runs an agent from start to end, and takes what the kernel says it has used.
func (s *settings) agentOnce(ctx context.Context, a *agent, intake *receiver, library string) error {
	addr := intake.addr
	if a.slow {
		addr = intake.slow
	}
	conf, err := s.configure(a, addr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, agentTimeout)
	defer cancel()
	args := []string{"-c", conf}
	if a.edge {
		args = append([]string{"-e", library}, args...)
	}
	cmd := exec.CommandContext(ctx, s.agent, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	peak, err := runAndWatch(cmd)
	if err != nil {
		return fmt.Errorf("run fluent-bit: %w\n%s", err, out.Bytes())
	}
	got, err := intake.received()
	if err != nil {
		return err
	}
	if a.Name != nullOutput && got.Records != s.lines {
		return errors.Join(fmt.Errorf("%d of %d records arrived", got.Records, s.lines), errors.New(out.String()))
	}
	used := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	a.least(float64(used.Utime.Nano()+used.Stime.Nano()) / float64(s.lines))
	a.Bytes = float64(got.Bytes) / float64(s.lines)
	a.PeakMiB = peak
	return nil
}

// runAndWatch returns the most memory that a process had, in MiB. What the kernel says
// at its end would be that of this program, if that is more.
func runAndWatch(cmd *exec.Cmd) (peak float64, err error) {
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return peak, err
		case <-tick.C:
			status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
			if _, rest, ok := strings.Cut(string(status), "VmHWM:"); ok {
				kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
				peak = max(peak, kib/1024)
			}
		}
	}
}
