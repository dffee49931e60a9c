package web

import (
	"context"
	"log/slog"
	"sync"
)

// toolkitLog is exporter-toolkit's logger. Everything below a warning becomes
// debug. A fault, which the toolkit logs for each request, is logged once until
// another one follows, without what it quotes from the web config file.
type toolkitLog struct {
	slog.Handler
	mu   sync.Mutex
	last string // the fault that was logged last
}

func newToolkitLog(log *slog.Logger) *slog.Logger {
	return slog.New(&toolkitLog{Handler: log.Handler()})
}

// Enabled is part of slog.Handler.
func (h *toolkitLog) Enabled(ctx context.Context, l slog.Level) bool {
	return h.Handler.Enabled(ctx, quieter(l))
}

func quieter(l slog.Level) slog.Level {
	if l < slog.LevelWarn {
		return slog.LevelDebug
	}
	return l
}

// Handle is part of slog.Handler.
func (h *toolkitLog) Handle(ctx context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += " " + a.Key + "=" + redact(a.Value.String())
		return true
	})
	if r.Level >= slog.LevelWarn && !h.isNew(text) {
		return nil
	}
	return h.Handler.Handle(ctx, slog.NewRecord(r.Time, quieter(r.Level), "web: "+text, r.PC))
}

func (h *toolkitLog) isNew(text string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	isNew := h.last != text
	h.last = text
	return isNew
}
