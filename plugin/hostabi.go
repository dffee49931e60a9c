package main

/*
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>

// The register struct of Fluent Bit 4.2.3 and newer, as far as it is written
// here (fluent-bit/flb_plugin_proxy.h). Up to 4.2.2 it ends after description.
struct edge_proxy_def {
	int type;
	int proxy;
	int flags;
	char *name;
	char *description;
	int event_type;
};

static int edge_host_is_v5(void)
{
	return dlsym(RTLD_DEFAULT, "flb_mp_count_log_records") != NULL;
}

static void edge_set_event_type(void *def, int mask)
{
	((struct edge_proxy_def *) def)->event_type = mask;
}
*/
import "C"

import (
	"os"
	"unsafe"
)

// eventsVariable overrides what the host is taken for: `logs`, or `metrics` for
// logs and metrics. Fluent Bit 4.2.3 to 4.2.x, which takes metrics but cannot be
// told from 4.2.2, needs the latter.
const eventsVariable = "OUT_EDGE_EVENTS"

// The bits of event_type (fluent-bit/flb_event.h).
const (
	eventLogs    = 1
	eventMetrics = 2
)

// hostTakesMetrics tells whether the host's register struct has the field that
// asks for metrics events. Writing it where it is not would run over the end of
// the host's allocation.
func hostTakesMetrics() bool {
	switch os.Getenv(eventsVariable) {
	case "metrics":
		return true
	case "logs":
		return false
	}
	return C.edge_host_is_v5() != 0
}

// askForEvents writes the event types into the host's register struct, where it
// has room for them.
func askForEvents(def unsafe.Pointer) {
	if hostTakesMetrics() {
		C.edge_set_event_type(def, eventLogs|eventMetrics)
	}
}
