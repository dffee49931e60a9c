package main

import (
	"log"
	"log/slog"
	"strings"
)

// redirectStandardLog redirects Go's standard logger, which libraries use, to ours at debug
// level, and truncates each line at the first quotation mark: net/http quotes there
// what a peer has sent, and a peer may echo a key.
func redirectStandardLog(to *slog.Logger) {
	log.SetFlags(0)
	log.SetOutput(standardLog{to})
}

type standardLog struct{ to *slog.Logger }

func (s standardLog) Write(p []byte) (int, error) {
	text, _, _ := strings.Cut(string(p), `"`)
	s.to.Debug("from a library: " + strings.TrimSpace(text))
	return len(p), nil
}
