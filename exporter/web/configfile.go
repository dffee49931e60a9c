package web

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/prometheus/exporter-toolkit/web"
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
// file that cannot be read yet, or that names one that cannot, is no such fault.
// The error does not quote the file. An empty path is valid.
func CheckConfigFile(path string) error {
	err := checkFile(path)
	if err != nil && cannotRead.MatchString(err.Error()) {
		return nil
	}
	return err
}

// cannotRead matches the text of an fs.PathError: for a certificate the toolkit passes
// on only the text.
var cannotRead = regexp.MustCompile(`: (open|read) `)

var quoted = regexp.MustCompile("`[^`]*`")

// redact removes what YAML and bcrypt quote from the file: it may be a password.
func redact(text string) string {
	if strings.Contains(text, "bcrypt") {
		return "basic_auth_users: a password is not a bcrypt hash; make one with `htpasswd -nBC 10 user`"
	}
	return quoted.ReplaceAllString(text, "`…`")
}
