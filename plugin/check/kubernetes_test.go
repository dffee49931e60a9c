package check_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// manifests are the documents of a file of examples/kubernetes.
func manifests(t *testing.T, name string) (all []map[string]any) {
	t.Helper()
	f, err := os.Open("../../examples/kubernetes/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for dec := yaml.NewDecoder(f); ; {
		var doc map[string]any
		if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, doc)
	}
}

// at follows keys, and indices of lists, into a document.
func at(t *testing.T, doc any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch s := step.(type) {
		case string:
			m, ok := doc.(map[string]any)
			if !ok || m[s] == nil {
				t.Fatalf("no %v of %v", s, path)
			}
			doc = m[s]
		case int:
			doc = doc.([]any)[s]
		}
	}
	return doc
}

// kubernetesConf writes a configuration out, and returns its sections but for what
// only the chart needs.
func kubernetesConf(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fluent-bit.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if faults, outputs := faultsOf(t, path); faults != "" || outputs != 1 {
		t.Errorf("%d outputs, faults:\n%s", outputs, faults)
	}
	var b strings.Builder
	for line := range strings.Lines(sectionsOf(t, path)) {
		key, _, _ := strings.Cut(line, " ")
		if key != "plugins_file" && key != "health_check" && !strings.HasPrefix(key, "http_") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// TestKubernetesExamples: the chart's values and the plain manifests run the same, by
// the same means, and the monitor finds their port.
func TestKubernetesExamples(t *testing.T) {
	values := manifests(t, "values.yaml")[0]
	var daemon, config, service map[string]any
	for _, doc := range manifests(t, "daemonset.yaml") {
		switch doc["kind"] {
		case "DaemonSet":
			daemon = doc
		case "ConfigMap":
			config = doc
		case "Service":
			service = doc
		}
	}
	pod := at(t, daemon, "spec", "template", "spec")
	container := at(t, pod, "containers", 0)
	var chart strings.Builder
	for _, part := range []string{"service", "inputs", "filters", "outputs"} {
		chart.WriteString(at(t, values, "config", part).(string))
	}
	if a, b := kubernetesConf(t, chart.String()), kubernetesConf(t, at(t, config, "data", "fluent-bit.conf").(string)); a != b {
		t.Errorf("values.yaml\n%s\ndaemonset.yaml\n%s", a, b)
	}
	for _, key := range []string{"env", "envFrom", "resources", "securityContext"} {
		if a, b := at(t, values, key), at(t, container, key); !reflect.DeepEqual(a, b) {
			t.Errorf("%s: %v in values.yaml, %v in daemonset.yaml", key, a, b)
		}
	}
	for _, probe := range []string{"livenessProbe", "readinessProbe"} {
		if a, b := at(t, values, probe, "httpGet"), at(t, container, probe, "httpGet"); !reflect.DeepEqual(a, b) {
			t.Errorf("%s: %v and %v", probe, a, b)
		}
	}
	if a, b := at(t, values, "terminationGracePeriodSeconds"), at(t, pod, "terminationGracePeriodSeconds"); a != b {
		t.Errorf("grace: %v and %v", a, b)
	}
	// The chart's arguments replace the image's entry point: the library comes by file.
	plugins := at(t, values, "config", "extraFiles", "plugins.conf").(string)
	if !strings.Contains(plugins, "/fluent-bit/edge/out_edge.so") || !strings.Contains(chart.String(), "/fluent-bit/etc/conf/plugins.conf") {
		t.Error("values.yaml does not load the library")
	}
	monitor := manifests(t, "servicemonitor.yaml")[0]
	if port := at(t, monitor, "spec", "endpoints", 0, "port"); port != at(t, service, "spec", "ports", 0, "name") || port != at(t, values, "extraPorts", 0, "name") {
		t.Errorf("the monitor asks for the port %v", port)
	}
	if a, b := at(t, monitor, "spec", "selector", "matchLabels"), at(t, service, "metadata", "labels"); !reflect.DeepEqual(a, b) {
		t.Errorf("the monitor selects %v, the service has %v", a, b)
	}
}
