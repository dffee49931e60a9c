package telemetry

import "sync"

// Pool shares Telemetries: two outputs whose series would be the same ones, on one
// page, count with one. The zero value is ready, and safe for concurrent use.
type Pool struct {
	mu   sync.Mutex
	open map[string]*Telemetry
}

// Open makes the Telemetry of a page with the prefix and labels of cfg, or returns
// the one that is there. Close it.
func (p *Pool) Open(page string, cfg Config) *Telemetry {
	key := page + "\xff" + cfg.Prefix
	for _, l := range cfg.Labels {
		key += "\xff" + l.Name + "\xff" + l.Value
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		p.open = make(map[string]*Telemetry)
	}
	t := p.open[key]
	if t == nil {
		t = New(cfg)
		t.pool, t.key = p, key
		p.open[key] = t
	}
	t.users++
	return t
}

// Close ends one use of a Telemetry; call it once for each Open. It may still be
// counted with. One that New made needs no Close.
func (t *Telemetry) Close() {
	if t.pool == nil {
		return
	}
	t.pool.mu.Lock()
	defer t.pool.mu.Unlock()
	if t.users--; t.users == 0 {
		delete(t.pool.open, t.key)
	}
}
