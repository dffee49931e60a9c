package config

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	"out_edge/plugin/metric"
)

// ownUTS is the target of /proc/self/ns/uts, unless the process has a UTS namespace,
// and so a host name, of its own. Source: PROC_UTS_INIT_INO in Linux'
// include/linux/proc_ns.h.
const ownUTS = "uts:[4026531838]"

// SystemName returns the machine's name from the system, "" if there is none, and
// whether it is this process' own: that of a container, which is random unless somebody
// has set it.
func SystemName() (name string, isPrivate bool) {
	name, _ = os.Hostname()
	namespace, err := os.Readlink("/proc/self/ns/uts")
	return name, err == nil && namespace != ownUTS
}

// nameDevice decides the device's one name: of logs and metrics at Datadog, and of
// series at remote write. It uses what the user sets, except a localhost: such a name
// comes from a system without a name, for example by `%H` in a unit's environment.
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
	s.noNameReason = fault
}

// isOff reports whether the user wants no name to be sent.
func isOff(name string) bool { return strings.EqualFold(name, "off") }

// noteNoName adds a note that the sent data does not name its device.
func (s *Settings) noteNoName() {
	if s.noNameReason != "" && (s.Pipeline.Datadog != nil || s.Pipeline.RemoteWrite != nil) {
		s.Notes = append(s.Notes, "no host name is sent: "+s.noNameReason+
			"; set `hostname` in this output, or "+hostnameVariable+" in the agent's environment, to the device's name, or to `off`")
	}
}

// machine returns the machine's name: from OTEL_RESOURCE_ATTRIBUTES, like
// OpenTelemetry's resource detector, else from the system. fault is why it is not to be
// sent, or "".
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

// isLocalhost reports whether a name is the default of systems without a name.
func isLocalhost(name string) bool { return strings.HasPrefix(strings.ToLower(name), "localhost") }

// instanceLabels returns remote write's label for the device's name, if it has one.
func instanceLabels(name string) []metric.Label {
	if name == "" {
		return nil
	}
	return []metric.Label{{Name: "instance", Value: name}}
}
