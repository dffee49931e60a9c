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

// HTTPConfig is how to reach a receiver. The zero value is ready to use.
type HTTPConfig struct {
	// Proxy is the address of an http or https proxy, with user and password
	// if it wants them. Empty: HTTPS_PROXY, HTTP_PROXY and NO_PROXY, as every
	// Go program reads them. It wins over them, NO_PROXY included.
	Proxy Secret
	// CAFile holds the certificates (PEM) to trust in place of the system's.
	CAFile string
	// CertFile and KeyFile (PEM) are the client's own; both or none.
	//
	// The three are read when a request is made, and again when they change,
	// so a renewed certificate needs no restart, and one that is missing or
	// half written may still come.
	CertFile, KeyFile string
	// Timeout bounds one request, from dialling to the last byte of the
	// answer; 0 is DefaultTimeout.
	Timeout time.Duration
	// IdleTimeout is how long an unused connection is kept; 0 is 50 seconds,
	// shorter than what mobile networks allow a silent connection as a rule.
	IdleTimeout time.Duration
	// Log is told when files that were good are so no more, and when they are
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
	// tlsSessions is how many are remembered: resuming one takes a fraction of
	// the bytes and of the CPU of a new one.
	tlsSessions = 4
	// maxHeaderBytes bounds an answer's header.
	maxHeaderBytes = 64 << 10
)

// NewClient returns a client that follows no redirects, bounds every phase, and
// keeps connections alive. It fails only on what cannot heal; its errors name the
// setting that is wrong and never hold a password. It opens no file.
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
		cfg.DialContext = (&net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}).DialContext
	}
	return &http.Client{
		Timeout:       cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     newTransport(cfg, proxy),
	}, nil
}

// newTransport wants the defaults filled in.
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

// checkPair tells whether a client certificate and its key are both named.
func checkPair(cfg HTTPConfig) error {
	switch {
	case cfg.CertFile != "" && cfg.KeyFile == "":
		return errors.New("`client_cert_file`: has no key; set `client_key_file`")
	case cfg.CertFile == "" && cfg.KeyFile != "":
		return errors.New("`client_key_file`: has no certificate; set `client_cert_file`")
	}
	return nil
}

// ProxyError says that the proxy would not connect to the receiver.
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
	case err != nil: // its text holds the address, which may hold a password
		return nil, errors.New("`proxy` cannot be read: must look like http://user:password@host:port, with %XX for special characters")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("`proxy` must begin with http:// or https://")
	case u.Hostname() == "":
		return nil, errors.New("`proxy` names no host: must look like http://host:port")
	}
	return http.ProxyURL(u), nil
}
