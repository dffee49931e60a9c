package main

import (
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"out_edge/exporter"
	"out_edge/plugin/config"
	"out_edge/plugin/logline"
	"out_edge/plugin/pipeline"
)

// Both are set by the linker (-X main.version=…).
var (
	version    = "dev"
	commitTime string // in seconds since 1970
)

// process is what all instances in one agent share.
type process struct {
	level  slog.LevelVar
	log    *slog.Logger
	outlet *logline.Outlet // where log writes

	logStart, logOtherGo sync.Once
	// takesMetrics is whether metrics events were requested from the host.
	takesMetrics atomic.Bool

	mu          sync.Mutex
	exporter    *exporter.Exporter // created by the first instance
	instances   map[*instance]struct{}
	history     config.History
	keeper      pipeline.Keeper // from one hot reload to the next
	reloading   bool            // the next configuration is read, and instances run still
	memory      int64           // the limit in force, in bytes
	loggedNotes []string        // notes on settings that were logged

	stopRelease func() // footprint.Start's, since the first instance
}

// logFlushTimeout is how long Init and Exit wait for their log lines to be written: the
// process may end as soon as they return.
const logFlushTimeout = 500 * time.Millisecond

func newProcess() *process {
	h := &process{instances: make(map[*instance]struct{}), outlet: logline.NewOutlet(syscall.Stderr)}
	h.log = slog.New(logline.New(h.outlet, &h.level))
	redirectStandardLog(h.log)
	return h
}

// guard keeps a panic from the host, which it would kill: the panic is logged with its
// stack, and failed sets the result.
func (h *process) guard(entry string, failed func()) {
	if r := recover(); r != nil {
		h.log.Error("panic in "+entry+": please report this", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		failed()
	}
}

// registered notes that the host has read a configuration: while instances run, it
// reloads, and starts others once these have ended.
func (h *process) registered() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reloading = len(h.instances) > 0
}

// hostInstance is what an Init gets from its host.
type hostInstance struct {
	property func(key string) string
	thread   int    // the engine's
	output   string // the host's name for it, or ""
	// park prepares the host for parked flushes; workers removes the worker threads, and
	// reports whether the host supports that.
	park    func() (*parking, error)
	workers func() bool
}

// open starts an instance from its properties. It logs their faults, one on each line.
func (h *process) open(from hostInstance) (*instance, error) {
	defer h.outlet.Flush(logFlushTimeout)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.refuseOtherGoLibrary(); err != nil {
		return nil, err
	}
	h.reloading = false
	hostname, isPrivate := config.SystemName()
	settings, faults := config.Load(config.Source{Property: from.property, Env: os.Getenv,
		Hostname: hostname, IsPrivate: isPrivate, Version: version, BuildDate: buildDate()})
	for _, f := range faults {
		h.log.Error(f.Error())
	}
	if len(h.instances) == 0 {
		h.history.Begin()
	}
	settings, kept := h.history.Take(settings, faults)
	switch {
	case settings == nil:
		return nil, faults[0]
	case kept:
		h.log.Error("the reloaded configuration has faults: this output goes on with its settings from before; mend them and reload again")
	}
	settings.Pipeline.Metrics.Output = from.output
	in, err := h.start(settings, from)
	if err != nil {
		h.log.Error("start: " + err.Error())
		return nil, err
	}
	h.logNotes(settings.Notes)
	return in, nil
}

// logNotes logs notes, each once in a process: several outputs often have the same. The
// caller holds h.mu.
func (h *process) logNotes(notes []string) {
	for _, note := range notes {
		if !slices.Contains(h.loggedNotes, note) {
			h.loggedNotes = append(h.loggedNotes, note)
			h.log.Warn(note)
		}
	}
}

// buildDate returns the time of the commit that the library was built from, or zero.
func buildDate() time.Time {
	seconds, err := strconv.ParseInt(commitTime, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}
