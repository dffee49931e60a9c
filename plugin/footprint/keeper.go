package footprint

import (
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// Period is how often it is looked whether memory can be given back. The collector
// would let garbage grow to 4 MB and more (its minimum heap) before it looks, and
// keep the pages.
const Period = 15 * time.Second

// worth is what must be to spare for a collection: one costs an idle agent as much as
// several requests do.
const worth = 1 << 20

// startUp is when memory is given back for the first time.
const startUp = 10 * time.Second

// busy is how many collections there may be in a Period in an agent that has
// little to do. One that has more to do would only ask for the same pages again.
const busy = 30

// Start gives memory back, after start-up and then each Period, until stop is
// called: whatever the heap does not need while there is little to do, and once in
// the life of the process what file knows of. Each time it calls protect with the
// work, for protect to catch what may come of it. stop may be called again; it
// does not wait.
func Start(file func(), protect func(work func())) (stop func()) {
	ended := make(chan struct{})
	go func() {
		tick := time.NewTicker(startUp)
		defer tick.Stop()
		k := keeper{cycles: collections()}
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
				tick.Reset(Period)
				protect(func() {
					fileOnce.Do(file)
					k.tidy()
				})
			}
		}
	}()
	return sync.OnceFunc(func() { close(ended) })
}

var fileOnce sync.Once

// keeper remembers how much the collector had done when it last looked, and how many
// bytes of heap were left when it last gave some back.
type keeper struct{ cycles, heap uint64 }

// tidy gives back what the heap does not need, and tells whether it did.
func (k *keeper) tidy() bool {
	before := k.cycles
	k.cycles = collections()
	if k.cycles-before > busy || k.spare() < worth {
		return false
	}
	debug.FreeOSMemory()
	k.cycles, k.heap = collections(), heap()
	return true
}

// collections is how often the heap was collected.
func collections() uint64 { return sum("/gc/cycles/total:gc-cycles") }

// spare is how many bytes can be given back at most: what the heap has grown by since
// the last time, and its free pages.
func (k *keeper) spare() uint64 {
	now := heap()
	return now - min(k.heap, now) + sum("/memory/classes/heap/free:bytes")
}

// heap is the size of all objects, in bytes, those that are garbage among them.
func heap() uint64 { return sum("/memory/classes/heap/objects:bytes") }

// sum is one of the runtime's figures, or 0 where it has none of that name.
func sum(name string) uint64 {
	s := []metrics.Sample{{Name: name}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s[0].Value.Uint64()
}
