package exporter

import (
	"io"
	"net/http"
)

// landing is the page at /.
func (p *page) landing(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, landingHTML)
}

const landingHTML = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>out_edge</title></head><body><h1>out_edge</h1><ul>
<li><a href="metrics">metrics</a></li>
<li><a href="readyz">ready?</a></li>
<li><a href="debug/time">time repairs</a></li>
</ul></body></html>
`
