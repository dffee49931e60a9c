package main

import (
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"out_edge/exporter"
	"out_edge/plugin/config"
	"out_edge/plugin/logline"
)

// Both are set by the linker (-X main.version=…).
var (
	version    = "dev"
	commitTime string // in seconds since 1970
)

// process is what all instances in one agent share.
type process struct {
	level slog.LevelVar
	log   *slog.Logger

	sayLogsOnly, sayOtherGo sync.Once

	mu        sync.Mutex
	exporter  *exporter.Exporter // made by the first instance
	instances map[*instance]struct{}
	memory    int64 // the limit in force, in bytes

	stopKeeper func() // footprint.Start's, since the first instance
}

func newProcess() *process {
	h := &process{instances: make(map[*instance]struct{})}
	h.log = slog.New(logline.New(os.Stderr, &h.level))
	tameStandardLog(h.log)
	return h
}

// guard keeps a panic from reaching the host, which it would kill: it is logged
// with its stack and answered as failed says.
func (h *process) guard(entry string, failed func()) {
	if r := recover(); r != nil {
		h.log.Error("panic in "+entry+": please report this", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		failed()
	}
}

// open starts an instance from its properties. What is wrong with them is logged
// here, a line a fault.
func (h *process) open(property func(string) string, thread int) (*instance, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.refuseOtherGo(); err != nil {
		return nil, err
	}
	hostname, _ := os.Hostname() // without one, the host stays unnamed
	settings, faults := config.Load(config.Source{Property: property, Env: os.Getenv, Hostname: hostname, Version: version, BuildDate: buildDate()})
	if len(faults) > 0 {
		for _, f := range faults {
			h.log.Error(f.Error())
		}
		return nil, faults[0]
	}
	in, err := h.start(settings, thread)
	if err != nil {
		h.log.Error("start: " + err.Error())
		return nil, err
	}
	return in, nil
}

// buildDate is the time of the commit that the library was built from, or zero.
func buildDate() time.Time {
	seconds, err := strconv.ParseInt(commitTime, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}
