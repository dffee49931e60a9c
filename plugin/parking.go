package main

// #include "park.h"
import "C"

import (
	"errors"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/fluent/fluent-bit-go/output"

	"out_edge/plugin/pipeline"
)

// parking is the Go side of park.h: it takes parked flushes from C, and passes each on
// for delivery.
type parking struct {
	c    *C.struct_edge_parking
	x    *C.struct_edge_exchange
	wake *os.File // readable when flushes are waiting
	park parkFunc
	host *process

	logRefusal sync.Once

	taking  sync.Mutex     // held from taking flushes until all of them are passed to park
	open    sync.WaitGroup // flushes taken and not ended
	reading sync.WaitGroup // the goroutine that waits for wake
}

// parkFunc delivers chunks that were flushed together. It returns at once.
type parkFunc func(together []pipeline.Parked)

// newParking prepares the host for parked flushes of the instance that this thread
// starts. The error is what the host lacks.
func newParking(h *process) (*parking, error) {
	var fault *C.char
	c := C.edge_parking_new(&fault) //nolint:gocritic // cgo doubles the argument
	if c == nil {
		return nil, errors.New(C.GoString(fault))
	}
	return &parking{c: c, x: C.edge_parking_exchange(c), host: h}, nil
}

// start starts taking the flushes of the instance whose Init got plugin.
func (k *parking) start(plugin unsafe.Pointer, park parkFunc) error {
	fd := C.edge_parking_wake(k.c)
	if fd < 0 {
		return errors.New("no descriptor is left for a timerfd")
	}
	k.wake, k.park = os.NewFile(uintptr(fd), "timerfd"), park
	k.reading.Go(k.read)
	C.edge_parking_open(k.c, plugin)
	return nil
}

// read takes flushes until the parking is stopped. The system call is one that cannot
// block and that Go's scheduler need not hear of, as in delivery's connections.
func (k *parking) read() {
	wake, err := k.wake.SyscallConn()
	if err != nil {
		return
	}
	var expired [8]byte
	_ = wake.Read(func(fd uintptr) (stop bool) {
		_, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&expired)), unsafe.Sizeof(expired))
		if errno == 0 {
			k.take()
		}
		return false // wait again
	})
}

// take passes on all waiting flushes.
func (k *parking) take() {
	k.taking.Lock()
	defer k.taking.Unlock()
	var oldest *C.struct_edge_flush
	for f := (*C.struct_edge_flush)(atomic.SwapPointer(listOf(&k.x.offered), nil)); f != nil; {
		older := f.next
		f.next, oldest = oldest, f
		f = older
	}
	var together []pipeline.Parked
	for f := oldest; f != nil; {
		next := f.next // f belongs to C again as soon as it is ended
		if one, ok := k.parked(f); ok {
			together = append(together, one)
		}
		f = next
	}
	if len(together) > 0 {
		k.deliver(together)
	}
}

// atOnce is what makes the engine's timer expire: the kernel's struct itimerspec.
var atOnce = [4]uintptr{C.EDGE_PERIOD_MS / 1000, C.EDGE_PERIOD_MS % 1000 * 1e6, 0, 1}

// giveBack ends a flush, which then belongs to C.
func (k *parking) giveBack(f *C.struct_edge_flush, r pipeline.Result) {
	f.result = C.int(r)
	for {
		was := atomic.LoadPointer(listOf(&k.x.ended))
		f.next = (*C.struct_edge_flush)(was)
		if !atomic.CompareAndSwapPointer(listOf(&k.x.ended), was, unsafe.Pointer(f)) {
			continue
		}
		if was == nil {
			_, _, _ = syscall.RawSyscall6(syscall.SYS_TIMERFD_SETTIME, uintptr(k.x.alarm), 0, uintptr(unsafe.Pointer(&atOnce)), 0, 0, 0)
		}
		return
	}
}

// listOf returns the beginning of a list, for atomic operations.
func listOf(first **C.struct_edge_flush) *unsafe.Pointer {
	return (*unsafe.Pointer)(unsafe.Pointer(first))
}

// parked reads a flush. A panic costs the chunk.
func (k *parking) parked(f *C.struct_edge_flush) (one pipeline.Parked, ok bool) {
	var once sync.Once
	k.open.Add(1)
	one.Done = func(r pipeline.Result) {
		once.Do(func() {
			k.giveBack(f, r)
			k.open.Done()
		})
	}
	defer k.host.guard("a parked flush", func() { one.Done(output.FLB_ERROR) })
	one.Tag, one.Payload = C.GoString(f.tag), payloadOf(f)
	return one, true
}

// deliver passes on what was flushed together. A panic costs the chunks.
func (k *parking) deliver(together []pipeline.Parked) {
	defer k.host.guard("parked flushes", func() {
		for _, one := range together {
			one.Done(output.FLB_ERROR)
		}
	})
	k.park(together)
}

// payloadOf returns the payload of a flush, which is core's.
func payloadOf(f *C.struct_edge_flush) []byte { return unsafe.Slice((*byte)(f.data), int(f.size)) }

// stop takes what has been offered until now, and no more. It is called when the engine
// offers nothing any more.
func (k *parking) stop() {
	if k.wake != nil {
		_ = k.wake.Close()
		k.reading.Wait()
		k.take()
	}
}

// end returns the parking to C, in ExitCtx, when each flush has been ended. unheard is
// called with the chunks that ended with OK, of which Fluent Bit does not hear any more.
// A flush that is not ended although the pipeline has closed keeps its memory forever,
// so that whatever reads it does not crash the agent.
func (k *parking) end(unheard func(tag string, payload []byte)) {
	ended := make(chan struct{})
	go func() {
		k.open.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		for f := C.edge_parking_parked(k.c); f != nil; f = f.older {
			if f.result == output.FLB_OK {
				unheard(C.GoString(f.tag), payloadOf(f))
			}
		}
		C.edge_parking_end(k.c)
	case <-time.After(time.Second):
		k.host.log.Error("a delivery has not ended with its pipeline: please report this", "stack", string(debug.Stack()))
	}
}

// refusal returns why some flushes are not parked, or "".
func (k *parking) refusal() string { return C.GoString(C.edge_parking_refusal(k.c)) }

// dropWorkers removes the worker threads of the instance whose Init got plugin: a
// parked flush needs none, and core starts a Go output's workers twice but ends them
// once, so that a hot reload crashes. It reports whether the host supports that.
func dropWorkers(plugin unsafe.Pointer) bool { return C.edge_drop_workers(plugin) != 0 }

// outputName returns the host's name of the instance whose Init got plugin, or "".
func outputName(plugin unsafe.Pointer) string { return C.GoString(C.edge_output_name(plugin)) }
