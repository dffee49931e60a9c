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
	to   slog.Handler
	last *lastText
}

type lastText struct {
	mu   sync.Mutex
	text string
}

func newToolkitLog(log *slog.Logger) slog.Handler {
	return &toolkitLog{to: log.Handler(), last: new(lastText)}
}

// Enabled is part of slog.Handler.
func (h *toolkitLog) Enabled(ctx context.Context, l slog.Level) bool {
	return h.to.Enabled(ctx, quieter(l))
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
	if r.Level >= slog.LevelWarn && h.last.same(text) {
		return nil
	}
	return h.to.Handle(ctx, slog.NewRecord(r.Time, quieter(r.Level), "web: "+text, r.PC))
}

func (l *lastText) same(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text == text {
		return true
	}
	l.text = text
	return false
}

// WithAttrs is part of slog.Handler.
func (h *toolkitLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &toolkitLog{to: h.to.WithAttrs(attrs), last: h.last}
}

// WithGroup is part of slog.Handler.
func (h *toolkitLog) WithGroup(name string) slog.Handler {
	return &toolkitLog{to: h.to.WithGroup(name), last: h.last}
}
