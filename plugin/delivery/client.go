package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"
)

// HTTPConfig configures the HTTP client. The zero value is ready to use.
type HTTPConfig struct {
	// Proxy is the address of an http or https proxy, with user and password if it needs
	// them. It takes precedence over HTTPS_PROXY, HTTP_PROXY and NO_PROXY, which apply
	// when it is empty.
	Proxy Secret
	// CAFile has the certificates (PEM) to trust instead of the system's.
	CAFile string
	// CertFile and KeyFile (PEM) are the client's own; both or none.
	//
	// The three files are read when a request is made, and again when they change. So a
	// renewed certificate needs no restart, and a missing or half-written file may still
	// appear.
	CertFile, KeyFile string
	// Timeout bounds one request, from dialling to the last byte of the
	// answer; 0 is DefaultTimeout.
	Timeout time.Duration
	// IdleTimeout is how long an unused connection is kept; 0 is 50 seconds, usually
	// less than what mobile networks allow a silent connection.
	IdleTimeout time.Duration
	// Log gets a line when files that were usable are not any more, and when they are
	// again; nil is none.
	Log *slog.Logger
	// DialContext dials; nil is a net.Dialer. For tests.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
}

// DefaultTimeout is HTTPConfig.Timeout's default.
const DefaultTimeout = 15 * time.Second

// The bounds of the phases of a request. Each is under DefaultTimeout, so that
// the error names the phase.
const (
	dialTimeout      = 10 * time.Second
	keepAlive        = 30 * time.Second
	handshakeTimeout = 10 * time.Second
	// defaultIdle: most receivers close an unused connection after a minute.
	defaultIdle = 50 * time.Second
	pingAfter   = 15 * time.Second
	pingTimeout = 10 * time.Second
	// tlsSessions is how many sessions are cached: resuming one takes a fraction of the
	// bytes and the CPU time of a new one.
	tlsSessions = 4
	// maxHeaderBytes bounds an answer's header.
	maxHeaderBytes = 64 << 10
)

// NewClient returns a client that follows no redirects, limits the time of each phase,
// and keeps connections alive. It fails only for permanent faults; its errors name the
// setting that is wrong and never contain a password. It opens no file.
func NewClient(cfg HTTPConfig) (*http.Client, error) {
	proxy, proxyErr := proxyFunc(cfg.Proxy)
	if err := errors.Join(proxyErr, checkPair(cfg)); err != nil {
		return nil, err
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.IdleTimeout == 0 {
		cfg.IdleTimeout = defaultIdle
	}
	if cfg.DialContext == nil {
		cfg.DialContext = dialRaw((&net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}).DialContext)
	}
	return &http.Client{
		Timeout:       cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     newTransport(cfg, proxy),
	}, nil
}

// newTransport needs cfg with its defaults filled in.
func newTransport(cfg HTTPConfig, proxy func(*http.Request) (*url.URL, error)) http.RoundTripper {
	t := &http.Transport{
		Proxy:                  proxy,
		DialContext:            cfg.DialContext,
		TLSClientConfig:        newTLSConfig(),
		TLSHandshakeTimeout:    handshakeTimeout,
		ResponseHeaderTimeout:  cfg.Timeout,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        cfg.IdleTimeout,
		MaxIdleConns:           8,
		MaxIdleConnsPerHost:    4,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
		OnProxyConnectResponse: refuseProxy,
		HTTP2: &http.HTTP2Config{
			SendPingTimeout:  pingAfter,
			PingTimeout:      pingTimeout,
			WriteByteTimeout: cfg.Timeout,
		},
	}
	if cfg.CAFile == "" && cfg.CertFile == "" {
		return t
	}
	return newCertTransport(cfg, t)
}

// checkPair checks that a client certificate and its key are both set, or neither.
func checkPair(cfg HTTPConfig) error {
	switch {
	case cfg.CertFile != "" && cfg.KeyFile == "":
		return errors.New("`client_cert_file`: has no key; set `client_key_file`")
	case cfg.CertFile == "" && cfg.KeyFile != "":
		return errors.New("`client_key_file`: has no certificate; set `client_cert_file`")
	}
	return nil
}

// ProxyError means that the proxy did not connect to the receiver.
type ProxyError struct{ Status int }

func (e *ProxyError) Error() string {
	if e.Status == http.StatusProxyAuthRequired {
		return "the proxy wants another user or password (status 407)"
	}
	return fmt.Sprintf("the proxy refuses to connect (status %d)", e.Status)
}

func refuseProxy(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode != http.StatusOK {
		return &ProxyError{answer.StatusCode}
	}
	return nil
}

// proxyFunc is Transport.Proxy for a proxy's address.
func proxyFunc(proxy Secret) (func(*http.Request) (*url.URL, error), error) {
	if proxy.IsZero() {
		return http.ProxyFromEnvironment, nil
	}
	u, err := url.Parse(proxy.Reveal())
	switch {
	case err != nil: // its text contains the address, which may contain a password
		return nil, errors.New("`proxy` cannot be read: must look like http://user:password@host:port, with %XX for special characters")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("`proxy` must begin with http:// or https://")
	case u.Hostname() == "":
		return nil, errors.New("`proxy` names no host: must look like http://host:port")
	}
	return http.ProxyURL(u), nil
}
