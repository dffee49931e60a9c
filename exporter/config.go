package exporter

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"out_edge/exporter/statuspage"
	"out_edge/exporter/tail"
	"out_edge/exporter/telemetry"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// Defaults of Config's fields.
const (
	DefaultListen      = "0.0.0.0:2021" // like Fluent Bit's own prometheus_exporter
	DefaultPrefix      = "edge"
	DefaultSeriesTTL   = 10 * time.Minute
	DefaultSeriesLimit = 10_000
)

// ListenOff is the Listen that serves nothing.
const ListenOff = "off"

// Config is one instance's settings.
type Config struct {
	// Listen is host:port, or "off"; empty is DefaultListen. Port 0 uses a free one: see
	// Instance.Addr.
	Listen string
	// WebConfigFile is exporter-toolkit's file for TLS, basic auth, HTTP/2 and
	// rate limits, or empty. Instances that share an address must name the same
	// file. The address is served only once the file can be read.
	WebConfigFile string
	// Prefix is the start of the name of every series that is made here; empty is
	// DefaultPrefix. Names from metrics events stay unchanged.
	Prefix string
	// Labels are added to every series. A series' own label of the same name takes
	// precedence.
	Labels []metric.Label
	// TagLabel, if not empty, is the name of a label with the tag of the series'
	// records: two tags then make two series.
	TagLabel string
	// Hostname is this device's name, or empty. A host record that names another device
	// makes series of that one.
	Hostname string
	// Output is Fluent Bit's name of the output, or empty: the value of the label output
	// of the plugin's own series if the process has several outputs.
	Output string
	// SeriesTTL is how long a gauge stays after its last sample; 0 is forever, so set
	// DefaultSeriesTTL for the documented default.
	SeriesTTL time.Duration
	// SeriesLimit is the most series of the instance, not counting the plugin's own; 0
	// is no limit. It also limits their names and labels to 1 KiB a series on average.
	SeriesLimit int
	// Relabel changes a series before it is first shown. If it returns false, it drops
	// the series: with nil permanently, else this sample only, which it has then
	// counted. nil changes nothing. It adds no label le to a histogram and no quantile
	// to a summary. It gets the series with Labels, may keep it, and returns the same
	// result each time: rules.Engine.Relabel caches it. It is called without locks held,
	// from several goroutines.
	Relabel func(*metric.Series) (*metric.Series, bool)
	// Version is that of edge_build_info.
	Version string
	// Telemetry is the result of Exporter.Telemetry for this Config, for the parts of an
	// instance that exist before its page. Open takes ownership, also when it fails. If
	// nil, Open creates it.
	Telemetry *telemetry.Telemetry
	// Sinks are those that the instance sends to, for the status page.
	Sinks []string
	// Device is the device's name on the status page; empty is the host's name.
	Device string
	// Settings are those in force, for the status page.
	Settings []statuspage.Setting
	// Status is called by each request of /readyz, /debug/time and the status page, from
	// several goroutines. May be nil.
	Status func() Status
	// StatusRecords is who sees the last records on the status page (`status_records`).
	StatusRecords statuspage.Records
	// Tail returns them, the newest first; nil is none.
	Tail func() []tail.Entry
	// OnExpire is called for each series of the instance that has ended (a gauge that
	// expired, a series ended by a staleness marker). May be nil. It is called without
	// locks held, one call at a time, and must not block: /metrics waits for it.
	OnExpire func(*metric.Series)
}

// Status is the state of an instance.
type Status struct {
	// NotReady are the reasons why the instance is not ready; none means ready.
	NotReady []string
	// Repairs are the last time repairs, the newest first.
	Repairs []timefix.Repair
	// Backlog is what waits on the device.
	Backlog []statuspage.Backlog
	// Returned are the chunks that Fluent Bit has back, to offer them again.
	Returned statuspage.Backlog
	// Notes are what the user must know about the settings.
	Notes []string
}

// status returns the instance's status, or an empty one.
func (c *Config) status() Status {
	if c.Status == nil {
		return Status{}
	}
	return c.Status()
}

// Validate reports all faults at once, each with its property, its value and what it
// must be. It opens nothing.
func (c Config) Validate() error {
	_, err := c.prepare()
	return err
}

// prepare fills in defaults and reports all faults at once.
func (c Config) prepare() (Config, error) {
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
	if c.Prefix == "" {
		c.Prefix = DefaultPrefix
	}
	return c, errors.Join(checkListen(c.Listen), checkPrefix(c.Prefix), checkLabels(c.Labels), checkTagLabel(c.TagLabel), c.checkNumbers())
}

func (c Config) checkNumbers() error {
	var errs []error
	if c.SeriesTTL < 0 {
		errs = append(errs, fmt.Errorf("`series_ttl` = %v: must be 0 (never) or more", c.SeriesTTL))
	}
	if c.SeriesLimit < 0 {
		errs = append(errs, fmt.Errorf("`series_limit` = %d: must be 0 (no limit) or more", c.SeriesLimit))
	}
	return errors.Join(errs...)
}

func checkListen(listen string) error {
	if listen == ListenOff {
		return nil
	}
	_, port, err := net.SplitHostPort(listen)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("`listen` = %s: must be host:port, with a port from 0 to 65535, or off", listen)
	}
	return nil
}

func checkPrefix(prefix string) error {
	if !model.LegacyValidation.IsValidLabelName(prefix) {
		return fmt.Errorf("`metric_prefix` = %s: must be letters, digits and _, with no digit first", prefix)
	}
	return nil
}

func checkTagLabel(name string) error {
	if name != "" && !metric.IsLabelName(name) {
		return fmt.Errorf("`tag_label` = %s: must be letters, digits and _, with no digit and no __ first", name)
	}
	return nil
}

func checkLabels(labels []metric.Label) error {
	var errs []error
	seen := make(map[string]bool, len(labels))
	for _, l := range labels {
		switch {
		case !metric.IsLabelName(l.Name):
			errs = append(errs, fmt.Errorf("`add_label` = %s=…: the name must be letters, digits and _, with no digit and no __ first", l.Name))
		case seen[l.Name]:
			errs = append(errs, fmt.Errorf("`add_label` = %s=…: given twice", l.Name))
		}
		seen[l.Name] = true
	}
	return errors.Join(errs...)
}

// endpointKey is equal for addresses that cannot both be listened on: Go treats every
// wildcard host as all interfaces of both IP versions.
func endpointKey(listen string) string {
	host, port, _ := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = ""
	}
	return net.JoinHostPort(host, port)
}

// utf8Labels returns labels with values in UTF-8.
func utf8Labels(labels []metric.Label) (clean []metric.Label) {
	for _, l := range labels {
		clean = append(clean, metric.Label{Name: l.Name, Value: strings.ToValidUTF8(l.Value, "\uFFFD")})
	}
	return clean
}
