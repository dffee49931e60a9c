// Package memo remembers what was worked out, in bounded space.
package memo

import "sync"

// Cache remembers what was worked out for a key. It holds at most twice Limit
// entries: what is used stands in the young generation, and when that is full, the old
// one is let go. It is safe for concurrent use.
type Cache[K comparable, V any] struct {
	// Limit is how many entries a generation has. It must not change once the Cache is
	// in use.
	Limit      int
	mu         sync.RWMutex
	young, old map[K]V
}

// Get finds the value of k.
func (c *Cache[K, V]) Get(k K) (V, bool) {
	v, young, ok := c.find(k)
	if ok && !young {
		c.Put(k, v)
	}
	return v, ok
}

// find is Get, and tells whether the value stands in the young generation.
func (c *Cache[K, V]) find(k K) (v V, young, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if v, ok = c.young[k]; ok {
		return v, true, true
	}
	v, ok = c.old[k]
	return v, false, ok
}

// Put remembers v for k, unless another value came first: that one is returned.
func (c *Cache[K, V]) Put(k K, v V) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	if first, ok := c.young[k]; ok {
		return first
	}
	if first, ok := c.old[k]; ok {
		v = first
	}
	if len(c.young) >= c.Limit {
		c.old, c.young = c.young, nil
	}
	if c.young == nil {
		c.young = make(map[K]V)
	}
	c.young[k] = v
	return v
}
