package telemetry

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// OutputLabel is the label that distinguishes the series of several outputs of one
// agent. With a single output the series do not have it: it is not needed, and queries
// work as documented.
const OutputLabel = "output"

// Group is the Telemetries of the outputs of one process. The zero value is ready to
// use, and safe for concurrent use.
type Group struct {
	mu      sync.Mutex
	open    map[string]*Telemetry // by the value of the label
	several atomic.Bool
}

// Open creates the Telemetry of an output with the name that Fluent Bit uses, or "" if
// that is not known: then its number is used, as for one whose name is taken. Close it.
func (g *Group) Open(output string, cfg Config) *Telemetry {
	g.mu.Lock()
	defer g.mu.Unlock()
	output = strings.ToValidUTF8(output, "\uFFFD")
	for n := len(g.open); output == "" || g.open[output] != nil; n++ {
		output = strconv.Itoa(n)
	}
	if g.open == nil {
		g.open = make(map[string]*Telemetry)
	}
	t := newTelemetry(cfg, g, output)
	g.open[output] = t
	g.several.Store(len(g.open) > 1)
	return t
}

// Close removes a Telemetry from its Group. It can still count, and be closed again.
func (t *Telemetry) Close() {
	g := t.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open[t.output] == t {
		delete(g.open, t.output)
	}
	g.several.Store(len(g.open) > 1)
}

// Output returns the value of the label output, if there is one.
func (t *Telemetry) Output() string { return t.output }

// isOneOfSeveral reports whether the series need the label.
func (t *Telemetry) isOneOfSeveral() bool { return t.group.several.Load() }
