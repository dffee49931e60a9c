package config

import "fmt"

// mistakes names the right property where the text looks for a wrong one:
// Fluent Bit tells nobody of a key that no plugin reads.
func mistakes(property func(string) string) []error {
	var faults []error
	for _, m := range knownMistakes() {
		if property(m.wrong) != "" {
			faults = append(faults, Fault{Key: m.wrong, quiet: true,
				err: fmt.Errorf("is not a property of out_edge: write `%s`", m.right)})
		}
	}
	return faults
}

type knownMistake struct{ wrong, right string }

// knownMistakes are the names that other tools use, or that are near, each with
// the right one.
func knownMistakes() []knownMistake {
	return []knownMistake{
		{"add_labels", "add_label"},
		{"api_key", "apikey"},
		{"api_key_file", "apikey_file"},
		{"apikeyfile", "apikey_file"},
		{"bearer_token", "remote_write_bearer_token_file"},
		{"config", "config_file"},
		{"dd_api_key", "apikey"},
		{"dd_compress", "compress"},
		{"dd_proxy", "proxy"},
		{"dd_site", "site"},
		{"dry_run", "edge_dry_run"},
		{"hostname", "dd_hostname"},
		{"http_passwd", "remote_write_password_file"},
		{"http_user", "remote_write_username"},
		{"label", "add_label"},
		{"labels", "add_label"},
		{"limit", "series_limit"},
		{"listen_address", "listen"},
		{"message_key", "dd_message_key"},
		{"prefix", "metric_prefix"},
		{"prometheus_listen", "listen"},
		{"queue_size", "queue_bytes"},
		{"remote_write_bearer_token", "remote_write_bearer_token_file"},
		{"remote_write_header", "remote_write_headers"},
		{"remote_write_password", "remote_write_password_file"},
		{"rules", "config_file"},
		{"service", "dd_service"},
		{"source", "dd_source"},
		{"tags", "dd_tags"},
		{"time_fix", "time_repair"},
		{"timeout", "flush_timeout"},
		{"ttl", "series_ttl"},
		{"uri", "dd_url"},
		{"url", "dd_url"},
		{"web_config", "web_config_file"},
	}
}
