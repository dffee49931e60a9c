package exporter

import (
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"

	"out_edge/exporter/textformat"
)

// maxScrapes is the most scrapes at once; of 10,000 series each takes about 1 MB, or 4 MB
// where client_golang makes it. Results are not shared (promhttp's CoalesceGather),
// because with a slow reader everybody else would get old values.
const maxScrapes = 4

// scraper answers scrapes. Those that ask for a text it makes itself, of what has been
// kept since the last one; all others are promhttp's.
type scraper struct {
	endpoint *endpoint
	others   http.Handler
	log      *gatherLog
	last     atomic.Pointer[negotiated]
	buffers  sync.Pool // of *[]byte
}

// negotiated is what an Accept header stands for.
type negotiated struct {
	accept, contentType string
	format              textformat.Format
	isText              bool
}

func newScraper(p *endpoint) *scraper {
	log := &gatherLog{log: p.log}
	return &scraper{endpoint: p, log: log, buffers: sync.Pool{New: func() any { return new([]byte) }},
		others: promhttp.HandlerForTransactional(prometheus.ToTransactionalGatherer(p.registry), promhttp.HandlerOpts{
			ErrorLog: log, ErrorHandling: promhttp.ContinueOnError, EnableOpenMetrics: true, DisableCompression: true,
		})}
}

// ServeHTTP answers a scrape.
func (s *scraper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := s.negotiate(r.Header)
	if !n.isText || r.URL.RawQuery != "" || !s.endpoint.page.IsRegular() {
		s.others.ServeHTTP(w, r)
		return
	}
	s.serveText(w, n)
}

// negotiate is the format of an answer. The same program mostly scrapes again and again.
func (s *scraper) negotiate(h http.Header) *negotiated {
	accept := h.Get("Accept")
	if n := s.last.Load(); n != nil && n.accept == accept {
		return n
	}
	format := expfmt.NegotiateAccept(h, expfmt.DefaultOpenMetricsAcceptedFormats()...)
	n := &negotiated{accept: accept, contentType: string(format)}
	switch format.FormatType() {
	case expfmt.TypeTextPlain:
		n.isText = true
	case expfmt.TypeOpenMetrics:
		n.isText, n.format = true, textformat.OpenMetrics
	}
	s.last.Store(n)
	return n
}

func (s *scraper) serveText(w http.ResponseWriter, n *negotiated) {
	buffer := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(buffer)
	text, leftOut := s.endpoint.appendText((*buffer)[:0], n.format)
	*buffer = text
	if leftOut > 0 {
		s.log.Println()
	}
	w.Header().Add("Vary", "Accept")
	w.Header().Set("Content-Type", n.contentType)
	_, _ = w.Write(text) // the reader has gone
}

// appendText appends what /metrics shows, after expiry.
func (p *endpoint) appendText(dst []byte, f textformat.Format) (text []byte, leftOut int) {
	p.expire()
	var own []textformat.Family
	instances := p.attached()
	for _, m := range instances {
		own = append(own, m.cfg.Telemetry.Text(f)...)
	}
	if len(instances) > 1 {
		own = textformat.Merge(own)
	}
	return p.page.AppendText(dst, f, own)
}
