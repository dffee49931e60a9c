package testkit

import (
	"math/rand/v2"
	"sync"
)

// NewRand returns random numbers that depend only on the seed. Several goroutines may
// use it, such as the handlers of a receiver.
func NewRand(seed uint64) *rand.Rand {
	return rand.New(&lockedSource{source: rand.NewPCG(seed, 7)})
}

type lockedSource struct {
	mu     sync.Mutex
	source rand.Source
}

func (l *lockedSource) Uint64() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.source.Uint64()
}
