package config

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"out_edge/ddsink"
	"out_edge/exporter/remotewrite"
	"out_edge/exporter/statuspage"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/plugin/pipeline"
	"out_edge/timefix"
)

// Source is where settings come from.
type Source struct {
	// Property returns a property's text, "" if it is not set.
	Property func(key string) string
	// Env looks up the environment.
	Env func(name string) string
	// Hostname and IsPrivate are what SystemName returns.
	Hostname  string
	IsPrivate bool
	// Version is the plugin's own.
	Version string
	// BuildDate is when the plugin was built, if that is known: a wall clock before it
	// is wrong.
	BuildDate time.Time
}

// Settings is one instance's configuration.
type Settings struct {
	Pipeline pipeline.Config
	// LogLevel is the lowest level that is logged.
	LogLevel slog.Level
	// MemoryLimit is the Go runtime's soft limit in bytes; 0 leaves it unchanged.
	MemoryLimit int64
	// ClockStart, unless zero, is what the plugin's clock shows at start.
	ClockStart time.Time
	// Notes are log lines: decisions that were made for the user, who may want something
	// else.
	Notes []string

	datadog      ddsink.Config
	remote       remotewrite.Config
	hostname     string
	noNameReason string // why no host name is sent; "" if one is, or none is wanted
}

// Fault is one wrong property. Its text has the key, the value unless that is a secret,
// and what the value must be.
type Fault struct {
	Key   string
	value string
	quiet bool
	err   error
}

func (f Fault) Error() string {
	if f.quiet {
		return fmt.Sprintf("`%s`: %v", f.Key, f.err)
	}
	return fmt.Sprintf("`%s` = %s: %v", f.Key, f.value, f.err)
}

// Unwrap returns what the value must be.
func (f Fault) Unwrap() error { return f.err }

// Load reads the properties. The settings are valid only if there is no fault.
func Load(from Source) (*Settings, []error) {
	s := new(Settings)
	var faults []error
	for _, o := range Options() {
		text, isDefault := o.text(from)
		if text == "" {
			continue
		}
		if err := o.apply(s, text); err != nil {
			faults = append(faults, Fault{Key: o.Key, value: o.shown(text), quiet: o.Secret, err: err})
			continue
		}
		s.Pipeline.Metrics.Settings = append(s.Pipeline.Metrics.Settings, statuspage.Setting{Key: o.Key, Value: o.shown(text), Default: isDefault, Secret: o.Secret})
	}
	faults = append(faults, mistakes(from.Property)...)
	return s, append(faults, s.complete(from)...)
}

// text returns the property as the user wrote it, or from the environment, or the
// default.
func (o Option) text(from Source) (text string, isDefault bool) {
	if text = from.Property(o.Key); text != "" {
		return text, false
	}
	if o.Env != "" {
		if text = from.Env(o.Env); text != "" {
			return text, false
		}
	}
	return o.Default, true
}

// shown returns a value for a log or a page.
func (o Option) shown(text string) string {
	switch {
	case o.Secret:
		return "[set]"
	case o.Address:
		return delivery.ShownURL(text)
	}
	return text
}

// complete sets what follows from several properties, and checks it.
func (s *Settings) complete(from Source) []error {
	s.Pipeline.Metrics.Version = from.Version
	s.nameDevice(from)
	if s.ClockStart.IsZero() { // a replay may be older than the plugin
		s.Pipeline.Time.BuildDate = from.BuildDate
	}
	defer s.noteNoName()
	return unjoin(errors.Join(
		s.checkMemory(),
		s.Pipeline.Metrics.Validate(),
		s.Pipeline.Rules.CheckPrefix(s.Pipeline.Metrics.Prefix),
		s.completeDatadog(from),
		s.completeRemoteWrite(from)))
}

// checkMemory checks that the queue leaves half of the memory to the rest of the
// plugin: otherwise the collector would run all the time without freeing anything.
func (s *Settings) checkMemory() error {
	if s.MemoryLimit == 0 || s.Pipeline.QueueBytes <= s.MemoryLimit/2 {
		return nil
	}
	return Fault{Key: "queue_bytes", value: bytesText(s.Pipeline.QueueBytes),
		err: mustBe("at most half of `memory_limit`, which is %s", bytesText(s.MemoryLimit))}
}

func (s *Settings) completeDatadog(from Source) error {
	if s.datadog.APIKey.IsZero() && s.datadog.APIKeyFile == "" {
		s.datadog.APIKey = delivery.NewSecret(strings.TrimSpace(from.Env("DD_API_KEY")))
	}
	s.datadog.DryRun = s.Pipeline.DryRun
	shown := s.Pipeline.DryRun && s.remote.URL == "" // a dry run of nothing else needs no key
	if s.datadog.APIKey.IsZero() && s.datadog.APIKeyFile == "" && !shown {
		return nil // no Datadog
	}
	s.datadog.Version = from.Version
	s.datadog.Timeout = s.Pipeline.FlushTimeout
	s.Pipeline.Datadog = &s.datadog
	return s.datadog.Validate()
}

func (s *Settings) completeRemoteWrite(from Source) error {
	if s.remote.URL == "" {
		return nil
	}
	s.remote.PluginVersion, s.remote.Timeout, s.remote.DryRun = from.Version, s.Pipeline.FlushTimeout, s.Pipeline.DryRun
	s.remote.Labels = append(instanceLabels(s.Pipeline.Metrics.Hostname), metric.Label{Name: "job", Value: "out_edge"})
	s.Pipeline.RemoteWrite = &s.remote
	return s.remote.Validate()
}

// unjoin returns the faults that a Validate has joined.
func unjoin(err error) []error {
	var joined interface{ Unwrap() []error }
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &joined):
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, unjoin(e)...)
	}
	return all
}

// Clock returns base, or base moved so that it shows ClockStart now.
func (s *Settings) Clock(base timefix.Clock) timefix.Clock {
	if s.ClockStart.IsZero() {
		return base
	}
	return movedClock{base: base, by: s.ClockStart.UnixNano() - base.Now().Wall}
}

// movedClock is base with its wall clock moved.
type movedClock struct {
	base timefix.Clock
	by   int64 // ns
}

func (c movedClock) Now() timefix.Instant {
	at := c.base.Now()
	at.Wall += c.by
	return at
}
