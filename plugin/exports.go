package main

import "C"

import (
	"syscall"
	"unsafe"

	"github.com/fluent/fluent-bit-go/output"
)

const description = "Repairs times; serves /metrics, pushes remote write and Datadog"

// host is the handle table that the C boundary needs.
var host = newProcess()

func main() {}

// FLBPluginRegister describes this library to Fluent Bit. It never returns -1, which
// crashes core.
//
//export FLBPluginRegister
func FLBPluginRegister(def unsafe.Pointer) (ret C.int) {
	defer host.guard("FLBPluginRegister", func() { ret = 0 })
	defer func() { host.takesMetrics.Store(describe(def)) }()
	host.registered()
	return C.int(output.FLBPluginRegister(def, "edge", description))
}

// edgeInit starts one instance from its properties. It is FLBPluginInit in a process
// that has not forked; each function below corresponds to one in entry.c in the same
// way.
//
//export edgeInit
func edgeInit(plugin unsafe.Pointer) (ret C.int) {
	defer host.guard("FLBPluginInit", func() { ret = output.FLB_ERROR })
	in, err := host.open(hostInstance{
		property: func(key string) string { return output.FLBPluginConfigKey(plugin, key) },
		thread:   syscall.Gettid(),
		output:   outputName(plugin),
		park:     func() (*parking, error) { return newParking(host) },
		workers:  func() bool { return dropWorkers(plugin) },
	})
	output.FLBPluginSetContext(plugin, in)
	if err == nil {
		err = in.startParking(plugin)
	}
	if err != nil {
		return output.FLB_ERROR
	}
	return output.FLB_OK
}

// edgeFlushCtx processes one chunk that C has not parked. The payload is only read, and
// only until this returns.
//
//export edgeFlushCtx
func edgeFlushCtx(ctx, data unsafe.Pointer, length C.size_t, tag *C.char) (ret C.int) {
	defer host.guard("FLBPluginFlushCtx", func() { ret = output.FLB_ERROR })
	payload := unsafe.Slice((*byte)(data), int(length))
	return C.int(lookup(ctx).flush(C.GoString(tag), payload, syscall.Gettid()))
}

// edgeExitCtx stops one instance.
//
//export edgeExitCtx
func edgeExitCtx(ctx unsafe.Pointer) (ret C.int) {
	defer host.guard("FLBPluginExitCtx", func() { ret = output.FLB_OK })
	lookup(ctx).close()
	return output.FLB_OK
}

// edgeExit stops every instance: hosts that do not know FLBPluginExitCtx call it once
// for each instance, without saying which.
//
//export edgeExit
func edgeExit() (ret C.int) {
	defer host.guard("FLBPluginExit", func() { ret = output.FLB_OK })
	host.closeAll()
	return output.FLB_OK
}

// edgeUnregister frees what FLBPluginRegister has allocated.
//
//export edgeUnregister
func edgeUnregister(def unsafe.Pointer) {
	defer host.guard("FLBPluginUnregister", func() {})
	output.FLBPluginUnregister(def)
}

// lookup returns the instance that Init stored, or nil, which refuses everything.
func lookup(ctx unsafe.Pointer) *instance {
	in, _ := output.FLBPluginGetContext(ctx).(*instance)
	return in
}
