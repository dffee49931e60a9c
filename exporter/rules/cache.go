package rules

import "sync"

// generations remembers what was worked out for a key. It holds at most twice
// limit entries: what is used stands in the young generation, and when that is
// full, the old one is let go. It is safe for concurrent use.
type generations[K comparable, V any] struct {
	limit      int
	mu         sync.RWMutex
	young, old map[K]V
}

// get finds the value of k.
func (g *generations[K, V]) get(k K) (V, bool) {
	v, young, ok := g.find(k)
	if ok && !young {
		g.put(k, v)
	}
	return v, ok
}

// find is get, and tells whether the value stands in the young generation.
func (g *generations[K, V]) find(k K) (v V, young, ok bool) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if v, ok = g.young[k]; ok {
		return v, true, true
	}
	v, ok = g.old[k]
	return v, false, ok
}

// put remembers v for k, unless another value came first: that one is returned.
func (g *generations[K, V]) put(k K, v V) V {
	g.mu.Lock()
	defer g.mu.Unlock()
	if first, ok := g.young[k]; ok {
		return first
	}
	if first, ok := g.old[k]; ok {
		v = first
	}
	if len(g.young) >= g.limit {
		g.old, g.young = g.young, nil
	}
	if g.young == nil {
		g.young = make(map[K]V)
	}
	g.young[k] = v
	return v
}
