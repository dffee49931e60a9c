package main

// #include "hostversion.h"
import "C"

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"time"
	"unsafe"

	"out_edge/exporter"
	"out_edge/exporter/statuspage"
	"out_edge/plugin/config"
	"out_edge/plugin/pipeline"
)

// hostVersion returns Fluent Bit's version, or "" if it is not found.
func hostVersion() string {
	var text [32]byte
	n := C.edge_host_version((*C.char)(unsafe.Pointer(&text[0])), C.size_t(len(text)))
	return string(text[:n])
}

// takesLogsOnly reports whether Fluent Bit of this version sends only logs to a Go
// output, although its register struct has room for more.
func takesLogsOnly(version string) bool {
	var have [3]int
	n, _ := fmt.Sscanf(version, "%d.%d.%d", &have[0], &have[1], &have[2])
	return n == len(have) && slices.Compare(have[:], []int{4, 2, 3}) < 0
}

// logVersion logs once what runs, and in which host.
func (h *process) logVersion() {
	h.logStart.Do(func() {
		in := hostVersion()
		takes := "logs and metrics events"
		if !h.takesMetrics.Load() || takesLogsOnly(in) {
			takes = "logs alone: metrics events need Fluent Bit 4.2.3 or newer"
		}
		h.log.Info(fmt.Sprintf("out_edge %s (%s) in Fluent Bit %s: takes %s", version, runtime.GOARCH, cmp.Or(in, "of an unknown version"), takes))
	})
}

// logSinks logs where an instance sends what, and by which rules.
func (h *process) logSinks(settings *config.Settings, p *pipeline.Pipeline) {
	cfg, dry := &settings.Pipeline, ""
	if cfg.DryRun {
		dry = "dry run, nothing is sent: "
	}
	h.logRecords(&cfg.Metrics, cmp.Or(p.Page(), cfg.Metrics.Listen))
	to := p.Destinations()
	for _, d := range to {
		h.log.Info(dry + "sink " + d.Sink + ": " + d.Address)
	}
	if metrics, relabel, routes := cfg.Rules.Counts(); metrics+relabel+routes > 0 {
		h.log.Info(fmt.Sprintf("config_file: %d metrics, %d relabel steps, %d routes", metrics, relabel, routes))
	}
	if len(to) > 0 {
		return
	}
	listen := cmp.Or(p.Page(), cfg.Metrics.Listen)
	if listen == exporter.ListenOff {
		h.log.Warn("no sink is set up and `listen` is off: what comes here goes nowhere")
		return
	}
	h.log.Info("no sink is set up: nothing is sent anywhere, and " + listen + openTo(listen, cfg.Metrics.WebConfigFile))
}

// logRecords warns where anybody on the network can read the last records.
func (h *process) logRecords(cfg *exporter.Config, listen string) {
	if cfg.StatusRecords != statuspage.RecordsOn || cfg.Listen == exporter.ListenOff || cfg.WebConfigFile != "" || exporter.IsLoopback(listen) {
		return
	}
	h.log.Warn("the page shows the last log records to everyone who reaches " + listen + ": without `status_records on`, to this machine alone")
}

// openTo returns who can read the page at an address.
func openTo(listen, webConfigFile string) string {
	switch {
	case webConfigFile != "":
		return " is open to those whom `web_config_file` lets in"
	case exporter.IsLoopback(listen):
		return " is open to this machine"
	}
	return " is open to everyone who reaches this machine"
}

// logDrain logs how long an instance that still holds chunks may take.
func (in *instance) logDrain(p *pipeline.Pipeline, drain time.Duration) {
	chunks, bytes := p.Waiting()
	if chunks == 0 {
		return
	}
	left := "Fluent Bit keeps what is left then"
	if in.parking == nil || in.parking.refusal() != "" {
		left = "what waits in memory and is left then is lost"
	}
	in.host.log.Info(fmt.Sprintf("draining, at most %v: %s", drain, left), "chunks", chunks, "bytes", bytes)
}
