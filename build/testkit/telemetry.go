package testkit

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// Telemetry keeps a sink's counts by line, such as "datadog dropped unencodable". The
// zero value is ready to use; it is safe for concurrent use.
type Telemetry struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *Telemetry) add(n int, key ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = make(map[string]int)
	}
	c.n[strings.Join(key, " ")] += n
}

// Get returns the count of a line.
func (c *Telemetry) Get(line string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[line]
}

// String returns all counts.
func (c *Telemetry) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprint(c.n)
}

// Delivered counts as "sink delivered".
func (c *Telemetry) Delivered(sink string, n int) { c.add(n, sink, "delivered") }

// Retried counts as "sink retried".
func (c *Telemetry) Retried(sink string, n int) { c.add(n, sink, "retried") }

// Dropped counts as "sink dropped reason".
func (c *Telemetry) Dropped(sink, reason string, n int) { c.add(n, sink, "dropped", reason) }

// Adjusted counts as "sink adjusted reason".
func (c *Telemetry) Adjusted(sink, reason string, n int) { c.add(n, sink, "adjusted", reason) }

// Request counts as "request endpoint code".
func (c *Telemetry) Request(endpoint, code string) { c.add(1, "request", endpoint, code) }

// Skew adds whole seconds to "skew".
func (c *Telemetry) Skew(d time.Duration) { c.add(int(d/time.Second), "skew") }

// Sent adds to "raw endpoint" and "wire endpoint".
func (c *Telemetry) Sent(endpoint string, raw, wire int) {
	c.add(raw, "raw", endpoint)
	c.add(wire, "wire", endpoint)
}
