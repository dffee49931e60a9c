package ddsink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"out_edge/plugin/delivery"

	"github.com/DataDog/datadog-api-client-go/v2/api/datadog"
)

// Config is what to send, where, and how. Each field that the user sets names its
// property. The zero value of a field is its default.
type Config struct {
	// APIKey (`apikey`) is the key, unless APIKeyFile (`apikey_file`) names the
	// file that holds it.
	APIKey     delivery.Secret
	APIKeyFile string
	// Site (`site`) is the Datadog site; DefaultSite.
	Site string
	// URL (`dd_url`) and MetricsURL (`dd_metrics_url`) are base addresses, including a
	// path prefix, that replace those of the site. The /api/v2/… part is added.
	URL, MetricsURL string

	// Source, Service and Tags (`dd_source`, `dd_service`, `dd_tags`) are sent with each
	// entry that has none of its own; Tags are added to its own.
	Source, Service, Tags string
	// Hostname (`hostname`, `dd_hostname`) is the host of entries and metrics without
	// one, in themselves and in their resource. Empty: no host.
	Hostname string
	// MessageKey (`dd_message_key`) is the field that becomes the message;
	// DefaultMessageKey.
	MessageKey string
	// IncludeTagKey (`include_tag_key`) adds Fluent Bit's tag under TagKey
	// (`tag_key`); DefaultTagKey.
	IncludeTagKey bool
	TagKey        string
	// DateKey (`json_date_key`) is the field for the time, in ms since 1970;
	// DefaultDateKey, which Datadog reads.
	DateKey string
	// Provider (`provider`) is "ecs" to turn the fields of Fluent Bit's ECS
	// filter into tags, or "".
	Provider string
	// TooOld (`too_old`) is what happens to logs that are too old for Datadog: "send"
	// (default), "arrival" or "drop".
	TooOld string

	// Compress (`compress`) is "auto" (default), "gzip", "zstd" or "off".
	Compress string
	// Headers (`header`) are added to each request; see
	// delivery.ParseHeaders.
	Headers []delivery.Header
	// Proxy (`proxy`), CAFile (`ca_file`), CertFile (`cert_file`) and KeyFile
	// (`key_file`) are as in delivery.HTTPConfig.
	Proxy                     delivery.Secret
	CAFile, CertFile, KeyFile string
	// Timeout limits one request; delivery.DefaultTimeout.
	Timeout time.Duration
	// DryRun (`edge_dry_run`) does everything except sending.
	DryRun bool
	// Version is the plugin's own, for the User-Agent header.
	Version string
	// DialContext dials; nil is a net.Dialer. For tests.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
}

// The defaults of the properties.
const (
	DefaultSite       = "datadoghq.com"
	DefaultMessageKey = "log"
	DefaultTagKey     = "tagkey"
	DefaultDateKey    = "timestamp"
)

// The values of Config.TooOld.
const (
	TooOldSend    = "send"    // unchanged; Datadog accepts it but does not show it
	TooOldArrival = "arrival" // with the present time; the original one is kept as an attribute
	TooOldDrop    = "drop"
)

// The values of Config.Compress.
const (
	CompressAuto = "auto" // zstd; gzip after the first zstd body is refused
	CompressGzip = "gzip"
	CompressZstd = "zstd"
	CompressOff  = "off"
)

// withDefaults sets the defaults.
func (c Config) withDefaults() Config {
	set := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	set(&c.Site, DefaultSite)
	set(&c.MessageKey, DefaultMessageKey)
	set(&c.TagKey, DefaultTagKey)
	set(&c.DateKey, DefaultDateKey)
	set(&c.TooOld, TooOldSend)
	set(&c.Compress, CompressAuto)
	set(&c.Version, "dev")
	switch strings.ToLower(c.Compress) { // values of out_datadog's users
	case "false", "no", "none", "identity":
		c.Compress = CompressOff
	default:
		c.Compress = strings.ToLower(c.Compress)
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
	return errors.Join(
		oneOf("compress", c.Compress, CompressAuto, CompressGzip, CompressZstd, CompressOff),
		oneOf("too_old", c.TooOld, TooOldSend, TooOldArrival, TooOldDrop),
		oneOf("provider", c.Provider, "", "ecs"),
		c.checkSite(),
		baseURL("dd_url", c.URL),
		baseURL("dd_metrics_url", c.MetricsURL),
		c.checkBothURLs(),
		c.checkTags(),
		c.checkKeys(),
		c.checkHeaders(),
		c.checkAPIKey(),
	)
}

func oneOf(key, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	allowed = slices.DeleteFunc(allowed, func(s string) bool { return s == "" })
	return fmt.Errorf("`%s` = %s: must be %s", key, value, strings.Join(allowed, " or "))
}

// checkSite checks the site with the Datadog client, which knows all sites.
func (c Config) checkSite() error {
	if c.URL != "" && c.MetricsURL != "" {
		return nil
	}
	servers := datadog.NewConfiguration().OperationServers[opSubmitLog]
	if _, err := servers.URL(0, map[string]string{"site": c.Site}); err == nil {
		return nil
	}
	sites := servers[0].Variables["site"].EnumValues
	return fmt.Errorf("`site` = %s: must be one of %s; for any other address set `dd_url` and `dd_metrics_url`",
		delivery.ShownURL(c.Site), strings.Join(sites, ", "))
}

// baseURL checks a base address.
func baseURL(key, value string) error {
	if value == "" {
		return nil
	}
	u, err := url.Parse(value)
	must := ""
	switch {
	case err == nil && u.User != nil:
		must = "must hold no user or password; the key goes into `apikey`"
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		must = "must be an address like https://host:port/prefix"
	case u.RawQuery != "", u.Fragment != "":
		must = "must end with its path; the key goes into `apikey`"
	default:
		return nil
	}
	return fmt.Errorf("`%s` = %s: %s", key, delivery.ShownURL(value), must)
}

// checkBothURLs rejects one address alone: the other data would go to the site, and so
// to another account, or bypass a proxy that is meant to see everything.
func (c Config) checkBothURLs() error {
	switch {
	case baseURL("", c.URL) != nil || baseURL("", c.MetricsURL) != nil: // already reported
	case c.URL != "" && c.MetricsURL == "":
		return fmt.Errorf("`dd_url` = %s: concerns logs alone, and metrics would still go to %s; set `dd_metrics_url` too, to the same or to https://api.%s",
			delivery.ShownURL(c.URL), c.Site, c.Site)
	case c.URL == "" && c.MetricsURL != "":
		return fmt.Errorf("`dd_metrics_url` = %s: concerns metrics alone, and logs would still go to %s; set `dd_url` too, to the same or to https://http-intake.logs.%s",
			delivery.ShownURL(c.MetricsURL), c.Site, c.Site)
	}
	return nil
}

// checkTags rejects obvious mistakes: in Fluent Bit's classic format quotes are part of
// the value, and nothing is expanded.
func (c Config) checkTags() error {
	switch {
	case strings.ContainsAny(c.Tags, "\"'"):
		return fmt.Errorf("`dd_tags` = %s: must be `name:value,name:value` without quotes", c.Tags)
	case strings.Contains(c.Tags, "$"):
		return fmt.Errorf("`dd_tags` = %s: $ is not expanded here; a record's own field `ddtags` (text, list or map) adds tags of its own", c.Tags)
	}
	return nil
}

// checkKeys checks that no two fields that the sink writes have the same name.
func (c Config) checkKeys() error {
	taken := []string{"message", "service", "hostname", "ddsource", "ddtags", "status"}
	var errs []error
	check := func(property, key string) {
		if slices.Contains(taken, key) {
			errs = append(errs, fmt.Errorf("`%s` = %s: that name is in use for something else", property, key))
		}
		taken = append(taken, key)
	}
	check("json_date_key", c.DateKey)
	if c.IncludeTagKey {
		check("tag_key", c.TagKey)
	}
	return errors.Join(errs...)
}

func (c Config) checkHeaders() error {
	var errs []error
	for _, h := range c.Headers {
		switch http.CanonicalHeaderKey(h.Name) {
		case "Content-Encoding", "Content-Length", "Content-Type", "Transfer-Encoding", "Host":
			errs = append(errs, fmt.Errorf("`header`: %s is set by the plugin itself", h.Name))
		}
	}
	return errors.Join(errs...)
}

func (c Config) checkAPIKey() error {
	key := c.APIKey.Reveal()
	switch {
	case strings.HasPrefix(key, "$"):
		return errors.New("`apikey`: begins with $: an environment variable that is not set, or not written as ${NAME}")
	case strings.ContainsFunc(key, notOfAKey):
		return errors.New("`apikey`: holds white space, quotes or other characters that no key has: it is letters and digits alone, without quotes")
	case key == "" && c.APIKeyFile == "" && !c.DryRun:
		return errors.New("`apikey`: no key; set `apikey`, `apikey_file` or the environment variable DD_API_KEY")
	}
	return nil
}

// notOfAKey reports whether no key has the character. Datadog's keys have only hex
// digits; a compatible receiver may use a few more.
func notOfAKey(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"'`$={}<>\\,;", r)
}
