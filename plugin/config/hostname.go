package config

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	"out_edge/plugin/metric"
)

// ownUTS is what /proc/self/ns/uts leads to unless the process has a UTS namespace,
// and with it a host name, of its own. Source: PROC_UTS_INIT_INO in Linux'
// include/linux/proc_ns.h.
const ownUTS = "uts:[4026531838]"

// SystemName is the name that the system gives the machine, "" where it has none, and
// whether that is this process' own: that of a container, which is a random one unless
// somebody has set it.
func SystemName() (name string, isPrivate bool) {
	name, _ = os.Hostname()
	namespace, err := os.Readlink("/proc/self/ns/uts")
	return name, err == nil && namespace != ownUTS
}

// nameDevice settles the device's one name: of logs and metrics at Datadog, and of
// series at remote write. What the user says of it is believed, but for a localhost:
// such a name comes from a system that has none, as `%H` in a unit's environment.
func (s *Settings) nameDevice(from Source) {
	name, fault := from.machine()
	if said := cmp.Or(s.hostname, s.datadog.Hostname); said != "" {
		name, fault = said, ""
	}
	if isLocalhost(name) {
		fault = fmt.Sprintf("%q is a name of any machine", name)
	}
	if fault != "" || isOff(name) {
		name = ""
	}
	s.Pipeline.Metrics.Hostname = name
	s.Pipeline.Metrics.Device = cmp.Or(name, from.Hostname)
	switch at := s.datadog.Hostname; {
	case isOff(at):
		s.datadog.Hostname = ""
	case at == "" || isLocalhost(at):
		s.datadog.Hostname = name
	}
	s.nameless = fault
}

// isOff tells whether a name says that none is to be sent.
func isOff(name string) bool { return strings.EqualFold(name, "off") }

// sayNameless notes that nothing sent says which device it comes from, where anything
// is sent.
func (s *Settings) sayNameless() {
	if s.nameless != "" && (s.Pipeline.Datadog != nil || s.Pipeline.RemoteWrite != nil) {
		s.Notes = append(s.Notes, "no host name is sent: "+s.nameless+
			"; set `hostname` in this output, or "+hostnameVariable+" in the agent's environment, to the device's name, or to `off`")
	}
}

// machine is the name that the machine has: what OTEL_RESOURCE_ATTRIBUTES says of it,
// as OpenTelemetry's resource detector reads that, else the system's. fault says why
// it is not to be sent, or is "".
func (from Source) machine() (name, fault string) {
	for _, pair := range list(from.Env("OTEL_RESOURCE_ATTRIBUTES")) {
		if name, ok := strings.CutPrefix(pair, "host.name="); ok && name != "" {
			return name, ""
		}
	}
	switch {
	case from.Hostname == "":
		return "", "the system has none"
	case from.IsPrivate:
		return from.Hostname, fmt.Sprintf("%q is the name of this container (UTS namespace), not of the device", from.Hostname)
	}
	return from.Hostname, ""
}

// isLocalhost tells whether a name is what systems are called that nobody has named.
func isLocalhost(name string) bool { return strings.HasPrefix(strings.ToLower(name), "localhost") }

// instanceLabels are remote write's label for the device's name, if it has one.
func instanceLabels(name string) []metric.Label {
	if name == "" {
		return nil
	}
	return []metric.Label{{Name: "instance", Value: name}}
}
