package delivery

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"sync"
)

// FileError says that certificates cannot be read. It may heal: a file may come,
// or be about to be written.
type FileError struct{ Err error }

func (e *FileError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// certTransport is a transport whose certificates stand in files, which are read
// again when they change: new connections are made with the new ones then. Files
// that cannot be used leave the last certificates in use. While there have been
// none, requests over https fail with a FileError. It starts no goroutine, and
// touches the files only when a request is made.
type certTransport struct {
	caFile, certFile, keyFile string

	log *slog.Logger

	mu      sync.Mutex
	current *http.Transport
	ready   bool          // current has what the files hold, or held
	seen    []fs.FileInfo // of files, when they were read
	fault   string        // why they cannot be used now
}

// newCertTransport takes over base, which is not yet in use. It reads no file.
func newCertTransport(cfg HTTPConfig, base *http.Transport) *certTransport {
	c := &certTransport{caFile: cfg.CAFile, certFile: cfg.CertFile, keyFile: cfg.KeyFile, log: cfg.Log, current: base}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	// Requests over plain http need no certificate; should one meet TLS all the
	// same (a proxy's), nobody is trusted.
	base.TLSClientConfig.RootCAs = x509.NewCertPool()
	return c
}

// RoundTrip makes a request with the certificates as they are now.
func (c *certTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	t, err := c.refresh()
	if err != nil && req.URL.Scheme == "https" {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	return t.RoundTrip(req)
}

// CloseIdleConnections is what http.Client's calls.
func (c *certTransport) CloseIdleConnections() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current.CloseIdleConnections()
}

// refresh reads the files if they have changed, or could not be used so far. The
// error says that there are no certificates yet.
func (c *certTransport) refresh() (*http.Transport, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := c.stat() // first: what is written later is then noticed next time
	if c.ready && c.fault == "" && same(seen, c.seen) {
		return c.current, nil
	}
	next, err := c.read()
	switch {
	case err != nil && !c.ready:
		return c.current, &FileError{err}
	case err != nil:
		c.complain(err)
		return c.current, nil
	}
	if c.ready {
		c.log.Info("certificate files have changed, the new certificates are in use", "files", c.files())
	}
	c.current.CloseIdleConnections()
	c.current, c.seen, c.ready, c.fault = next, seen, true, ""
	return c.current, nil
}

// complain logs a fault once, until it is cured or another one comes.
func (c *certTransport) complain(err error) {
	if c.fault != err.Error() {
		c.fault = err.Error()
		c.log.Warn("keeping the last certificates, their files cannot be used", "error", err)
	}
}

// files are the paths that are set.
func (c *certTransport) files() (paths []string) {
	for _, path := range []string{c.caFile, c.certFile, c.keyFile} {
		if path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

func (c *certTransport) stat() (seen []fs.FileInfo) {
	for _, path := range c.files() {
		info, err := os.Stat(path)
		if err != nil {
			info = nil
		}
		seen = append(seen, info)
	}
	return seen
}

// same tells whether files are as they were; one that is missing never is.
func same(a, b []fs.FileInfo) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] == nil || b[i] == nil || !os.SameFile(a[i], b[i]) ||
			a[i].Size() != b[i].Size() || !a[i].ModTime().Equal(b[i].ModTime()) {
			return false
		}
	}
	return true
}

// read is a transport with what the files hold.
func (c *certTransport) read() (*http.Transport, error) {
	roots, rootsErr := readRoots(c.caFile)
	pair, pairErr := readPair(c.certFile, c.keyFile)
	if err := errors.Join(rootsErr, pairErr); err != nil {
		return nil, err
	}
	next := c.current.Clone()
	config := newTLSConfig()
	config.RootCAs = roots
	if pair != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair, nil }
	}
	next.TLSClientConfig = config
	return next, nil
}

// newTLSConfig remembers sessions of its own: what is resumed goes on with the
// certificates that it began with.
func newTLSConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(tlsSessions)}
}

// readRoots are the certificates in a file, or nil without one.
func readRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read CA file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read CA file: %s holds no certificate in PEM", file)
	}
	return pool, nil
}

// readPair is a client's certificate with its key, or nil without one.
func readPair(certFile, keyFile string) (*tls.Certificate, error) {
	if certFile == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("load client certificate: %w", err)
	}
	return &pair, nil
}
