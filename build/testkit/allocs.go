package testkit

import "testing"

// Allocs is how often f allocates, once it is warm: the least of a few
// measurements. The runtime counts for the whole process, so that one measurement
// may hold what another goroutine (a collection, a timer) allocated meanwhile; what
// f allocates is in each.
func Allocs(f func()) float64 {
	least := testing.AllocsPerRun(1, f)
	for tries := 0; least > 0 && tries < 4; tries++ {
		least = min(least, testing.AllocsPerRun(1, f))
	}
	return least
}
