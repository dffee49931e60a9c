package main

import (
	"context"
	"errors"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"out_edge/exporter"
	"out_edge/plugin/config"
	"out_edge/plugin/pipeline"
	"out_edge/timefix"
)

var errForked = errors.New("the process has forked since the library was loaded")

// instance is one [OUTPUT] section. A nil instance refuses everything: it stands
// for one whose Init failed.
type instance struct {
	pipeline *pipeline.Pipeline
	host     *process
	// drain is how long close may take, within what a service manager waits.
	drain time.Duration
}

func (in *instance) flush(tag string, payload []byte, thread int) pipeline.Result {
	if in == nil {
		return pipeline.Error
	}
	return in.pipeline.Flush(tag, payload, thread)
}

// close is idempotent.
func (in *instance) close() {
	if in == nil {
		return
	}
	in.host.forget(in)
	ctx, cancel := context.WithTimeout(context.Background(), in.drain)
	defer cancel()
	if err := in.pipeline.Close(ctx); err != nil {
		in.host.log.Warn("close: " + err.Error())
	}
}

func (h *process) forget(in *instance) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.instances, in)
}

// closeAll closes the instances that are open now.
func (h *process) closeAll() {
	h.mu.Lock()
	open := slices.Collect(maps.Keys(h.instances))
	h.mu.Unlock()
	for _, in := range open {
		in.close()
	}
}

// start brings up a pipeline; the caller holds h.mu.
func (h *process) start(settings *config.Settings, thread int) (*instance, error) {
	h.level.Set(settings.LogLevel)
	limitMemory(settings.MemoryLimit)
	clock := settings.Clock(timefix.SystemClock{})
	if h.hub == nil {
		h.hub = exporter.NewHub(h.log, clock)
	}
	p, err := pipeline.New(settings.Pipeline, pipeline.Deps{Hub: h.hub, Clock: clock, Log: h.log, Thread: thread})
	if err != nil {
		return nil, err
	}
	h.sayLogsOnly.Do(func() {
		if !hostTakesMetrics() {
			h.log.Info("this Fluent Bit hands logs only to Go outputs; metrics events need 5.0, or 4.2.3 with " + eventsVariable + "=metrics")
		}
	})
	in := &instance{pipeline: p, host: h, drain: settings.Pipeline.FlushTimeout}
	h.instances[in] = struct{}{}
	return in, nil
}

// limitMemory sets the collector's soft limit, unless the user has by
// GOMEMLIMIT.
func limitMemory(bytes int64) {
	if os.Getenv("GOMEMLIMIT") == "" && bytes > 0 {
		debug.SetMemoryLimit(bytes)
	}
}
