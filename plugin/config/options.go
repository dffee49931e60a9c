package config

import (
	"strings"
	"time"

	"out_edge/ddsink"
	"out_edge/exporter"
	"out_edge/exporter/rules"
	"out_edge/exporter/statuspage"
	"out_edge/plugin/delivery"
	"out_edge/plugin/logline"
	"out_edge/plugin/metric"
	"out_edge/plugin/pipeline"
	"out_edge/timefix"
)

// hostnameVariable is for whoever starts the agent, who knows the machine's name where
// a container does not.
const hostnameVariable = "EDGE_HOSTNAME"

// Option is one property.
type Option struct {
	Key string
	// Default is the text that is used if the user sets none.
	Default string
	// Env is the environment variable that takes precedence over the default.
	Env string
	// Help is the README's sentence.
	Help string
	// Secret hides the value in all output.
	Secret bool
	// Address shows only the parts of the value that delivery.ShownURL shows.
	Address bool

	apply func(s *Settings, text string) error
}

// ShownDefault is the README's second column.
func (o Option) ShownDefault() string {
	var parts []string
	if o.Env != "" {
		parts = append(parts, "`$"+o.Env+"`")
	}
	if o.Default != "" {
		parts = append(parts, "`"+o.Default+"`")
	}
	return strings.Join(parts, ", else ")
}

// Options is every property, in the README's order.
func Options() []Option {
	var all []Option
	for _, part := range [][]Option{prometheusOptions(), otlpOptions(), datadogOptions(), remoteWriteOptions(), networkOptions(), timeOptions(), deliveryOptions(), processOptions()} {
		all = append(all, part...)
	}
	return all
}

func prometheusOptions() []Option {
	return []Option{
		{Key: "listen", Default: exporter.DefaultListen,
			Help:  "address of `/metrics`, `/healthz`, `/readyz`, `/debug/time` and the page at `/`; `off` for none",
			apply: text(func(s *Settings) *string { return &s.Pipeline.Metrics.Listen })},
		{Key: "web_config_file",
			Help:  "TLS, basic auth and limits of that address, in the file format of [exporter-toolkit](https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md)",
			apply: text(func(s *Settings) *string { return &s.Pipeline.Metrics.WebConfigFile })},
		{Key: "status_records", Default: "auto",
			Help: "who sees the last log records on the page at `/`: `auto` is the device itself and whoever has shown a password or certificate of `web_config_file`, `on` everybody who reaches the page, `off` nobody; see [docs/open-port.md](docs/open-port.md#the-last-records)",
			apply: func(s *Settings, t string) error {
				i, err := oneOf(t, "auto", "on", "off")
				s.Pipeline.Metrics.StatusRecords = statuspage.Records(i)
				return err
			}},
		{Key: "metric_prefix", Default: exporter.DefaultPrefix,
			Help:  "first word of every series that is made here",
			apply: text(func(s *Settings) *string { return &s.Pipeline.Metrics.Prefix })},
		{Key: "hostname", Env: hostnameVariable,
			Help:  "the device's name: host of logs and metrics at Datadog, label `instance` at remote write; a record's own `hostname` or `host` wins; `off` is none. Without it the machine's name, but none in a container or as `localhost`",
			apply: text(func(s *Settings) *string { return &s.hostname })},
		{Key: "add_label",
			Help:  "`k=v,k2=v2`: labels on every series, tags on every Datadog metric",
			apply: applyLabels},
		{Key: "tag_label",
			Help:  "name of a label that has Fluent Bit's tag, on every series; without it, what two tags make of one series is taken from the first, and refused from the second",
			apply: text(func(s *Settings) *string { return &s.Pipeline.Metrics.TagLabel })},
		{Key: "series_ttl", Default: "10m",
			Help: "a gauge disappears this long after its last sample, a host input's 2.5 of its own intervals if that is longer, and so does an OpenTelemetry total; `0` is never",
			apply: func(s *Settings, t string) (err error) {
				s.Pipeline.Metrics.SeriesTTL, err = durationOrNever(t, time.Second, 365*24*time.Hour)
				return err
			}},
		{Key: "series_limit", Default: "10000",
			Help: "series that this output may have; totals that have been silent for long make room, new ones beyond are refused and counted; `0` is no limit",
			apply: func(s *Settings, t string) (err error) {
				s.Pipeline.Metrics.SeriesLimit, err = integer(t, 0, 10_000_000)
				return err
			}},
		{Key: "host_metrics", Default: "metrics",
			Help: "what becomes of cpu, mem, thermal, disk, netif and proc records: `metrics`, `logs`, `both` or `off`",
			apply: func(s *Settings, t string) error {
				i, err := oneOf(t, "metrics", "logs", "both", "off")
				s.Pipeline.Host = pipeline.HostMode(i)
				return err
			}},
		{Key: "config_file",
			Help: "YAML: `metrics` from log records, `metric_relabel_configs`, `routes`; see [docs/rules.md](docs/rules.md)",
			apply: func(s *Settings, t string) (err error) {
				s.Pipeline.Rules, err = rules.Load(t)
				return err
			}},
	}
}

func otlpOptions() []Option {
	return []Option{
		{Key: "otlp_promote",
			Help: "attributes of OpenTelemetry resources that become labels of their series, such as `service.version,k8s.pod.name`, or `all`; see [docs/otlp.md](docs/otlp.md)",
			apply: func(s *Settings, t string) error {
				o := &s.Pipeline.OTLP
				if o.PromoteAll = strings.EqualFold(t, "all"); !o.PromoteAll {
					o.Promote = list(t)
				}
				return nil
			}},
		{Key: "otlp_suffixes", Default: "on",
			Help: "put the unit, and `_total` of counters, at the end of the names of OpenTelemetry metrics",
			apply: func(s *Settings, t string) error {
				on, err := boolean(t)
				s.Pipeline.OTLP.NoSuffixes = !on
				return err
			}},
		{Key: "otlp_up_down",
			Help: "OpenTelemetry sums that may fall, beside those of the semantic conventions: gauges from the first value on, others once they have fallen",
			apply: func(s *Settings, t string) error {
				s.Pipeline.OTLP.UpDown = list(t)
				return nil
			}},
		{Key: "otlp_bools",
			Help: "OpenTelemetry attributes of metrics that are true or false: Fluent Bit passes them on as 1 and 0",
			apply: func(s *Settings, t string) error {
				s.Pipeline.OTLP.Bools = list(t)
				return nil
			}},
	}
}

func datadogOptions() []Option {
	return []Option{
		{Key: "apikey", Secret: true,
			Help: "Datadog API key; without `apikey`, `apikey_file` and `$DD_API_KEY` nothing goes to Datadog",
			apply: func(s *Settings, t string) error {
				s.datadog.APIKey = delivery.NewSecret(t)
				return nil
			}},
		{Key: "apikey_file",
			Help:  "file that holds the key; read again when it changes, and may appear later",
			apply: text(func(s *Settings) *string { return &s.datadog.APIKeyFile })},
		{Key: "site", Address: true, Env: "DD_SITE", Default: ddsink.DefaultSite,
			Help:  "Datadog site, such as `datadoghq.eu` or `us5.datadoghq.com`",
			apply: text(func(s *Settings) *string { return &s.datadog.Site })},
		{Key: "dd_url", Address: true,
			Help:  "base address for logs in place of the site's, e.g. `http://127.0.0.1:8126`",
			apply: text(func(s *Settings) *string { return &s.datadog.URL })},
		{Key: "dd_metrics_url", Address: true,
			Help:  "the same for metrics",
			apply: text(func(s *Settings) *string { return &s.datadog.MetricsURL })},
		{Key: "dd_source", Help: "`ddsource` of records that have none",
			apply: text(func(s *Settings) *string { return &s.datadog.Source })},
		{Key: "dd_service", Help: "`service` of records that have none",
			apply: text(func(s *Settings) *string { return &s.datadog.Service })},
		{Key: "dd_tags", Help: "`k:v,k2:v2`: tags on every log and metric",
			apply: text(func(s *Settings) *string { return &s.datadog.Tags })},
		{Key: "dd_hostname", Env: "DD_HOSTNAME", Help: "the same as `hostname`; where both are set, this one is for Datadog alone",
			apply: text(func(s *Settings) *string { return &s.datadog.Hostname })},
		{Key: "dd_message_key", Default: ddsink.DefaultMessageKey,
			Help:  "the field that becomes the message",
			apply: text(func(s *Settings) *string { return &s.datadog.MessageKey })},
		{Key: "include_tag_key", Default: "off", Help: "adds Fluent Bit's tag to each log",
			apply: boolTo(func(s *Settings) *bool { return &s.datadog.IncludeTagKey })},
		{Key: "tag_key", Default: ddsink.DefaultTagKey, Help: "under this name",
			apply: text(func(s *Settings) *string { return &s.datadog.TagKey })},
		{Key: "provider", Help: "`ecs`: fields of Fluent Bit's ECS filter become tags",
			apply: text(func(s *Settings) *string { return &s.datadog.Provider })},
		{Key: "json_date_key", Default: ddsink.DefaultDateKey,
			Help:  "name of the time, an integer in ms; Datadog reads `timestamp`",
			apply: text(func(s *Settings) *string { return &s.datadog.DateKey })},
		{Key: "too_old", Default: ddsink.TooOldSend,
			Help:  "logs over 18 h, which Datadog accepts and does not show: `send`, `arrival` (present time, the true one kept beside it) or `drop`",
			apply: text(func(s *Settings) *string { return &s.datadog.TooOld })},
		{Key: "edge_dry_run", Default: "off", Help: "does everything but send, and logs what each sink would send",
			apply: boolTo(func(s *Settings) *bool { return &s.Pipeline.DryRun })},
	}
}

func remoteWriteOptions() []Option {
	return []Option{
		{Key: "remote_write_url", Address: true,
			Help:  "receiver of Prometheus remote write, path included, e.g. `https://host/api/v1/write`",
			apply: text(func(s *Settings) *string { return &s.remote.URL })},
		{Key: "remote_write_username", Help: "user of basic auth, with `remote_write_password_file`",
			apply: text(func(s *Settings) *string { return &s.remote.Username })},
		{Key: "remote_write_password_file", Help: "file that holds the password; read again when it changes",
			apply: text(func(s *Settings) *string { return &s.remote.PasswordFile })},
		{Key: "remote_write_bearer_token_file", Help: "file that holds a token, in place of user and password; read again when it changes",
			apply: text(func(s *Settings) *string { return &s.remote.BearerTokenFile })},
		{Key: "remote_write_headers", Secret: true, Help: "further headers, such as `X-Scope-OrgID: tenant`, several with commas",
			apply: func(s *Settings, t string) (err error) {
				if s.remote.Headers, err = delivery.ParseHeaders("remote_write_headers", t); err != nil {
					return mustBe("`Name: value`, several with commas")
				}
				return nil
			}},
		{Key: "remote_write_self", Default: "off", Help: "also sends the plugin's own series, each minute",
			apply: boolTo(func(s *Settings) *bool { return &s.Pipeline.RemoteWriteSelf })},
		{Key: "remote_write_version", Default: "auto", Help: "`1`, `2`, or `auto`: 1, and 2 with a receiver that takes no 1",
			apply: text(func(s *Settings) *string { return &s.remote.Version })},
		{Key: "remote_write_compress", Default: "snappy", Help: "`snappy`, or `zstd` for VictoriaMetrics: 16 to 25 % fewer bytes; a receiver that refuses the first such body gets `snappy` for good",
			apply: text(func(s *Settings) *string { return &s.remote.Compress })},
		{Key: "remote_write_native_histograms", Default: "auto",
			Help:  "exponential histograms as Prometheus' native ones (`on`) or with classic buckets (`off`); `auto`: native with version 2, where the receiver says whether it took them",
			apply: text(func(s *Settings) *string { return &s.remote.NativeHistograms })},
		{Key: "remote_write_every_sample", Default: "off", Help: "sends each sample of a flush, and not the newest of each series alone: for aggregators, whose devices send at once what they kept in an outage",
			apply: boolTo(func(s *Settings) *bool { return &s.remote.EverySample })},
	}
}

func networkOptions() []Option {
	return []Option{
		{Key: "compress", Default: ddsink.CompressAuto, Help: "bodies to Datadog: `zstd`, `gzip`, `off`, or `auto`: zstd, and gzip for good with a receiver that refuses the first zstd body",
			apply: text(func(s *Settings) *string { return &s.datadog.Compress })},
		{Key: "header", Secret: true, Help: "further request headers: `Name value`, several with commas",
			apply: func(s *Settings, t string) (err error) {
				if s.datadog.Headers, err = delivery.ParseHeaders("header", t); err != nil {
					return mustBe("`Name value`, several with commas")
				}
				return nil
			}},
		{Key: "proxy", Secret: true, Help: "`http://user:password@host:port`; otherwise `HTTPS_PROXY` and `NO_PROXY` of the environment hold",
			apply: func(s *Settings, t string) error {
				s.datadog.Proxy, s.remote.Proxy = delivery.NewSecret(t), delivery.NewSecret(t)
				return nil
			}},
		{Key: "ca_file", Help: "certificates (PEM) to trust in place of the system's; these three files may appear late, and are read again when they change",
			apply: text(func(s *Settings) *string { return &s.datadog.CAFile }, func(s *Settings) *string { return &s.remote.CAFile })},
		{Key: "client_cert_file", Help: "client certificate (PEM), with `client_key_file`",
			apply: text(func(s *Settings) *string { return &s.datadog.CertFile }, func(s *Settings) *string { return &s.remote.CertFile })},
		{Key: "client_key_file", Help: "its key (PEM)",
			apply: text(func(s *Settings) *string { return &s.datadog.KeyFile }, func(s *Settings) *string { return &s.remote.KeyFile })},
	}
}

func timeOptions() []Option {
	return []Option{
		{Key: "time_repair", Default: "auto",
			Help: "`auto` repairs; `arrival` stamps anything implausible with the present; `off` sends what stands there",
			apply: func(s *Settings, t string) error {
				i, err := oneOf(t, "auto", "arrival", "off")
				s.Pipeline.Time.Mode = []timefix.Mode{timefix.Auto, timefix.ArrivalOnly, timefix.Off}[i]
				return err
			}},
		{Key: "time_max_future", Default: "10m", Help: "how far ahead of the clock a time is still believed",
			apply: func(s *Settings, t string) (err error) {
				s.Pipeline.Time.MaxFuture, err = duration(t, time.Second, 24*time.Hour)
				return err
			}},
		{Key: "clock_start", Help: "for replays: the instant (RFC 3339) that the plugin's clock shows at start",
			apply: func(s *Settings, t string) (err error) {
				if s.ClockStart, err = time.Parse(time.RFC3339Nano, t); err != nil {
					return mustBe("a time such as `2025-12-03T14:23:20Z`")
				}
				return nil
			}},
	}
}

func deliveryOptions() []Option {
	return []Option{
		{Key: "delivery", Default: "auto",
			Help: "`park`: the chunk stays in Fluent Bit's buffer until the receivers have it, and no thread waits for that; `sync`: the same, on the thread of the flush; `queue`: it is copied into memory. `auto` is `park` where this Fluent Bit allows it (all from 1.9 to 5.1 do), else `sync` with `workers` and `queue` without",
			apply: func(s *Settings, t string) error {
				i, err := oneOf(t, "auto", "park", "queue", "sync")
				if err == nil {
					s.Pipeline.Mode = []pipeline.Mode{pipeline.Auto, pipeline.Park, pipeline.Queue, pipeline.Sync}[i]
				}
				return err
			}},
		{Key: "queue_bytes", Default: "8MiB", Help: "payload that may wait in the queue; of Fluent Bit's own, parked, eight times as much; full means RETRY",
			apply: func(s *Settings, t string) (err error) {
				s.Pipeline.QueueBytes, err = size(t, 64<<10, 1<<30)
				return err
			}},
		{Key: "flush_timeout", Default: "15s", Help: "time for one try of one chunk, and for the drain at exit",
			apply: func(s *Settings, t string) (err error) {
				s.Pipeline.FlushTimeout, err = duration(t, time.Second, 10*time.Minute)
				return err
			}},
	}
}

func processOptions() []Option {
	return []Option{
		{Key: "edge_log_level", Default: "info",
			Help: "`" + strings.Join(logline.Levels(), "`, `") + "`; Fluent Bit's own `log_level` cannot be read by a plugin",
			apply: func(s *Settings, t string) error {
				_, err := oneOf(t, logline.Levels()...)
				s.LogLevel, _ = logline.ParseLevel(t)
				return err
			}},
		{Key: "memory_limit", Default: "64MiB", Help: "soft limit of the library's memory, as GOMEMLIMIT, which wins over it; of several outputs the largest holds; `0` is none",
			apply: func(s *Settings, t string) (err error) {
				if t != "0" {
					s.MemoryLimit, err = size(t, 16<<20, 64<<30)
				}
				return err
			}},
	}
}

// text stores a property as it is.
func text(fields ...func(*Settings) *string) func(*Settings, string) error {
	return func(s *Settings, t string) error {
		for _, field := range fields {
			*field(s) = t
		}
		return nil
	}
}

// boolTo stores a switch.
func boolTo(field func(*Settings) *bool) func(*Settings, string) error {
	return func(s *Settings, t string) (err error) {
		*field(s), err = boolean(t)
		return err
	}
}

// applyLabels reads add_label.
func applyLabels(s *Settings, t string) error {
	for _, pair := range list(t) {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return mustBe("`name=value`, several with commas")
		}
		s.Pipeline.Metrics.Labels = append(s.Pipeline.Metrics.Labels,
			metric.Label{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)})
	}
	return nil
}
