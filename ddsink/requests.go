package ddsink

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"

	"out_edge/plugin/delivery"

	"github.com/DataDog/datadog-api-client-go/v2/api/datadog"
)

// The intake's headers, besides the key's.
const (
	headerOrigin        = "DD-EVP-ORIGIN"
	headerOriginVersion = "DD-EVP-ORIGIN-VERSION"
)

// requests makes the requests to one address. The Datadog client builds what they have in
// common, once: to build it cost more than to send it. It is safe for concurrent use.
type requests struct {
	account *Account
	address string
	last    atomic.Pointer[prototype]
}

// prototype is a request without its body. Nothing writes to it any more.
type prototype struct {
	*http.Request
	encoding string
	key      delivery.Secret
}

// post makes one request. The body is compressed already; the caller closes the
// response's.
func (r *requests) post(ctx context.Context, encoding string, body []byte, key delivery.Secret) (*http.Response, error) {
	p := r.last.Load()
	if p == nil || p.encoding != encoding || p.key != key {
		var err error
		if p, err = r.prepare(encoding, key); err != nil { //nolint:contextcheck // it outlives this request
			return nil, err
		}
		r.last.Store(p)
	}
	req := p.WithContext(ctx)
	req.ContentLength = int64(len(body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	req.Body, _ = req.GetBody()
	return r.account.http.Do(req) //nolint:wrapcheck // delivery.Cause words it
}

// prepare builds a prototype. Content-Encoding is set without the Datadog client's
// knowledge, because it would compress the body again.
func (r *requests) prepare(encoding string, key delivery.Secret) (*prototype, error) {
	cfg := &r.account.cfg
	ctx := context.WithValue(context.Background(), datadog.ContextAPIKeys, map[string]datadog.APIKey{"apiKeyAuth": {Key: key.Reveal()}})
	header := map[string]string{
		"Content-Type":      "application/json",
		"Accept":            "application/json",
		headerOrigin:        "out_edge",
		headerOriginVersion: cfg.Version,
	}
	datadog.SetAuthKeys(ctx, &header, [2]string{"apiKeyAuth", "DD-API-KEY"})
	req, err := r.account.api.PrepareRequest(ctx, r.address, http.MethodPost, nil, header, url.Values{}, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("prepare request: %w", err)
	}
	if encoding != "" {
		req.Header.Set("Content-Encoding", encoding)
	}
	for _, h := range cfg.Headers {
		req.Header.Set(h.Name, h.Value.Reveal())
	}
	return &prototype{req, encoding, key}, nil
}
