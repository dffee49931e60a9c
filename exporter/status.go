package exporter

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"os"
	"strings"
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
func (s *statusPage) serve(w http.ResponseWriter, r *http.Request) {
	packed := acceptsGzip(r.Header.Get("Accept-Encoding"))
	body, err := s.document(packed)
	if err != nil {
		s.page.log.Error("the status page could not be made: " + err.Error())
		http.Error(w, "the status page could not be made", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", contentPolicy())
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Vary", "Accept-Encoding")
	if packed {
		h.Set("Content-Encoding", "gzip")
	}
	_, _ = w.Write(body) // the reader has gone
}

func (s *statusPage) document(packed bool) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var body bytes.Buffer
	if !packed {
		writedocument(&body, s.view())
		return body.Bytes(), nil
	}
	z, err := gzip.NewWriterLevel(&body, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	writedocument(z, s.view())
	err = z.Close()
	return body.Bytes(), err
}

// contentPolicy allows the document's own style, script and icon, and to ask for
// the document again; nothing else.
func contentPolicy() string {
	return "default-src 'none'; style-src " + sourceHash(statusCSS) + "; script-src " + sourceHash(statusJS) +
		"; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

func sourceHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// acceptsGzip reads an Accept-Encoding header.
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, quality, _ := strings.Cut(part, ";")
		if strings.TrimSpace(name) == "gzip" {
			return strings.TrimSpace(quality) != "q=0"
		}
	}
	return false
}
