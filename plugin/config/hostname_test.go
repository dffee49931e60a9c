package config_test

import (
	"slices"
	"strings"
	"testing"

	"out_edge/plugin/config"
)

// names are what the sinks call the device: Datadog, and remote write's instance.
func names(s *config.Settings) string {
	instance := ""
	for _, l := range s.Pipeline.RemoteWrite.Labels {
		if l.Name == "instance" {
			instance = l.Value
		}
	}
	return s.Pipeline.Datadog.Hostname + " " + instance
}

// The device has one name at every sink, and none where nobody knows it.
func TestTheDeviceHasOneName(t *testing.T) {
	const note = "no host name is sent: %; set `hostname` in this output, or EDGE_HOSTNAME in the agent's environment, to the device's name, or to `off`"
	type texts = map[string]string
	for _, c := range []struct {
		name            string
		properties, env texts
		hostname        string
		private         bool
		want            string // at Datadog, at remote write
		note            string // what of the line differs
	}{
		{name: "the machine's", hostname: "pump-7", want: "pump-7 pump-7"},
		{name: "hostname", properties: texts{"hostname": "p"}, hostname: "m", want: "p p"},
		{name: "its alias", properties: texts{"dd_hostname": "p"}, hostname: "m", want: "p p"},
		{name: "another one for Datadog", properties: texts{"hostname": "p", "dd_hostname": "d"}, hostname: "m", want: "d p"},
		{name: "off", properties: texts{"hostname": "off"}, hostname: "m", want: " "},
		{name: "off for Datadog", properties: texts{"hostname": "p", "dd_hostname": "Off"}, hostname: "m", want: " p"},
		{name: "off for all but Datadog", properties: texts{"hostname": "off", "dd_hostname": "d"}, hostname: "m", want: "d "},
		{name: "the environment's", env: texts{"EDGE_HOSTNAME": "e"}, hostname: "m", private: true, want: "e e"},
		{name: "Datadog's environment", env: texts{"DD_HOSTNAME": "e"}, hostname: "m", private: true, want: "e e"},
		{name: "the property before the environment", properties: texts{"hostname": "p"}, env: texts{"EDGE_HOSTNAME": "e"}, want: "p p"},
		{name: "OpenTelemetry's environment", env: texts{"OTEL_RESOURCE_ATTRIBUTES": "a=b,host.name=o"}, hostname: "m", private: true, want: "o o"},
		{name: "a container", hostname: "0c4f2e9a71bd", private: true, want: " ",
			note: `"0c4f2e9a71bd" is the name of this container (UTS namespace), not of the device`},
		{name: "a container, off", properties: texts{"hostname": "off"}, hostname: "0c4f2e9a71bd", private: true, want: " "},
		{name: "localhost", hostname: "localhost", want: " ", note: `"localhost" is a name of any machine`},
		{name: "localhost with a domain", hostname: "LocalHost.localdomain", want: " ", note: `"LocalHost.localdomain" is a name of any machine`},
		{name: "a unit's %H that is localhost", env: texts{"EDGE_HOSTNAME": "localhost"}, hostname: "m", private: true, want: " ",
			note: `"localhost" is a name of any machine`},
		{name: "none", want: " ", note: "the system has none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			properties := texts{"apikey": "k", "remote_write_url": "http://127.0.0.1/w"}
			for k, v := range c.properties {
				properties[k] = v
			}
			from := source(properties, c.env)
			from.Hostname, from.IsPrivate = c.hostname, c.private
			s, faults := config.Load(from)
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			if got := names(s); got != c.want {
				t.Errorf("named %q, want %q", got, c.want)
			}
			var notes []string
			if c.note != "" {
				notes = []string{strings.Replace(note, "%", c.note, 1)}
			}
			if !slices.Equal(s.Notes, notes) {
				t.Errorf("notes %q, want %q", s.Notes, notes)
			}
		})
	}
}

// Where nothing is sent, nothing is said.
func TestWhoIsScrapedNeedsNoName(t *testing.T) {
	from := source(nil, nil)
	from.IsPrivate = true
	if s, faults := config.Load(from); len(faults) > 0 || len(s.Notes) > 0 {
		t.Errorf("notes %q, faults %v", s.Notes, faults)
	}
}
