package web

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"
)

// checkFile reports what is wrong with a web config file now, without quoting it.
func checkFile(path string) error {
	if path == "" {
		return nil
	}
	if err := web.Validate(path); err != nil {
		return fmt.Errorf("`web_config_file` = %s: %s", path, redact(err.Error()))
	}
	return nil
}

// CheckConfigFile reports faults of a web config file that waiting cannot heal. A
// file that does not exist yet, or that names one that does not, is no such fault.
// The error does not quote the file. An empty path is valid.
func CheckConfigFile(path string) error {
	err := checkFile(path)
	if err == nil || mayHeal(path) {
		return nil
	}
	return err
}

// mayHeal reports whether the file, or one that it names, cannot be opened.
func mayHeal(path string) bool {
	text, err := os.ReadFile(path)
	if err != nil {
		return true
	}
	var named struct {
		TLS struct {
			Cert string `yaml:"cert_file"`
			Key  string `yaml:"key_file"`
			CA   string `yaml:"client_ca_file"`
		} `yaml:"tls_server_config"`
	}
	if yaml.Unmarshal(text, &named) != nil {
		return false
	}
	for _, name := range []string{named.TLS.Cert, named.TLS.Key, named.TLS.CA} {
		if name == "" {
			continue
		}
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), name)
		}
		if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			return true
		}
	}
	return false
}

// redact removes what YAML and bcrypt quote from the file: it may be a password.
func redact(text string) string {
	if strings.Contains(text, "bcrypt") {
		return "basic_auth_users: a password is not a bcrypt hash; make one with `htpasswd -nBC 10 user`"
	}
	return regexp.MustCompile("`[^`]*`").ReplaceAllString(text, "`…`")
}
