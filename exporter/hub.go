package exporter

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"out_edge/exporter/web"
	"out_edge/timefix"
)

// Hub holds the pages of the process, one for each listen address. It is safe
// for concurrent use.
type Hub struct {
	log   *slog.Logger
	clock timefix.Clock

	mu    sync.Mutex
	pages map[string]*page // by pageKey
}

// NewHub makes an empty hub.
func NewHub(log *slog.Logger, clock timefix.Clock) *Hub {
	return &Hub{log: log, clock: clock, pages: make(map[string]*page)}
}

// Open gives an instance its part of the page of cfg.Listen, and starts the page
// if it is the first there. The error lists all settings that can never work.
// What may heal is none: a busy port, a web config file that is missing or names
// a missing file. It is logged once and tried again in the background.
func (h *Hub) Open(cfg Config) (*Metrics, error) {
	cfg, err := cfg.prepare()
	if err != nil {
		return nil, err
	}
	if err := web.CheckConfigFile(cfg.WebConfigFile); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	p, err := h.page(cfg)
	if err != nil {
		return nil, err
	}
	return p.attach(h, cfg), nil
}

// page finds or starts the page of cfg; the caller holds h.mu.
func (h *Hub) page(cfg Config) (*page, error) {
	if cfg.Listen == ListenOff {
		return newPage(h, "", cfg), nil
	}
	key := pageKey(cfg.Listen)
	if p := h.pages[key]; p != nil {
		if p.webConfigFile != cfg.WebConfigFile {
			return nil, fmt.Errorf("`web_config_file` = %q: another output on %s has %q, and one address can have only one: give both the same, or another `listen`",
				cfg.WebConfigFile, cfg.Listen, p.webConfigFile)
		}
		return p, nil
	}
	p := newPage(h, key, cfg)
	h.pages[key] = p
	return p, nil
}

// close takes m off its page. The address is free before the lock is, so that
// whoever opens it next can have it.
func (h *Hub) close(ctx context.Context, m *Metrics) error {
	h.mu.Lock()
	p := m.page
	last := p.detach(m)
	if last {
		delete(h.pages, p.key)
		p.unlisten()
	}
	h.mu.Unlock()
	if !last {
		return nil
	}
	return p.stop(ctx)
}
