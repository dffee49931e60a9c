package ddsink_test

import (
	"fmt"
	"strings"
	"testing"

	"out_edge/ddsink"
	"out_edge/plugin/delivery"
)

func TestValidate(t *testing.T) {
	key := delivery.NewSecret(testKey)
	tests := []struct {
		name string
		cfg  ddsink.Config
		want string
	}{
		{"the least", ddsink.Config{APIKey: key}, ""},
		{"a key file that need not exist yet", ddsink.Config{APIKeyFile: "missing"}, ""},
		{"dry run needs no key", ddsink.Config{DryRun: true}, ""},
		{"each site", ddsink.Config{APIKey: key, Site: "us5.datadoghq.com"}, ""},
		{"any site where both addresses are given", ddsink.Config{APIKey: key, Site: "x", URL: "http://127.0.0.1:1", MetricsURL: "https://h/p"}, ""},
		{"no key", ddsink.Config{}, "`apikey`: no key; set `apikey`, `apikey_file` or the environment variable DD_API_KEY"},
		{"a key that is none", ddsink.Config{APIKey: delivery.NewSecret("a b")}, "`apikey`: holds white space, quotes or other characters that no key has: it is letters and digits alone, without quotes"},
		{
			"site", ddsink.Config{APIKey: key, Site: "datadog.com"},
			"`site` = datadog.com: must be one of datadoghq.com, us3.datadoghq.com, us5.datadoghq.com, ap1.datadoghq.com, ap2.datadoghq.com, " +
				"uk1.datadoghq.com, datadoghq.eu, ddog-gov.com, us2.ddog-gov.com; for any other address set `dd_url` and `dd_metrics_url`",
		},
		{
			"all at once", ddsink.Config{APIKey: key, Compress: "brotli", TooOld: "keep", Provider: "aws", DateKey: "message", URL: "localhost:80"},
			"`compress` = brotli: must be auto or gzip or zstd or off\n" +
				"`too_old` = keep: must be send or arrival or drop\n" +
				"`provider` = aws: must be ecs\n" +
				"`dd_url` = localhost:80: must be an address like https://host:port/prefix\n" +
				"`json_date_key` = message: that name is in use for something else",
		},
		{"tag_key", ddsink.Config{APIKey: key, IncludeTagKey: true, TagKey: "timestamp"}, "`tag_key` = timestamp: that name is in use for something else"},
		{"a password in the address", ddsink.Config{APIKey: key, URL: "http://u:" + testKey + "@h"}, "`dd_url` = http://…@h: must hold no user or password; the key goes into `apikey`"},
		{"a key behind the address", ddsink.Config{APIKey: key, URL: "https://h/api/v2/logs?dd-api-key=" + testKey}, "`dd_url` = https://h/api/v2/logs?…: must end with its path; the key goes into `apikey`"},
		{"a fragment", ddsink.Config{APIKey: key, URL: "https://h/#" + testKey}, "`dd_url` = https://h/#…: must end with its path; the key goes into `apikey`"},
		{"a password without a scheme", ddsink.Config{APIKey: key, URL: "u:" + testKey + "@h/p"}, "`dd_url` = …@h/p: must be an address like https://host:port/prefix"},
		{"an address in place of a site", ddsink.Config{APIKey: key, Site: "https://u:" + testKey + "@h", MetricsURL: ""},
			"`site` = https://…@h: must be one of datadoghq.com, us3.datadoghq.com, us5.datadoghq.com, ap1.datadoghq.com, ap2.datadoghq.com, " +
				"uk1.datadoghq.com, datadoghq.eu, ddog-gov.com, us2.ddog-gov.com; for any other address set `dd_url` and `dd_metrics_url`"},
		{"an address that cannot be read", ddsink.Config{APIKey: key, MetricsURL: "http://%zz"}, "`dd_metrics_url` = http://…: must be an address like https://host:port/prefix"},
		{"a key in quotes", ddsink.Config{APIKey: delivery.NewSecret(`"0123"`)}, "`apikey`: holds white space, quotes or other characters that no key has: it is letters and digits alone, without quotes"},
		{"an equals sign before the key", ddsink.Config{APIKey: delivery.NewSecret("apikey=0123")}, "`apikey`: holds white space, quotes or other characters that no key has: it is letters and digits alone, without quotes"},
		{"a variable that nobody has expanded", ddsink.Config{APIKey: delivery.NewSecret("${DD_API_KEY}")}, "`apikey`: begins with $: an environment variable that is not set, or not written as ${NAME}"},
		{"logs alone at an address of their own", ddsink.Config{APIKey: key, URL: "http://127.0.0.1:1"},
			"`dd_url` = http://127.0.0.1:1: concerns logs alone, and metrics would still go to datadoghq.com; set `dd_metrics_url` too, to the same or to https://api.datadoghq.com"},
		{"metrics alone at an address of their own", ddsink.Config{APIKey: key, Site: "datadoghq.eu", MetricsURL: "http://127.0.0.1:1"},
			"`dd_metrics_url` = http://127.0.0.1:1: concerns metrics alone, and logs would still go to datadoghq.eu; set `dd_url` too, to the same or to https://http-intake.logs.datadoghq.eu"},
		{"tags in quotes", ddsink.Config{APIKey: key, Tags: `"a:b"`}, "`dd_tags` = \"a:b\": must be `name:value,name:value` without quotes"},
		{"tags with a record's field", ddsink.Config{APIKey: key, Tags: "host:$hostname"},
			"`dd_tags` = host:$hostname: $ is not expanded here; a record's own field `ddtags` (text, list or map) adds tags of its own"},
		{"a header of the plugin's own", ddsink.Config{APIKey: key, Headers: []delivery.Header{{Name: "content-encoding", Value: delivery.NewSecret("br")}}}, "`header`: content-encoding is set by the plugin itself"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := ""
			if err := test.cfg.Validate(); err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
			if strings.Contains(got, testKey) {
				t.Error("the key stands in the error")
			}
			if _, err := ddsink.Open(test.cfg, ddsink.Deps{Clock: newClock()}); (err != nil) != (test.want != "") {
				t.Errorf("New: %v", err)
			}
		})
	}
}

// TestConfigShowsNoSecret prints a Config in every way.
func TestConfigShowsNoSecret(t *testing.T) {
	cfg := ddsink.Config{APIKey: delivery.NewSecret(testKey), Proxy: delivery.NewSecret("http://u:" + testKey + "@h"),
		Headers: []delivery.Header{{Name: "Authorization", Value: delivery.NewSecret(testKey)}}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if got := fmt.Sprintf(verb, cfg); strings.Contains(got, testKey) {
			t.Errorf("%s shows the key", verb)
		}
	}
}
