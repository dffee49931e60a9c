package footprint

import (
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// Period is how often memory is released if there is any to release. The collector
// alone would let garbage grow to 4 MB and more (its minimum heap), and keep the pages.
const Period = 15 * time.Second

// minRelease is how many bytes must be free for a collection: one costs an idle agent
// as much as several requests.
const minRelease = 1 << 20

// startUp is when memory is released for the first time.
const startUp = 10 * time.Second

// busy is how many collections an agent with little to do has in a Period at most. A
// busier one would only ask for the same pages again.
const busy = 30

// Start releases memory after start-up and then each Period until stop is called: heap
// that is not needed while there is little to do, and once in the life of the process
// what releaseFile releases. Each time it calls protect with the work, so that protect
// can recover from its panics. stop may be called more than once; it does not wait.
func Start(releaseFile func(), protect func(work func())) (stop func()) {
	ended := make(chan struct{})
	go func() {
		tick := time.NewTicker(startUp)
		defer tick.Stop()
		k := releaser{cycles: collections()}
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
				tick.Reset(Period)
				protect(func() {
					fileOnce.Do(releaseFile)
					k.release()
				})
			}
		}
	}()
	return sync.OnceFunc(func() { close(ended) })
}

var fileOnce sync.Once

// releaser keeps the number of collections at the last check, and the bytes of heap
// after the last release.
type releaser struct{ cycles, heap uint64 }

// release returns memory that the heap does not need to the system, and reports whether
// it did.
func (k *releaser) release() bool {
	before := k.cycles
	k.cycles = collections()
	if k.cycles-before > busy || k.spare() < minRelease {
		return false
	}
	debug.FreeOSMemory()
	k.cycles, k.heap = collections(), heap()
	return true
}

// collections is the number of collections of the heap so far.
func collections() uint64 { return sum("/gc/cycles/total:gc-cycles") }

// spare is how many bytes can be released at most: the growth of the heap since the
// last release, and its free pages.
func (k *releaser) spare() uint64 {
	now := heap()
	return now - min(k.heap, now) + sum("/memory/classes/heap/free:bytes")
}

// heap is the size of all objects in bytes, garbage included.
func heap() uint64 { return sum("/memory/classes/heap/objects:bytes") }

// sum returns one of the runtime's metrics, or 0 if it has none of that name.
func sum(name string) uint64 {
	s := []metrics.Sample{{Name: name}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s[0].Value.Uint64()
}
