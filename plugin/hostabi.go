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

// eventsVariable overrides what the host is taken for: `logs` is one whose struct
// ends early, `metrics` one that takes metrics events too. It is there for a host
// with an allocator that does not know how long its blocks are.
const eventsVariable = "OUT_EDGE_EVENTS"

// The bits of event_type (fluent-bit/flb_event.h).
const (
	eventLogs    = 1
	eventMetrics = 2
)

// describe writes into the host's register struct what fluent-bit-go does not,
// as far as this host's struct reaches. It reports whether metrics events were
// asked for.
func describe(def unsafe.Pointer) (metrics bool) {
	C.edge_accept_tls(def)
	if os.Getenv(eventsVariable) == "logs" {
		return false // and nothing behind the fields that every version has
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

// configMap is the option table in Fluent Bit's form, made once: core points into
// it, and Register comes again with each reload.
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
