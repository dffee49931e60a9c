package remotewrite

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
)

// Config is what to send, where, and how. Each field that the user sets names its
// property. The zero value of a field is its default.
type Config struct {
	// URL (`remote_write_url`) is the receiver's address with its path, like
	// https://host/api/v1/write.
	URL string
	// Username (`remote_write_username`) and PasswordFile
	// (`remote_write_password_file`) are for basic auth.
	Username     string
	PasswordFile string
	// BearerTokenFile (`remote_write_bearer_token_file`) holds a token, instead of user
	// and password.
	BearerTokenFile string
	// Headers (`remote_write_headers`) are added to each request, such as
	// X-Scope-OrgID; see delivery.ParseHeaders.
	Headers []delivery.Header
	// Version (`remote_write_version`) of the protocol: "auto" (default) is 1, and 2 for
	// a receiver that does not support 1; "1" is only 1; "2" is 2, and 1 for a receiver
	// that does not support 2.
	Version string
	// NativeHistograms (`remote_write_native_histograms`) says how exponential
	// histograms are sent: "on" as Prometheus' native ones, "off" with classic
	// buckets; "auto" (default) is on with version 2, where a receiver says whether it
	// has written them, and off with version 1.
	NativeHistograms string
	// EverySample (`remote_write_every_sample`) sends each sample of a chunk, and not
	// the newest of each series alone.
	EverySample bool

	// Compress (`remote_write_compress`) is "snappy" (default), or "zstd", which
	// VictoriaMetrics takes in version 1; with a receiver that refuses it, snappy.
	Compress string

	// Labels are added to every series that has none of the same name: host or instance,
	// job, and the user's.
	Labels []metric.Label
	// Compression is Snappy except in measurements.
	Compression Compression

	// Proxy, CAFile, CertFile, KeyFile and DialContext are as in
	// delivery.HTTPConfig.
	Proxy                     delivery.Secret
	CAFile, CertFile, KeyFile string
	// Timeout limits one request; delivery.DefaultTimeout.
	Timeout time.Duration
	// DryRun (`edge_dry_run`) does everything except sending.
	DryRun      bool
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// PluginVersion is the plugin's own, for the User-Agent header.
	PluginVersion string
}

// The values of Config.Version.
const (
	VersionAuto = "auto"
	Version1    = "1"
	Version2    = "2"
)

// The values of Config.NativeHistograms.
const (
	NativeAuto = "auto"
	NativeOn   = "on"
	NativeOff  = "off"
)

// The values of Config.Compress. The protocol only has snappy.
const (
	CompressSnappy = "snappy"
	CompressZstd   = "zstd"
)

// Compression is how a body becomes a snappy block.
type Compression uint8

// The compressions. A Stored body is a valid snappy block without compression: for
// measurements.
const (
	Snappy Compression = iota
	Stored
)

func (c Config) withDefaults() Config {
	if c.Version == "" {
		c.Version = VersionAuto
	}
	if c.NativeHistograms == "" {
		c.NativeHistograms = NativeAuto
	}
	if c.Compress == "" {
		c.Compress = CompressSnappy
	}
	if c.PluginVersion == "" {
		c.PluginVersion = "dev"
	}
	if c.Timeout == 0 {
		c.Timeout = delivery.DefaultTimeout
	}
	return c
}

// Validate reports all faults at once, each with its property, its value and what it
// must be. It opens no file and no connection.
func (c Config) Validate() error {
	c = c.withDefaults()
	return errors.Join(c.checkURL(), c.checkAuth(), c.checkHeaders(), c.checkVersion(), c.checkNative(), c.checkCompress())
}

func (c Config) checkURL() error {
	if c.URL == "" {
		return errors.New("`remote_write_url`: no address; " + urlForm)
	}
	u, err := url.Parse(c.URL)
	must := ""
	switch {
	case err == nil && u.User != nil:
		must = "must hold no user or password; they go into `remote_write_username` and `remote_write_password_file`"
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", u.Fragment != "":
		must = urlForm
	default:
		return nil
	}
	return fmt.Errorf("`remote_write_url` = %s: %s", delivery.ShownURL(c.URL), must)
}

const urlForm = "must be an address like https://host:port/api/v1/write"

func (c Config) checkAuth() error {
	var errs []error
	if c.Username != "" && c.PasswordFile == "" {
		errs = append(errs, errors.New("`remote_write_username`: has no password; set `remote_write_password_file`"))
	}
	if c.Username == "" && c.PasswordFile != "" {
		errs = append(errs, errors.New("`remote_write_password_file`: has no user; set `remote_write_username`"))
	}
	if c.BearerTokenFile != "" && (c.Username != "" || c.PasswordFile != "") {
		errs = append(errs, errors.New("`remote_write_bearer_token_file`: a token and a user cannot both be sent; keep one of them"))
	}
	return errors.Join(errs...)
}

func (c Config) checkHeaders() error {
	var errs []error
	for _, h := range c.Headers {
		switch name := http.CanonicalHeaderKey(h.Name); {
		case !h.Valid():
			errs = append(errs, fmt.Errorf("`remote_write_headers`: %q is not `Name value`", h.Name))
		case isOwnHeader(name):
			errs = append(errs, fmt.Errorf("`remote_write_headers`: %s is set by the plugin itself", h.Name))
		case name == "Authorization" && (c.Username != "" || c.BearerTokenFile != ""):
			errs = append(errs, errors.New("`remote_write_headers`: Authorization is set by the user or the token file already"))
		}
	}
	return errors.Join(errs...)
}

// isOwnHeader reports whether a header is needed to decode the body.
func isOwnHeader(name string) bool {
	switch name {
	case "Content-Encoding", "Content-Length", "Content-Type", "Transfer-Encoding", "Host", headerVersion:
		return true
	}
	return false
}

func (c Config) checkVersion() error {
	switch c.Version {
	case VersionAuto, Version1, Version2:
		return nil
	}
	return fmt.Errorf("`remote_write_version` = %s: must be auto, 1 or 2", c.Version)
}

func (c Config) checkNative() error {
	switch c.NativeHistograms {
	case NativeAuto, NativeOn, NativeOff:
		return nil
	}
	return fmt.Errorf("`remote_write_native_histograms` = %s: must be auto, on or off", c.NativeHistograms)
}

func (c Config) checkCompress() error {
	switch {
	case c.Compress != CompressSnappy && c.Compress != CompressZstd:
		return fmt.Errorf("`remote_write_compress` = %s: must be snappy or zstd", c.Compress)
	case c.Compress == CompressZstd && c.Version == Version2:
		return errors.New("`remote_write_compress` = zstd: is for version 1; set `remote_write_version` 1 or auto")
	}
	return nil
}
