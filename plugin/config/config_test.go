package config_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"out_edge/exporter/statuspage"
	"out_edge/plugin/config"
	"out_edge/plugin/pipeline"
	"out_edge/timefix"
)

// source gives the properties and environment in two maps.
func source(properties, env map[string]string) config.Source {
	return config.Source{
		Property: func(k string) string { return properties[k] },
		Env:      func(k string) string { return env[k] },
		Hostname: "edge-1", Version: "v1.2.3",
	}
}

func TestNothingConfigured(t *testing.T) {
	s, faults := config.Load(source(nil, nil))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if s.Pipeline.Datadog != nil {
		t.Error("Datadog is on without a key")
	}
	if s.Pipeline.Metrics.Listen != "0.0.0.0:2021" || s.Pipeline.Metrics.SeriesTTL != 10*time.Minute ||
		s.Pipeline.Metrics.SeriesLimit != 10000 || s.Pipeline.QueueBytes != 8<<20 ||
		s.Pipeline.FlushTimeout != 15*time.Second || s.Pipeline.Time.MaxFuture != 10*time.Minute ||
		s.MemoryLimit != 64<<20 || s.Pipeline.Metrics.Version != "v1.2.3" {
		t.Errorf("defaults: %+v", s)
	}
}

func TestEachPropertyTakesEffect(t *testing.T) {
	cases := []struct {
		key, value string
		holds      func(*config.Settings) bool
	}{
		{"listen", "off", func(s *config.Settings) bool { return s.Pipeline.Metrics.Listen == "off" }},
		{"web_config_file", "w.yml", func(s *config.Settings) bool { return s.Pipeline.Metrics.WebConfigFile == "w.yml" }},
		{"status_records", "on", func(s *config.Settings) bool { return s.Pipeline.Metrics.StatusRecords == statuspage.RecordsOn }},
		{"status_records", "off", func(s *config.Settings) bool { return s.Pipeline.Metrics.StatusRecords == statuspage.RecordsOff }},
		{"metric_prefix", "dev", func(s *config.Settings) bool { return s.Pipeline.Metrics.Prefix == "dev" }},
		{"hostname", "h", func(s *config.Settings) bool {
			return s.Pipeline.Datadog.Hostname == "h" && s.Pipeline.Metrics.Hostname == "h"
		}},
		{"add_label", "a=b, c=d", func(s *config.Settings) bool {
			l := s.Pipeline.Metrics.Labels
			return len(l) == 2 && l[1].Name == "c" && l[1].Value == "d"
		}},
		{"tag_label", "input", func(s *config.Settings) bool { return s.Pipeline.Metrics.TagLabel == "input" }},
		{"series_ttl", "0", func(s *config.Settings) bool { return s.Pipeline.Metrics.SeriesTTL == 0 }},
		{"series_ttl", "90", func(s *config.Settings) bool { return s.Pipeline.Metrics.SeriesTTL == 90*time.Second }},
		{"series_limit", "0", func(s *config.Settings) bool { return s.Pipeline.Metrics.SeriesLimit == 0 }},
		{"host_metrics", "both", func(s *config.Settings) bool { return s.Pipeline.Host == pipeline.HostBoth }},
		{"host_metrics", "off", func(s *config.Settings) bool { return s.Pipeline.Host == pipeline.HostOff }},
		{"site", "datadoghq.eu", func(s *config.Settings) bool { return s.Pipeline.Datadog.Site == "datadoghq.eu" }},
		{"dd_url", "http://127.0.0.1:1", func(s *config.Settings) bool { return s.Pipeline.Datadog.URL == "http://127.0.0.1:1" }},
		{"dd_metrics_url", "http://127.0.0.1:2", func(s *config.Settings) bool { return s.Pipeline.Datadog.MetricsURL == "http://127.0.0.1:2" }},
		{"dd_source", "x", func(s *config.Settings) bool { return s.Pipeline.Datadog.Source == "x" }},
		{"dd_service", "x", func(s *config.Settings) bool { return s.Pipeline.Datadog.Service == "x" }},
		{"dd_tags", "a:b", func(s *config.Settings) bool { return s.Pipeline.Datadog.Tags == "a:b" }},
		{"dd_hostname", "h", func(s *config.Settings) bool { return s.Pipeline.Datadog.Hostname == "h" }},
		{"dd_message_key", "msg", func(s *config.Settings) bool { return s.Pipeline.Datadog.MessageKey == "msg" }},
		{"include_tag_key", "true", func(s *config.Settings) bool { return s.Pipeline.Datadog.IncludeTagKey }},
		{"tag_key", "t", func(s *config.Settings) bool { return s.Pipeline.Datadog.TagKey == "t" }},
		{"provider", "ecs", func(s *config.Settings) bool { return s.Pipeline.Datadog.Provider == "ecs" }},
		{"json_date_key", "date", func(s *config.Settings) bool { return s.Pipeline.Datadog.DateKey == "date" }},
		{"too_old", "drop", func(s *config.Settings) bool { return s.Pipeline.Datadog.TooOld == "drop" }},
		{"edge_dry_run", "on", func(s *config.Settings) bool { return s.Pipeline.DryRun && s.Pipeline.Datadog.DryRun }},
		{"compress", "zstd", func(s *config.Settings) bool { return s.Pipeline.Datadog.Compress == "zstd" }},
		{"header", "X-A 1, X-B 2", func(s *config.Settings) bool { return len(s.Pipeline.Datadog.Headers) == 2 }},
		{"proxy", "http://p:1", func(s *config.Settings) bool { return s.Pipeline.Datadog.Proxy.Reveal() == "http://p:1" }},
		{"ca_file", "c", func(s *config.Settings) bool { return s.Pipeline.Datadog.CAFile == "c" }},
		{"client_cert_file", "c", func(s *config.Settings) bool { return s.Pipeline.Datadog.CertFile == "c" }},
		{"client_key_file", "c", func(s *config.Settings) bool { return s.Pipeline.Datadog.KeyFile == "c" }},
		{"config_file", "testdata/rules.yaml", func(s *config.Settings) bool { return s.Pipeline.Rules != nil }},
		{"remote_write_url", "http://127.0.0.1/w", func(s *config.Settings) bool {
			rw := s.Pipeline.RemoteWrite
			return rw.URL == "http://127.0.0.1/w" && rw.Labels[0].Value == "edge-1"
		}},
		{"remote_write_username", "u", func(s *config.Settings) bool { return s.Pipeline.RemoteWrite.Username == "u" }},
		{"remote_write_password_file", "f", func(s *config.Settings) bool { return s.Pipeline.RemoteWrite.PasswordFile == "f" }},
		{"remote_write_bearer_token_file", "f", func(s *config.Settings) bool { return s.Pipeline.RemoteWrite.BearerTokenFile == "f" }},
		{"remote_write_headers", "X-Scope-OrgID: t", func(s *config.Settings) bool { return len(s.Pipeline.RemoteWrite.Headers) == 1 }},
		{"remote_write_self", "on", func(s *config.Settings) bool { return s.Pipeline.RemoteWriteSelf }},
		{"remote_write_version", "2", func(s *config.Settings) bool { return s.Pipeline.RemoteWrite.Version == "2" }},
		{"otlp_promote", "service.version, k8s.pod.name", func(s *config.Settings) bool {
			o := &s.Pipeline.OTLP
			return !o.PromoteAll && slices.Equal(o.Promote, []string{"service.version", "k8s.pod.name"})
		}},
		{"otlp_promote", "All", func(s *config.Settings) bool { return s.Pipeline.OTLP.PromoteAll }},
		{"otlp_suffixes", "off", func(s *config.Settings) bool { return s.Pipeline.OTLP.NoSuffixes }},
		{"otlp_up_down", "a,b", func(s *config.Settings) bool { return len(s.Pipeline.OTLP.UpDown) == 2 }},
		{"otlp_bools", "cached", func(s *config.Settings) bool { return s.Pipeline.OTLP.Bools[0] == "cached" }},
		{"remote_write_compress", "zstd", func(s *config.Settings) bool { return s.Pipeline.RemoteWrite.Compress == "zstd" }},
		{"remote_write_native_histograms", "on", func(s *config.Settings) bool { return s.Pipeline.RemoteWrite.NativeHistograms == "on" }},
		{"remote_write_every_sample", "on", func(s *config.Settings) bool { return s.Pipeline.RemoteWrite.EverySample }},
		{"apikey", "abc", func(s *config.Settings) bool { return s.Pipeline.Datadog.APIKey.Reveal() == "abc" }},
		{"apikey_file", "f", func(s *config.Settings) bool { return s.Pipeline.Datadog.APIKeyFile == "f" }},
		{"time_repair", "arrival", func(s *config.Settings) bool { return s.Pipeline.Time.Mode == timefix.ArrivalOnly }},
		{"time_repair", "OFF", func(s *config.Settings) bool { return s.Pipeline.Time.Mode == timefix.Off }},
		{"time_max_future", "1h", func(s *config.Settings) bool { return s.Pipeline.Time.MaxFuture == time.Hour }},
		{"clock_start", "2025-12-03T14:23:20Z", func(s *config.Settings) bool { return s.ClockStart.Unix() == 1764771800 }},
		{"delivery", "queue", func(s *config.Settings) bool { return s.Pipeline.Mode == pipeline.Queue }},
		{"queue_bytes", "1M", func(s *config.Settings) bool { return s.Pipeline.QueueBytes == 1<<20 }},
		{"flush_timeout", "30", func(s *config.Settings) bool { return s.Pipeline.FlushTimeout == 30*time.Second }},
		{"edge_log_level", "debug", func(s *config.Settings) bool { return s.LogLevel == -4 }},
		{"memory_limit", "32MiB", func(s *config.Settings) bool { return s.MemoryLimit == 32<<20 }},
	}
	tried := map[string]bool{}
	for _, c := range cases {
		t.Run(c.key+"="+c.value, func(t *testing.T) {
			with := map[string]string{c.key: c.value}
			switch c.key {
			case "dd_url":
				with["dd_metrics_url"] = "http://127.0.0.1:3"
			case "dd_metrics_url":
				with["dd_url"] = "http://127.0.0.1:3"
			case "remote_write_username":
				with["remote_write_password_file"] = "f"
			case "remote_write_password_file":
				with["remote_write_username"] = "u"
			}
			if strings.HasPrefix(c.key, "remote_write_") && c.key != "remote_write_url" {
				with["remote_write_url"] = "http://127.0.0.1/w"
			}
			s, faults := config.Load(source(with, map[string]string{"DD_API_KEY": "k"}))
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			if !c.holds(s) {
				t.Errorf("%s = %s has no effect", c.key, c.value)
			}
		})
		tried[c.key] = true
	}
	for _, o := range config.Options() {
		if !tried[o.Key] {
			t.Errorf("`%s` is tried by no case", o.Key)
		}
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	_, faults := config.Load(source(map[string]string{
		"queue_bytes": "9TB", "series_ttl": "soon", "host_metrics": "some", "status_records": "all", "include_tag_key": "maybe",
		"time_repair": "guess", "add_label": "nolabel", "clock_start": "now", "series_limit": "-1",
		"flush_timeout": "1ms", "edge_log_level": "loud", "memory_limit": "1", "listen": "here",
		"api_key": "sEcReT", "apikey": "sEcReT", "header": "sEcReT", "compress": "brotli", "site": "example.com",
	}, nil))
	want, err := os.ReadFile("testdata/invalid-everything.txt")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, f := range faults {
		lines = append(lines, f.Error())
	}
	slices.Sort(lines)
	if got := strings.Join(lines, "\n") + "\n"; got != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestTheQueueFitsTheMemory(t *testing.T) {
	_, faults := config.Load(source(map[string]string{"queue_bytes": "64MiB"}, nil))
	want := "`queue_bytes` = 64MiB: must be at most half of `memory_limit`, which is 64MiB"
	if len(faults) != 1 || faults[0].Error() != want {
		t.Errorf("got %v, want %s", faults, want)
	}
	if _, faults := config.Load(source(map[string]string{"queue_bytes": "64MiB", "memory_limit": "0"}, nil)); len(faults) > 0 {
		t.Error(faults)
	}
}

func TestNoSecretIsShown(t *testing.T) {
	s, faults := config.Load(source(map[string]string{
		"apikey": "sEcReT", "header": "X-Token sEcReT", "proxy": "http://u:sEcReT@p:1"}, nil))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for _, e := range s.Pipeline.Metrics.Settings {
		if strings.Contains(e.Value, "sEcReT") {
			t.Errorf("%s is shown", e.Key)
		}
	}
}

// An address may hold a key, whatever its form: neither a fault nor the page
// shows it.
func TestNoSecretOfAnAddressIsShown(t *testing.T) {
	const (
		base = "must be an address like https://host:port/prefix"
		form = "must be an address like https://host:port/api/v1/write"
	)
	for _, c := range []struct{ key, value, shown, fault string }{
		{"remote_write_url", "https://host/push?token=sEcReT", "https://host/push?…", ""},
		{"remote_write_url", "htps://host/push?token=sEcReT", "htps://host/push?…", "`remote_write_url` = htps://host/push?…: " + form},
		{"remote_write_url", "https://u:sEcReT@host/push", "https://…@host/push",
			"`remote_write_url` = https://…@host/push: must hold no user or password; they go into `remote_write_username` and `remote_write_password_file`"},
		{"remote_write_url", "u:sEcReT@host/push", "…@host/push", "`remote_write_url` = …@host/push: " + form},
		{"remote_write_url", "https://u:sEcReT@ho st/push", "https://…@…/push", "`remote_write_url` = https://…@…/push: " + form},
		{"dd_url", "https://host/api/v2/logs?dd-api-key=sEcReT", "https://host/api/v2/logs?…",
			"`dd_url` = https://host/api/v2/logs?…: must end with its path; the key goes into `apikey`"},
		{"dd_url", "https://host/v1/input/sEcReT", "https://host/v1/input/…", ""},
		{"dd_url", "https://host/sEcReT0123456789abcdef", "https://host/…", ""},
		{"dd_metrics_url", "https://u:sEcReT@host", "https://…@host", "`dd_metrics_url` = https://…@host: must hold no user or password; the key goes into `apikey`"},
		{"dd_metrics_url", "http://u:sEcReT@host:x/%zz", "http://…@…/…", "`dd_metrics_url` = http://…@…/…: " + base},
		{"dd_metrics_url", "u:sEcReT@host", "…@host", "`dd_metrics_url` = …@host: " + base},
		{"site", "https://datadoghq.eu/v1/input/sEcReT", "https://datadoghq.eu/v1/input/…", "`site` = https://datadoghq.eu/v1/input/…: must be one of " +
			"datadoghq.com, us3.datadoghq.com, us5.datadoghq.com, ap1.datadoghq.com, ap2.datadoghq.com, uk1.datadoghq.com, datadoghq.eu, " +
			"ddog-gov.com, us2.ddog-gov.com; for any other address set `dd_url` and `dd_metrics_url`"},
	} {
		t.Run(c.key+"="+c.value, func(t *testing.T) {
			properties := map[string]string{c.key: c.value}
			switch c.key { // one without the other is a fault of its own
			case "dd_url":
				properties["dd_metrics_url"] = "http://127.0.0.1:1"
			case "dd_metrics_url":
				properties["dd_url"] = "http://127.0.0.1:1"
			}
			s, faults := config.Load(source(properties, map[string]string{"DD_API_KEY": "k\n"}))
			var got []string
			for _, f := range faults {
				got = append(got, f.Error())
			}
			if text := strings.Join(got, "\n"); text != c.fault {
				t.Errorf("got\n%s\nwant\n%s", text, c.fault)
			}
			for _, e := range s.Pipeline.Metrics.Settings {
				if e.Key == c.key && e.Value != c.shown {
					t.Errorf("the page shows %s, want %s", e.Value, c.shown)
				}
			}
		})
	}
}

func TestKeyFromEnvironment(t *testing.T) {
	s, faults := config.Load(source(nil, map[string]string{"DD_API_KEY": "k1", "DD_SITE": "us5.datadoghq.com"}))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if s.Pipeline.Datadog.APIKey.Reveal() != "k1" || s.Pipeline.Datadog.Site != "us5.datadoghq.com" || s.Pipeline.Datadog.Hostname != "edge-1" {
		t.Errorf("%+v", s.Pipeline.Datadog)
	}
	s, _ = config.Load(source(map[string]string{"apikey_file": "f"}, map[string]string{"DD_API_KEY": "k1"}))
	if !s.Pipeline.Datadog.APIKey.IsZero() {
		t.Error("the environment wins over a property")
	}
}

func TestKnownMistakesAreNamed(t *testing.T) {
	for wrong, right := range map[string]string{"api_key": "apikey", "dd_site": "site", "host_name": "hostname"} {
		_, faults := config.Load(source(map[string]string{wrong: "x"}, nil))
		want := "`" + wrong + "`: is not a property of out_edge: write `" + right + "`"
		if len(faults) != 1 || faults[0].Error() != want {
			t.Errorf("got %v, want %s", faults, want)
		}
	}
}

// Whoever guards /metrics as another output does is led to the file for that.
func TestUsersOfThePageAreInAFile(t *testing.T) {
	for _, wrong := range []string{"username", "user", "password", "passwd", "http_user", "http_passwd", "basic_auth"} {
		_, faults := config.Load(source(map[string]string{wrong: "sEcReT"}, nil))
		if len(faults) != 1 {
			t.Errorf("%s: %v", wrong, faults)
			continue
		}
		text := faults[0].Error()
		if !strings.HasPrefix(text, "`"+wrong+"`: is not a property of out_edge: write ") || !strings.Contains(text, "`web_config_file`") || strings.Contains(text, "sEcReT") {
			t.Errorf("%s: %s", wrong, text)
		}
		if judged := config.Judge(wrong); !strings.HasSuffix(text, judged) {
			t.Errorf("%s: a file with it is told %s", wrong, judged)
		}
	}
}

// moved is a clock that the test sets.
type moved struct{ at timefix.Instant }

func (c *moved) Now() timefix.Instant { return c.at }

func TestClockStart(t *testing.T) {
	base := &moved{timefix.Instant{Wall: 5e9, Boot: 1e9}}
	s := config.Settings{ClockStart: time.Unix(1764771800, 0)}
	clock := s.Clock(base)
	base.at = timefix.Instant{Wall: 7e9, Boot: 3e9}
	if got := clock.Now(); got.Wall != 1764771802e9 || got.Boot != 3e9 {
		t.Errorf("got %+v", got)
	}
}

// A dry run concerns every sink, and needs no key; but it shows no sink that would not
// be there without it.
func TestDryRunOfEachSink(t *testing.T) {
	const url = "http://127.0.0.1/w"
	for _, c := range []struct {
		name       string
		properties map[string]string
		dd, rw     bool
	}{
		{"nothing else", map[string]string{}, true, false},
		{"remote write", map[string]string{"remote_write_url": url}, false, true},
		{"both", map[string]string{"remote_write_url": url, "apikey": "k"}, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.properties["edge_dry_run"] = "on"
			s, faults := config.Load(source(c.properties, nil))
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			dd, rw := s.Pipeline.Datadog, s.Pipeline.RemoteWrite
			if (dd != nil) != c.dd || (rw != nil) != c.rw || dd != nil && !dd.DryRun || rw != nil && !rw.DryRun {
				t.Errorf("Datadog %+v, remote write %+v", dd, rw)
			}
		})
	}
}
