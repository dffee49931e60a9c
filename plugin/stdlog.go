package main

import (
	"log"
	"log/slog"
	"strings"
)

// tameStandardLog leads what libraries write to Go's standard logger into ours,
// at debug level, and only as far as the first quotation mark: net/http quotes
// there what a peer has sent, and a peer may echo a key.
func tameStandardLog(to *slog.Logger) {
	log.SetFlags(0)
	log.SetOutput(standardLog{to})
}

type standardLog struct{ to *slog.Logger }

func (s standardLog) Write(p []byte) (int, error) {
	text, _, _ := strings.Cut(string(p), `"`)
	s.to.Debug("from a library: " + strings.TrimSpace(text))
	return len(p), nil
}
