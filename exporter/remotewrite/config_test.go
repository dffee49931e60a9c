package remotewrite_test

import (
	"slices"
	"strings"
	"testing"

	"out_edge/exporter/remotewrite"
	"out_edge/plugin/delivery"
)

func TestValidate(t *testing.T) {
	const form = "must be an address like https://host:port/api/v1/write"
	header := func(name, value string) []delivery.Header {
		return []delivery.Header{{Name: name, Value: delivery.NewSecret(value)}}
	}
	cases := []struct {
		name string
		cfg  remotewrite.Config
		want []string
	}{
		{"nothing", remotewrite.Config{}, []string{"`remote_write_url`: no address; " + form}},
		{"good", remotewrite.Config{URL: "https://h:9/api/v1/push?extra_label=a", Username: "u", PasswordFile: "f", Version: "2"}, nil},
		{"good token", remotewrite.Config{URL: "http://h/", BearerTokenFile: "f", Headers: header("X-Scope-OrgID", "x")}, nil},
		{"own authorization", remotewrite.Config{URL: "http://h/", Headers: header("Authorization", "Token x")}, nil},
		{"scheme", remotewrite.Config{URL: "h:9090"}, []string{"`remote_write_url` = h:9090: " + form}},
		{"no host", remotewrite.Config{URL: "http:///x"}, []string{"`remote_write_url` = http:///x: " + form}},
		{"not an address", remotewrite.Config{URL: "http://u:hunter2@h:x y"}, []string{"`remote_write_url` = http://…@…: " + form}},
		{"good token in the address", remotewrite.Config{URL: "https://h/push?token=hunter2"}, nil},
		{"token", remotewrite.Config{URL: "htps://h/push?token=hunter2"}, []string{"`remote_write_url` = htps://h/push?…: " + form}},
		{"fragment", remotewrite.Config{URL: "https://h/push#hunter2"}, []string{"`remote_write_url` = https://h/push#…: " + form}},
		{"password without a scheme", remotewrite.Config{URL: "u:hunter2@h/push"}, []string{"`remote_write_url` = …@h/push: " + form}},
		{"password", remotewrite.Config{URL: "http://u:hunter2@h/"}, []string{"`remote_write_url` = http://…@h/: must hold no user or password; they go into `remote_write_username` and `remote_write_password_file`"}},
		{"all at once", remotewrite.Config{URL: "ftp://h", Username: "u", BearerTokenFile: "f", Version: "3", Headers: header("content-type", "x")}, []string{
			"`remote_write_url` = ftp://h: " + form,
			"`remote_write_username`: has no password; set `remote_write_password_file`",
			"`remote_write_bearer_token_file`: a token and a user cannot both be sent; keep one of them",
			"`remote_write_headers`: content-type is set by the plugin itself",
			"`remote_write_version` = 3: must be auto, 1 or 2"}},
		{"no user", remotewrite.Config{URL: "http://h/", PasswordFile: "f"}, []string{"`remote_write_password_file`: has no user; set `remote_write_username`"}},
		{"two authorizations", remotewrite.Config{URL: "http://h/", BearerTokenFile: "f", Headers: header("Authorization", "hunter2")}, []string{
			"`remote_write_headers`: Authorization is set by the user or the token file already"}},
		{"bad header", remotewrite.Config{URL: "http://h/", Headers: header("a b", "hunter2")}, []string{"`remote_write_headers`: \"a b\" is not `Name value`"}},
		{"bad value", remotewrite.Config{URL: "http://h/", Headers: header("A", "hunter2\n")}, []string{"`remote_write_headers`: \"A\" is not `Name value`"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if err := c.cfg.Validate(); err != nil {
				got = err.Error()
			}
			if got != strings.Join(c.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(c.want, "\n"))
			}
			if strings.Contains(got, "hunter2") {
				t.Error("a secret shows")
			}
			if _, err := remotewrite.New(c.cfg, remotewrite.Deps{Clock: newClock()}); (err != nil) != (c.want != nil) {
				t.Errorf("New: %v", err)
			}
		})
	}
}

func TestReasons(t *testing.T) {
	all := reasons()
	for _, used := range strings.Fields("out_of_order too_old too_new duplicate not_written malformed no_name rejected too_large forgotten dry_run resent same_time superseded") {
		if !slices.Contains(all, used) {
			t.Errorf("%s is not among %q", used, all)
		}
	}
}

// reasons are all that are documented.
func reasons() []string {
	dropped, adjusted := new(remotewrite.Sink).Reasons()
	return append(dropped, adjusted...)
}
