package config

import (
	"errors"
	"iter"
	"strings"
)

// mistakes finds wrong property names and returns the right ones: before 5.1.1 Fluent
// Bit does not report a key that no plugin reads. A plugin can ask the host only for
// one key at a time, so it asks for each key of the table of mistakes, and each that is
// one edit away from a right one.
func mistakes(property func(string) string) []error {
	var faults []error
	found := func(wrong, right string) {
		if property(wrong) != "" {
			faults = append(faults, Fault{Key: wrong, quiet: true,
				err: errors.New(notOurs(right))})
		}
	}
	seen := map[string]bool{}
	for _, o := range Options() {
		seen[o.Key] = true
	}
	for _, m := range knownMistakes() {
		seen[m.wrong] = true
		found(m.wrong, m.right)
	}
	for _, o := range Options() {
		for wrong := range edits(o.Key) {
			if !seen[wrong] && !isFluentBitKey(wrong) {
				seen[wrong] = true
				found(wrong, o.Key)
			}
		}
	}
	return faults
}

// notOurs returns what to write instead of a wrong key: a property, or a text that
// names it in backticks.
func notOurs(right string) string {
	if !strings.Contains(right, "`") {
		right = "`" + right + "`"
	}
	return "is not a property of out_edge: write " + right
}

// letters are those of keys.
const letters = "abcdefghijklmnopqrstuvwxyz_"

// edits yields the words at one typing mistake from a key: a letter too many, one
// missing or another one, or two letters exchanged.
func edits(key string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := 0; i <= len(key); i++ {
			head, tail := key[:i], key[i:]
			if len(tail) > 0 && !yield(head+tail[1:]) {
				return
			}
			if len(tail) > 1 && !yield(head+tail[1:2]+tail[:1]+tail[2:]) {
				return
			}
			for _, c := range letters {
				if !yield(head+string(c)+tail) || len(tail) > 0 && !yield(head+string(c)+tail[1:]) {
					return
				}
			}
		}
	}
}

// Judge returns what is wrong with a key of an output section, in lower case; "" is
// nothing. It is for programs that read the whole section, which a plugin cannot.
func Judge(key string) string {
	for _, o := range Options() {
		if o.Key == key {
			return ""
		}
	}
	for _, m := range knownMistakes() {
		if m.wrong == key {
			return notOurs(m.right)
		}
	}
	for _, lost := range lostKeys() {
		if key == lost.wrong || strings.HasSuffix(lost.wrong, "*") && strings.HasPrefix(key, strings.TrimSuffix(lost.wrong, "*")) {
			return "never reaches a Go plugin: " + lost.right
		}
	}
	if isFluentBitKey(key) {
		return ""
	}
	for _, o := range Options() {
		for wrong := range edits(o.Key) {
			if wrong == key {
				return notOurs(o.Key)
			}
		}
	}
	return "is a property of neither out_edge nor Fluent Bit: remove it, or see the README's table"
}

// isFluentBitKey reports whether Fluent Bit itself reads a key for any output. Source:
// flb_output_set_property and flb_output's global properties, 1.9 to 5.1.
func isFluentBitKey(key string) bool {
	switch key {
	case "name", "match", "match_regex", "alias", "log_level", "log_suppress_interval", "host", "port", "ipv6",
		"retry_limit", "workers", "tls", "storage.total_limit_size", "processors", "routes":
		return true
	}
	return strings.HasPrefix(key, "net.") || strings.HasPrefix(key, "tls.") || strings.HasPrefix(key, "oauth2")
}

// lostKeys are Fluent Bit's own keys that a Go plugin cannot read although users set
// them for it, and what to write instead.
func lostKeys() []knownMistake {
	return []knownMistake{
		{"host", "write `site`, or `dd_url` and `dd_metrics_url`; for /metrics, `listen`"},
		{"port", "write it into `dd_url` and `dd_metrics_url`; for /metrics, `listen`"},
		{"ipv6", "remove it; both are used"},
		{"tls.ca_file", "write `ca_file`"},
		{"tls.crt_file", "write `client_cert_file`"},
		{"tls.key_file", "write `client_key_file`"},
		{"tls.*", "certificates are always checked; `ca_file` names others to trust"},
		{"oauth2*", "remove it; tokens go into `remote_write_bearer_token_file`"},
	}
}

// Repeatable reports whether a key may occur more than once in a section: Fluent Bit
// reads all of them only for its own keys.
func Repeatable(key string) bool {
	return strings.HasPrefix(key, "processors") || strings.HasPrefix(key, "routes")
}

type knownMistake struct{ wrong, right string }

// Basic auth protects /metrics, and is used for a receiver of remote write.
const (
	userElsewhere     = "users and hashed passwords for /metrics into the file of `web_config_file`; for remote write, `remote_write_username`"
	passwordElsewhere = "users and hashed passwords for /metrics into the file of `web_config_file`; for remote write, `remote_write_password_file`"
)

// knownMistakes are names that other tools use, or similar ones, each with the right
// one.
func knownMistakes() []knownMistake {
	return []knownMistake{
		{"add_labels", "add_label"},
		{"api_key", "apikey"},
		{"api_key_file", "apikey_file"},
		{"apikeyfile", "apikey_file"},
		{"basic_auth", userElsewhere},
		{"bearer_token", "remote_write_bearer_token_file"},
		{"config", "config_file"},
		{"dd_api_key", "apikey"},
		{"dd_compress", "compress"},
		{"dd_proxy", "proxy"},
		{"dd_site", "site"},
		{"dry_run", "edge_dry_run"},
		{"host_name", "hostname"},
		{"http_passwd", passwordElsewhere},
		{"http_password", passwordElsewhere},
		{"http_user", userElsewhere},
		{"http_username", userElsewhere},
		{"label", "add_label"},
		{"labels", "add_label"},
		{"limit", "series_limit"},
		{"listen_address", "listen"},
		{"message_key", "dd_message_key"},
		{"passwd", passwordElsewhere},
		{"password", passwordElsewhere},
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
		{"user", userElsewhere},
		{"username", userElsewhere},
		{"web_config", "web_config_file"},
	}
}
