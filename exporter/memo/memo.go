// Package memo caches results in bounded space.
package memo

import "sync"

// Cache is a two-generation cache. It holds at most twice Limit entries: entries in use
// are in the young generation; when that is full it becomes the old one, whose entries
// are evicted. It is safe for concurrent use.
type Cache[K comparable, V any] struct {
	// Limit is the number of entries in a generation. It must not change once the Cache
	// is in use.
	Limit      int
	mu         sync.RWMutex
	young, old map[K]V
}

// Get returns the value of k.
func (c *Cache[K, V]) Get(k K) (V, bool) {
	v, young, ok := c.find(k)
	if ok && !young {
		c.Put(k, v)
	}
	return v, ok
}

// find is Get, and reports whether the value is in the young generation.
func (c *Cache[K, V]) find(k K) (v V, young, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if v, ok = c.young[k]; ok {
		return v, true, true
	}
	v, ok = c.old[k]
	return v, false, ok
}

// Put stores v for k, unless there is a value already. It returns the stored value.
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
