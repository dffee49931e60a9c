package footprint

import (
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// Period is how often memory is given back. In it, an idle agent makes some 2 MB
// of garbage: the collector would let that grow to 4 MB and more (its minimum
// heap) before it looks, and keep the pages.
const Period = 15 * time.Second

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

// keeper remembers how much the collector had done when it last looked.
type keeper struct{ cycles uint64 }

// tidy gives back what the heap does not need, and tells whether it did.
func (k *keeper) tidy() bool {
	before := k.cycles
	k.cycles = collections()
	if k.cycles-before > busy {
		return false
	}
	debug.FreeOSMemory()
	k.cycles = collections()
	return true
}

// collections is how often the heap was collected.
func collections() uint64 {
	s := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s[0].Value.Uint64()
}
