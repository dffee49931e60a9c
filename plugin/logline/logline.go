// Package logline writes slog records in the format of Fluent Bit's own log lines, so
// that the plugin's lines look like the agent's:
//
//	[2026/11/21 05:33:19] [ info] [output:edge] listening on 0.0.0.0:2021
package logline

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
)

// Levels lists the values of `edge_log_level`, the most verbose first.
func Levels() []string { return []string{"debug", "info", "warn", "error", "off"} }

// timeFormat is Fluent Bit's.
const timeFormat = "[2006/01/02 15:04:05]"

// Off is above every level that is used.
const Off = slog.Level(100)

// ParseLevel returns the level that one of Levels names.
func ParseLevel(text string) (slog.Level, bool) {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo,
		"warn": slog.LevelWarn, "error": slog.LevelError, "off": Off}
	l, ok := levels[strings.ToLower(text)]
	return l, ok
}

// Handler is a slog.Handler that writes each record as one line in one Write.
type Handler struct {
	out   *output
	level slog.Leveler
	// attrs are those of WithAttrs, formatted; prefix is that of WithGroup.
	attrs, prefix string
}

// output is shared by a handler and those derived from it.
type output struct {
	mu  sync.Mutex
	w   io.Writer
	buf []byte
}

// New returns a handler that writes records of level and above to w.
func New(w io.Writer, level slog.Leveler) *Handler {
	return &Handler{out: &output{w: w}, level: level}
}

// Enabled reports whether a record of level l would be written.
func (h *Handler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

// Handle writes one line. Control characters in values are quoted, so that a value
// cannot fake a second line.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	b := append(h.out.buf[:0], r.Time.Format(timeFormat+" ")...)
	b = append(b, label(r.Level)...)
	b = append(b, " [output:edge] "...)
	b = append(b, oneLine(r.Message)...)
	b = append(b, h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		b = appendAttr(b, h.prefix, a)
		return true
	})
	b = append(b, '\n')
	h.out.buf = b
	_, err := h.out.w.Write(b)
	return err
}

// WithAttrs returns a handler that adds attrs to each line.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	b := []byte(h.attrs)
	for _, a := range attrs {
		b = appendAttr(b, h.prefix, a)
	}
	next.attrs = string(b)
	return &next
}

// WithGroup returns a handler that puts name and a dot before each key.
func (h *Handler) WithGroup(name string) slog.Handler {
	next := *h
	next.prefix += name + "."
	return &next
}

// label is the level, padded like Fluent Bit's.
func label(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "[error]"
	case l >= slog.LevelWarn:
		return "[ warn]"
	case l >= slog.LevelInfo:
		return "[ info]"
	}
	return "[debug]"
}

func appendAttr(b []byte, prefix string, a slog.Attr) []byte {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, g := range v.Group() {
			b = appendAttr(b, prefix, g)
		}
		return b
	}
	if a.Equal(slog.Attr{}) {
		return b
	}
	b = append(b, ' ')
	b = append(b, prefix...)
	b = append(b, a.Key...)
	b = append(b, '=')
	s := v.String()
	if s == "" || strings.ContainsAny(s, " \"=") || oneLine(s) != s {
		return strconv.AppendQuote(b, s)
	}
	return append(b, s...)
}

// oneLine returns s with control characters escaped.
func oneLine(s string) string {
	if strings.IndexFunc(s, isControl) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if isControl(r) {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
