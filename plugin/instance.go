package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"out_edge/exporter"
	"out_edge/plugin/config"
	"out_edge/plugin/footprint"
	"out_edge/plugin/pipeline"
	"out_edge/timefix"
)

// instance is one [OUTPUT] section. A nil instance refuses everything: its Init failed.
// fluent-bit-go keeps an instance forever, so its large parts are released when it
// closes.
type instance struct {
	pipeline atomic.Pointer[pipeline.Pipeline] // nil once closed
	host     *process
	// drain is how long close may take for chunks that wait only in memory.
	drain   time.Duration
	parking *parking // nil if flushes are not parked
}

// startParking parks the flushes of the instance whose Init got plugin, if that is
// chosen.
func (in *instance) startParking(plugin unsafe.Pointer) error {
	if in.parking == nil {
		return nil
	}
	return in.parking.start(plugin, in.park)
}

// park passes on chunks to deliver, and returns at once.
func (in *instance) park(together []pipeline.Parked) {
	if p := in.pipeline.Load(); p != nil {
		p.Park(together...)
		return
	}
	for _, one := range together {
		one.Done(pipeline.Retry)
	}
}

func (in *instance) flush(tag string, payload []byte, thread int) pipeline.Result {
	if in == nil {
		return pipeline.Error
	}
	p := in.pipeline.Load()
	if p == nil {
		return pipeline.Retry
	}
	if in.parking != nil {
		in.parking.logRefusal.Do(func() {
			in.host.log.Warn("flushes cannot be parked: " + in.parking.refusal() + "; " + fallback)
		})
	}
	return p.Flush(tag, payload, thread)
}

// close is idempotent.
func (in *instance) close() {
	if in == nil {
		return
	}
	defer in.host.outlet.Flush(logFlushTimeout)
	handOver := in.host.forget(in)
	p := in.pipeline.Swap(nil)
	if p == nil {
		return
	}
	drain := in.drain
	if in.parking != nil {
		switch {
		case in.parking.refusal() != "":
		case handOver:
			drain = min(drain, handOverDrain)
		default:
			drain = min(drain, parkedDrain)
		}
		in.parking.stop()
		defer in.parking.end(p.Unheard)
	}
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	in.logDrain(p, drain)
	stop := p.Close
	if handOver {
		stop = p.HandOver
	}
	if err := stop(ctx); err != nil {
		in.host.log.Warn("close: " + err.Error())
	}
}

// forget takes an instance off the list, and reports whether another one replaces it.
func (h *process) forget(in *instance) (handOver bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.instances, in)
	if len(h.instances) == 0 && h.stopRelease != nil {
		h.stopRelease()
	}
	return h.reloading
}

// closeAll closes all open instances.
func (h *process) closeAll() {
	h.mu.Lock()
	open := slices.Collect(maps.Keys(h.instances))
	h.mu.Unlock()
	for _, in := range open {
		in.close()
	}
}

// start starts a pipeline; the caller holds h.mu.
func (h *process) start(settings *config.Settings, from hostInstance) (*instance, error) {
	h.share(settings)
	h.logVersion()
	clock := settings.Clock(timefix.SystemClock{})
	if h.exporter == nil {
		h.exporter = exporter.New(h.log, clock)
	}
	parking := h.chooseDelivery(settings, from)
	p, err := pipeline.New(settings.Pipeline, pipeline.Deps{Exporter: h.exporter, Clock: clock, Log: h.log, Thread: from.thread, Keeper: &h.keeper})
	if err != nil {
		if parking != nil {
			parking.end(nil)
		}
		return nil, err
	}
	h.logSinks(settings, p)
	in := &instance{host: h, drain: settings.Pipeline.FlushTimeout, parking: parking}
	in.pipeline.Store(p)
	if len(h.instances) == 0 {
		h.stopRelease = footprint.Start(releaseOwnFile, func(work func()) {
			defer h.guard("footprint", func() {})
			work()
		})
	}
	h.instances[in] = struct{}{}
	return in, nil
}

// parkedDrain is how long requests in progress may take when an instance closes whose
// flushes are parked. Core's grace period is over, it receives no more results, and it
// offers everything that is parked again: what is delivered now arrives twice.
const parkedDrain = 500 * time.Millisecond

// handOverDrain is how long they may take at a hot reload. The next instance then knows
// what they have delivered.
const handOverDrain = 3 * time.Second

// fallback describes what happens to flushes that cannot be parked.
const fallback = "they wait in the queue, or on the worker threads where there are `workers`"

// chooseDelivery decides how chunks are delivered, and logs it. It returns nil if
// flushes are not to be parked, or cannot be.
func (h *process) chooseDelivery(settings *config.Settings, from hostInstance) *parking {
	mode := &settings.Pipeline.Mode
	switch *mode {
	case pipeline.Sync:
		h.log.Info("delivery sync: each flush waits on its thread until the chunk is delivered, and Fluent Bit keeps it meanwhile")
		return nil
	case pipeline.Queue:
		h.log.Info(fmt.Sprintf("delivery queue: chunks are copied into memory, up to %d KiB, and are lost if the agent dies", settings.Pipeline.QueueBytes>>10))
		return nil
	}
	k, err := from.park()
	if err != nil {
		level := slog.LevelInfo
		if *mode == pipeline.Park {
			level = slog.LevelWarn // the user asked for it
		}
		*mode = pipeline.Auto
		h.log.Log(context.Background(), level, "flushes cannot be parked: "+err.Error()+"; "+fallback)
		return nil
	}
	*mode = pipeline.Park
	if from.workers() {
		h.log.Info("delivery park: Fluent Bit keeps each chunk until it is delivered; `workers` are not needed, and not started")
	} else {
		h.log.Info("delivery park: Fluent Bit keeps each chunk until it is delivered; leave out `workers`")
	}
	return k
}

// share applies the settings of the whole process: of several instances, the most
// verbose level and the largest limit apply.
func (h *process) share(settings *config.Settings) {
	first := len(h.instances) == 0
	if first {
		footprint.UseOneProcessor()
	}
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
	if os.Getenv("GOMEMLIMIT") == "" { // GOMEMLIMIT takes precedence
		debug.SetMemoryLimit(limit)
	}
}
