// Package statuspage shows people at "/" whether the device is well (condition.go),
// and the last time repairs at /debug/time. It turns a Snapshot into a page, and
// knows nothing of where the snapshot comes from.
package statuspage

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"sync"
	"time"
)

var (
	//go:embed status.css
	statusCSS string
	//go:embed status.js
	statusJS string
)

// Page serves both pages. Its methods are safe for concurrent use.
type Page struct {
	// Snapshot is called once for each request, by several goroutines.
	Snapshot func(Query) *Snapshot
	// Trusts reports whether a request may see records that are not for everybody.
	Trusts func(*http.Request) bool

	// mu lets one request at a time build the status page: it is for people, and
	// must not add up in the memory of a small device.
	mu sync.Mutex
}

// ServeHTTP writes the status page as it is now: one document that loads nothing.
// Style, script and icon are within it, and the script asks for it again.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setHTML(w.Header())
	q := Query{Range: rangeOf(r.URL.Query().Get("range")).span, Trusted: p.Trusts(r)}
	_, _ = w.Write(p.document(q)) // the reader has gone
}

// chartRange is a choice of how far the charts go back.
type chartRange struct {
	name, title string
	span        time.Duration
}

var chartRanges = [...]chartRange{{"15m", "15 min", 15 * time.Minute}, {"1h", "1 h", time.Hour}, {"6h", "6 h", 6 * time.Hour}}

// rangeOf returns the choice of that name, else an hour.
func rangeOf(name string) chartRange {
	for _, r := range chartRanges {
		if r.name == name {
			return r
		}
	}
	return chartRanges[1]
}

// setHTML sets the headers of a page that shows what came from outside.
func setHTML(h http.Header) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", contentPolicy())
	h.Set("Referrer-Policy", "no-referrer")
}

func (p *Page) document(q Query) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	var body bytes.Buffer
	writedocument(&body, newView(p.Snapshot(q)))
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
