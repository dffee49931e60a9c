package main

/*
#cgo CFLAGS: -Wall -fno-plt

#include <stdlib.h>
#include "register.h"
*/
import "C"

import (
	"os"
	"sync"
	"unsafe"

	"out_edge/plugin/config"
)

// eventsVariable overrides the detection of the host: `logs` is one with the short
// struct, `metrics` one that also sends metrics events. It is for hosts whose allocator
// does not know the size of its blocks.
const eventsVariable = "OUT_EDGE_EVENTS"

// The bits of event_type (fluent-bit/flb_event.h).
const (
	eventLogs    = 1
	eventMetrics = 2
)

// describe writes what fluent-bit-go does not into the host's register struct, as far
// as this host's struct reaches. It reports whether metrics events were requested.
func describe(def unsafe.Pointer) (metrics bool) {
	C.edge_accept_tls(def)
	if os.Getenv(eventsVariable) == "logs" {
		return false // nothing after the fields that every version has
	}
	if C.edge_takes_config_map(def) != 0 {
		C.edge_set_config_map(def, configMap())
	}
	metrics = os.Getenv(eventsVariable) == "metrics" || C.edge_has_event_type(def) != 0
	if metrics {
		C.edge_set_event_type(def, eventLogs|eventMetrics)
	}
	return metrics
}

// configMap is the option table in Fluent Bit's form, made once: core keeps pointers
// into it, and calls Register again with each reload.
var configMap = sync.OnceValue(func() *C.struct_edge_option {
	all := config.Options()
	m := C.edge_new_map(C.int(len(all)))
	for i, o := range all {
		var value *C.char
		if o.Default != "" {
			value = C.CString(o.Default)
		}
		C.edge_set_option(m, C.int(i), C.CString(o.Key), value, C.CString(o.Help))
	}
	return m
})
