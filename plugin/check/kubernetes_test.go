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
func manifests(t *testing.T, name string) []map[string]any {
	t.Helper()
	return documents(t, "../../examples/kubernetes/"+name)
}

func documents(t *testing.T, name string) (all []map[string]any) {
	t.Helper()
	f, err := os.Open(name)
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
	kinds := byKind(manifests(t, "daemonset.yaml"))
	daemon, config, service := kinds["DaemonSet"], kinds["ConfigMap"], kinds["Service"]
	pod := at(t, daemon, "spec", "template", "spec")
	container := at(t, pod, "containers", 0)
	var chart strings.Builder
	for _, part := range []string{"service", "inputs", "filters", "outputs"} {
		chart.WriteString(at(t, values, "config", part).(string))
	}
	if a, b := kubernetesConf(t, chart.String()), kubernetesConf(t, at(t, config, "data", "fluent-bit.conf").(string)); a != b {
		t.Errorf("values.yaml\n%s\ndaemonset.yaml\n%s", a, b)
	}
	for _, key := range []string{"env", "envFrom", "resources", "securityContext", "livenessProbe", "readinessProbe"} {
		if a, b := at(t, values, key), at(t, container, key); !reflect.DeepEqual(a, b) {
			t.Errorf("%s: %v in values.yaml, %v in daemonset.yaml", key, a, b)
		}
	}
	if a, b := at(t, values, "image", "pullPolicy"), at(t, container, "imagePullPolicy"); a != b {
		t.Errorf("the image is pulled %v and %v", a, b)
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

// TestRenderedChart compares what `helm template` has made of values.yaml, in a file that
// RENDERED_CHART names, with the plain manifests.
func TestRenderedChart(t *testing.T) {
	file := os.Getenv("RENDERED_CHART")
	if file == "" {
		t.Log("RENDERED_CHART names no file: TestKubernetesExamples has compared the values alone")
		return
	}
	rendered, plain := byKind(documents(t, file)), byKind(manifests(t, "daemonset.yaml"))
	conf := func(kinds map[string]map[string]any) string {
		return kubernetesConf(t, at(t, kinds["ConfigMap"], "data", "fluent-bit.conf").(string))
	}
	if a, b := conf(rendered), conf(plain); a != b {
		t.Errorf("rendered\n%s\ndaemonset.yaml\n%s", a, b)
	}
	pod := []any{"spec", "template", "spec"}
	for _, key := range []string{"tolerations", "terminationGracePeriodSeconds"} {
		if a, b := at(t, rendered["DaemonSet"], append(pod, key)...), at(t, plain["DaemonSet"], append(pod, key)...); !reflect.DeepEqual(a, b) {
			t.Errorf("%s: %v and %v", key, a, b)
		}
	}
	container := append(pod, "containers", 0)
	for _, key := range []string{"env", "envFrom", "resources", "securityContext", "livenessProbe", "readinessProbe", "imagePullPolicy"} {
		if a, b := at(t, rendered["DaemonSet"], append(container, key)...), at(t, plain["DaemonSet"], append(container, key)...); !reflect.DeepEqual(a, b) {
			t.Errorf("%s: %v and %v", key, a, b)
		}
	}
}

func byKind(docs []map[string]any) map[string]map[string]any {
	kinds := map[string]map[string]any{}
	for _, doc := range docs {
		if kind, ok := doc["kind"].(string); ok {
			kinds[kind] = doc
		}
	}
	return kinds
}
