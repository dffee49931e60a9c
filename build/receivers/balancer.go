package receivers

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync/atomic"
)

// Balancer gives each request to the next of its targets, and to the one after it where
// that one cannot be reached. It answers 502 where none has answered.
type Balancer struct {
	// Targets are base addresses, http://127.0.0.1:port.
	Targets []string
	// Before, if not nil, is called with the number of each request, from 1 on, before
	// it is given away. Several calls may run at a time.
	Before func(number int64)

	requests, refused atomic.Int64
	client            http.Client
}

// Requests is how many requests have come, and Refused how many of them were answered
// with 429 or 5xx, by a target or for want of one.
func (b *Balancer) Requests() int64 { return b.requests.Load() }

// Refused is described at Requests.
func (b *Balancer) Refused() int64 { return b.refused.Load() }

// ServeHTTP passes a request on.
func (b *Balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	number := b.requests.Add(1)
	if b.Before != nil {
		b.Before(number)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	for i := range b.Targets {
		target := b.Targets[(int(number)+i)%len(b.Targets)]
		if status, text, err := b.forward(r.Context(), r, target, body); err == nil {
			b.answer(w, status, text)
			return
		}
	}
	b.answer(w, http.StatusBadGateway, nil)
}

func (b *Balancer) answer(w http.ResponseWriter, status int, text []byte) {
	if status == http.StatusTooManyRequests || status >= http.StatusInternalServerError {
		b.refused.Add(1)
	}
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

func (b *Balancer) forward(ctx context.Context, r *http.Request, target string, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, target+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header = r.Header.Clone()
	resp, err := b.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, text, err
}
