package footprint

import (
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var waste []byte

func TestTidy(t *testing.T) {
	runtime.GC()
	if collections() == 0 {
		t.Error("the collections are not counted")
	}
	released := func() uint64 {
		s := []metrics.Sample{{Name: "/memory/classes/heap/released:bytes"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	waste = make([]byte, 32<<20)
	for i := range waste {
		waste[i] = 1
	}
	before := released()
	waste = nil
	k := releaser{cycles: collections()}
	if !k.release() || k.cycles != collections() {
		t.Error("an idle heap kept its memory, or its collection is taken for work")
	}
	if grown := int64(released() - before); grown < 16<<20 {
		t.Errorf("%d bytes went back, want most of 32 MiB", grown)
	}
	for range busy + 1 {
		runtime.GC()
	}
	if k.release() {
		t.Error("a busy heap was collected")
	}
	waste = make([]byte, 2*minRelease)
	if !k.release() {
		t.Error("a heap that has become idle kept its memory")
	}
	if k.release() {
		t.Error("a heap was collected that has nothing to give back")
	}
}

// TestStart sleeps in synctest's time: nobody waits.
func TestStart(t *testing.T) {
	fileOnce = sync.Once{}
	synctest.Test(t, func(t *testing.T) {
		var files, works atomic.Int32
		protect := func(work func()) {
			works.Add(1)
			work()
		}
		for range 2 { // a second life of the plugin in one process
			stop := Start(func() { files.Add(1) }, protect)
			time.Sleep(startUp + Period + 1)
			stop()
			stop()
			time.Sleep(10 * Period)
		}
		if f, w := files.Load(), works.Load(); f != 1 || w != 4 {
			t.Errorf("the file was given up %d times, want 1; %d periods, want 4", f, w)
		}
	})
}
