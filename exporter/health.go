package exporter

import (
	"encoding/json"
	"io"
	"net/http"
)

// healthz says that the process serves, nothing more.
func (p *page) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n")
}

// readiness is the body of /readyz.
type readiness struct {
	Ready   bool     `json:"ready"`
	Reasons []string `json:"reasons"`
}

// readyz answers 200 when every instance of the page is ready, else 503 with
// their reasons.
func (p *page) readyz(w http.ResponseWriter, _ *http.Request) {
	body := readiness{Reasons: []string{}}
	for _, m := range p.attached() {
		if m.cfg.Ready != nil {
			body.Reasons = append(body.Reasons, m.cfg.Ready()...)
		}
	}
	body.Ready = len(body.Reasons) == 0
	code := http.StatusOK
	if !body.Ready {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, body)
}

func writeJSON(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(body) // the reader has gone
}
