package testkit

import "testing"

// Allocs returns how often f allocates, once it is warm: the least of some measurements.
// The runtime counts for the whole process, so one measurement may include what another
// goroutine (a collection, a timer) allocated meanwhile, and with the race detector a
// sync.Pool forgets one in four; f's own allocations are in each.
func Allocs(f func()) float64 {
	least := testing.AllocsPerRun(1, f)
	for tries := 0; least > 0 && tries < 50; tries++ {
		least = min(least, testing.AllocsPerRun(1, f))
	}
	return least
}
