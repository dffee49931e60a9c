package web

import (
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Trusts reports whether a request may see what is not for everybody on the network: it
// has shown a password of the web config file or a client's certificate that was
// verified, or it comes from this machine itself.
//
// A request of this machine must also name it as such: otherwise it comes through a proxy
// or a forwarded port, for somebody else, or from a page in a browser here whose name was
// made to point to this machine.
func Trusts(r *http.Request, configFile string) bool {
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		return true
	}
	if _, _, ok := r.BasicAuth(); ok && hasUsers(configFile) {
		return true // exporter-toolkit has checked the password
	}
	return IsLoopback(r.RemoteAddr) && IsLoopback(r.Host) && !isForwarded(r)
}

// isForwarded reports whether a proxy asks for somebody else: its headers say so, or it
// speaks HTTP/1.0, as nginx does to those behind it and browsers do not.
func isForwarded(r *http.Request) bool {
	if !r.ProtoAtLeast(1, 1) {
		return true
	}
	for name := range r.Header {
		if name == "Forwarded" || name == "Via" || name == "X-Real-Ip" || strings.HasPrefix(name, "X-Forwarded-") {
			return true
		}
	}
	return false
}

// IsLoopback reports whether host:port, or a host alone, is this machine.
func IsLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = strings.Trim(address, "[]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// hasUsers reports whether the web config file asks for a password. It is read each time,
// as exporter-toolkit does.
func hasUsers(configFile string) bool {
	if configFile == "" {
		return false
	}
	text, err := os.ReadFile(configFile)
	if err != nil {
		return false
	}
	var file struct {
		Users map[string]string `yaml:"basic_auth_users"`
	}
	return yaml.Unmarshal(text, &file) == nil && len(file.Users) > 0
}
