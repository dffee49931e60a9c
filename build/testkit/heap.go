package testkit

import "runtime"

// Heap returns the bytes of the heap that are reachable: the least of a few readings,
// each after two collections, so that what pools and finalizers held is let go. What
// other goroutines hold at that moment is in it, so a test leaves room for that.
func Heap() int64 {
	least := uint64(1 << 62)
	for range 3 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		least = min(least, m.HeapAlloc)
	}
	return int64(least)
}
