package exporter

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"os"
	"sync"
)

var (
	//go:embed status.css
	statusCSS string
	//go:embed status.js
	statusJS string
)

// statusPage answers "/". It is one document that loads nothing: style, script
// and icon are within it, and the script asks for the document again.
type statusPage struct {
	page   *page
	device string

	// mu lets one request at a time build a document: they are for people, and
	// must not add up in the memory of a small device.
	mu sync.Mutex
}

// deviceName is what the page is titled with.
func deviceName(cfg Config) string {
	if cfg.Device != "" {
		return cfg.Device
	}
	name, err := os.Hostname()
	if err != nil {
		return "out_edge"
	}
	return name
}

// serve writes the document as it is now.
func (s *statusPage) serve(w http.ResponseWriter, _ *http.Request) {
	setHTML(w.Header())
	_, _ = w.Write(s.document()) // the reader has gone
}

// setHTML sets the header of a page that shows what came from outside.
func setHTML(h http.Header) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", contentPolicy())
	h.Set("Referrer-Policy", "no-referrer")
}

func (s *statusPage) document() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var body bytes.Buffer
	writedocument(&body, s.view())
	return body.Bytes()
}

// contentPolicy allows the document's own style, script and icon, and to ask for
// the document again; nothing else.
var contentPolicy = sync.OnceValue(func() string {
	return "default-src 'none'; style-src " + sourceHash(statusCSS) + "; script-src " + sourceHash(statusJS) +
		"; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
})

func sourceHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
