package telemetry

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// OutputLabel is the label that tells the series of several outputs of one agent
// apart. Where there is one output they go without it: there is nothing to tell, and
// whoever asks for such a series by its labels finds it as it is documented.
const OutputLabel = "output"

// Group is the Telemetries of the outputs of one process. The zero value is ready, and
// safe for concurrent use.
type Group struct {
	mu      sync.Mutex
	open    map[string]*Telemetry // by what the label says
	several atomic.Bool
}

// Open makes the Telemetry of an output, which Fluent Bit calls output, or "" where
// that is not known: then it is called by its number, as is one whose name is taken.
// Close it.
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

// Close takes a Telemetry out of its Group. It may still be counted with. It may be
// called again.
func (t *Telemetry) Close() {
	g := t.group
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open[t.output] == t {
		delete(g.open, t.output)
	}
	g.several.Store(len(g.open) > 1)
}

// Output is what the label output says of the Telemetry, if it is there.
func (t *Telemetry) Output() string { return t.output }

// isOneOfSeveral tells whether the series need the label.
func (t *Telemetry) isOneOfSeveral() bool { return t.group != nil && t.group.several.Load() }
