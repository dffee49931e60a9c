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

// FileError means that certificate files cannot be read. That may be temporary: a file
// may appear, or be written just now.
type FileError struct{ Err error }

func (e *FileError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// certTransport is a transport whose certificates are in files. They are read again
// when they change, and new connections use the new ones. If the files cannot be used,
// the last certificates stay in use; if there are none yet, requests over https fail
// with a FileError. It starts no goroutine, and reads the files only when a request is
// made.
type certTransport struct {
	caFile, certFile, keyFile string

	log *slog.Logger

	mu      sync.Mutex
	current *http.Transport
	ready   bool          // current has the certificates of the files, or had
	seen    []fs.FileInfo // of files, when they were read
	fault   string        // why they cannot be used now
}

// newCertTransport takes ownership of base, which is not in use yet. It reads no file.
func newCertTransport(cfg HTTPConfig, base *http.Transport) *certTransport {
	c := &certTransport{caFile: cfg.CAFile, certFile: cfg.CertFile, keyFile: cfg.KeyFile, log: cfg.Log, current: base}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	// Requests over plain http need no certificate; if one meets TLS all the same (a
	// proxy's), trust nobody.
	base.TLSClientConfig.RootCAs = x509.NewCertPool()
	return c
}

// RoundTrip makes a request with the current certificates.
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

// CloseIdleConnections is called by http.Client's method of that name.
func (c *certTransport) CloseIdleConnections() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current.CloseIdleConnections()
}

// refresh reads the files if they have changed, or could not be used so far. It returns
// an error while there are no certificates.
func (c *certTransport) refresh() (*http.Transport, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := c.stat() // first, so that a later write is noticed next time
	if c.ready && c.fault == "" && same(seen, c.seen) {
		return c.current, nil
	}
	next, err := c.read()
	switch {
	case err != nil && !c.ready:
		return c.current, &FileError{err}
	case err != nil:
		c.logFault(err)
		return c.current, nil
	}
	if c.ready {
		c.log.Info("certificate files have changed, the new certificates are in use", "files", c.files())
	}
	c.current.CloseIdleConnections()
	c.current, c.seen, c.ready, c.fault = next, seen, true, ""
	return c.current, nil
}

// logFault logs a fault once, until it is over or another one occurs.
func (c *certTransport) logFault(err error) {
	if c.fault != err.Error() {
		c.fault = err.Error()
		c.log.Warn("keeping the last certificates, their files cannot be used", "error", err)
	}
}

// files returns the paths that are set.
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

// same reports whether the files are unchanged; a missing file never is.
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

// read returns a transport with the certificates in the files.
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

// newTLSConfig has a session cache of its own: a resumed session keeps the certificates
// that it began with.
func newTLSConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(tlsSessions)}
}

// readRoots returns the certificates in a file, or nil without a file.
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

// readPair returns a client's certificate with its key, or nil without a file.
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
