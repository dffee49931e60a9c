package main

import (
	"context"
	"maps"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"out_edge/exporter"
	"out_edge/plugin/config"
	"out_edge/plugin/footprint"
	"out_edge/plugin/pipeline"
	"out_edge/timefix"
)

// instance is one [OUTPUT] section. A nil instance refuses everything: it stands
// for one whose Init failed. fluent-bit-go keeps an instance for ever, so what is
// large in it goes when it closes.
type instance struct {
	pipeline atomic.Pointer[pipeline.Pipeline] // nil once closed
	host     *process
	// drain is how long close may take.
	drain time.Duration
}

func (in *instance) flush(tag string, payload []byte, thread int) pipeline.Result {
	if in == nil {
		return pipeline.Error
	}
	if p := in.pipeline.Load(); p != nil {
		return p.Flush(tag, payload, thread)
	}
	return pipeline.Retry
}

// close is idempotent.
func (in *instance) close() {
	if in == nil {
		return
	}
	in.host.forget(in)
	p := in.pipeline.Swap(nil)
	if p == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), in.drain)
	defer cancel()
	if err := p.Close(ctx); err != nil {
		in.host.log.Warn("close: " + err.Error())
	}
}

func (h *process) forget(in *instance) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.instances, in)
	if len(h.instances) == 0 && h.stopKeeper != nil {
		h.stopKeeper()
	}
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
	h.share(settings)
	clock := settings.Clock(timefix.SystemClock{})
	if h.exporter == nil {
		h.exporter = exporter.New(h.log, clock)
	}
	p, err := pipeline.New(settings.Pipeline, pipeline.Deps{Exporter: h.exporter, Clock: clock, Log: h.log, Thread: thread})
	if err != nil {
		return nil, err
	}
	h.sayLogsOnly.Do(func() {
		if !hostTakesMetrics() {
			h.log.Info("this Fluent Bit hands logs only to Go outputs; metrics events need 5.0, or 4.2.3 with " + eventsVariable + "=metrics")
		}
	})
	in := &instance{host: h, drain: settings.Pipeline.FlushTimeout}
	in.pipeline.Store(p)
	if len(h.instances) == 0 {
		h.stopKeeper = footprint.Start(releaseOwnFile, func(work func()) {
			defer h.guard("footprint", func() {})
			work()
		})
	}
	h.instances[in] = struct{}{}
	return in, nil
}

// share applies the settings that concern the whole process: of several
// instances, the most talkative level and the largest limit hold.
func (h *process) share(settings *config.Settings) {
	first := len(h.instances) == 0
	if level := settings.LogLevel; first || level < h.level.Level() {
		h.level.Set(level)
	}
	limit := settings.MemoryLimit
	if limit == 0 {
		limit = math.MaxInt64 // none
	}
	if !first && limit < h.memory {
		return
	}
	h.memory = limit
	if os.Getenv("GOMEMLIMIT") == "" { // the user's word
		debug.SetMemoryLimit(limit)
	}
}
