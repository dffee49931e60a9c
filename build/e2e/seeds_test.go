package e2e_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"out_edge/build/harness"
)

// The configurations that people come with stand in testdata/seeds, as they are
// printed in articles. The README of each example says what to change.

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func seed(t *testing.T, name string) string {
	t.Helper()
	return readFile(t, filepath.Join("testdata", "seeds", name))
}

func readmeOf(t *testing.T, folder string) string {
	t.Helper()
	return readFile(t, filepath.Join(kit.Root(), "examples", folder, "README.md"))
}

// patched applies the diff of an example's README to a text.
func patched(t *testing.T, folder, text string) string {
	t.Helper()
	m := regexp.MustCompile("(?s)```diff\n(.*?)```").FindStringSubmatch(readmeOf(t, folder))
	if m == nil {
		t.Fatalf("examples/%s/README.md has no diff", folder)
	}
	var before, after string
	for line := range strings.Lines(m[1]) {
		switch line[0] {
		case '-':
			before += line[1:]
		case '+':
			after += line[1:]
		default:
			before += strings.TrimPrefix(line, " ")
			after += strings.TrimPrefix(line, " ")
		}
	}
	if strings.Count(text, before) != 1 {
		t.Fatalf("the diff does not fit:\n%s\nis not once in\n%s", before, text)
	}
	return strings.Replace(text, before, after, 1)
}

// TestArmadilloSeed: the article's configuration, with the diff of the README, sends
// logs with their own times and metrics.
func TestArmadilloSeed(t *testing.T) {
	e := example{folder: "armadillo-datadog", file: "seed", env: map[string]string{"DD_API_KEY": theKey},
		metrics: []string{`{__name__=~"edge.memory.*"}`}, logs: []string{"pump started"}}
	s, conf := armadilloSeed(t, &e)
	s.writeLines()
	l := start(t, s.hostRun(conf))
	s.look(&e, l.log.String)
	if errors := l.stop().Stderr; strings.Contains(errors, "[error]") {
		t.Error(errors)
	}
	s, conf = armadilloSeed(t, &e) // with receivers that have nothing yet
	realSeed(t, s, &e, []string{"-c", conf})
}

// armadilloSeed places the changed configuration on a new stage.
func armadilloSeed(t *testing.T, e *example) (s *stage, conf string) {
	t.Helper()
	s = newStage(t, e)
	text := strings.ReplaceAll(patched(t, e.folder, seed(t, "armadillo-datadog.conf")), "Interval_Sec", "interval_sec")
	text = strings.Replace(text, "Name         edge", "name edge", 1)
	writeFile(t, filepath.Join(s.dir, "seed.conf"), text)
	return s, s.place("seed.conf")
}

// TestPrometheusSeed: the article's command, with the README's diff.
func TestPrometheusSeed(t *testing.T) {
	command := patched(t, "prometheus-exporter", seed(t, "prometheus-exporter.sh"))
	e := example{folder: "prometheus-exporter", file: "fluent-bit", page: []string{`edge_cpu_usage_ratio{cpu="total",mode="total"}`}}
	s := newStage(t, &e)
	words := strings.Fields(strings.Replace(command, "0.0.0.0:8989", s.listen, 1))
	if words[0] != "fluent-bit" || !slices.Contains(words, "./out_edge.so") {
		t.Fatalf("the command is %q", command)
	}
	r := harness.Run{V5: true, Live: []string{"cpu"}, Interval: 100 * time.Millisecond,
		Outputs: []harness.Output{{Name: "edge", Properties: harness.Props("listen", s.listen)}}}
	l := start(t, r)
	s.look(&e, l.log.String)
	l.stop()
	for i, w := range words {
		if w == "./out_edge.so" {
			words[i-1], words[i] = "-v", "-v" // realSeed loads it
		}
	}
	realSeed(t, s, &e, words[1:])
}

// realSeed runs a command line under a real fluent-bit, where there is one.
func realSeed(t *testing.T, s *stage, e *example, argv []string) {
	t.Helper()
	agent, ok := harness.RealAgent()
	if !ok {
		return
	}
	watch := newWatched()
	a, err := harness.StartAgent(t.Context(), agent, append([]string{"-e", library(t)}, argv...), s.env(), time.Minute, watch)
	if err != nil {
		t.Fatal(err)
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() { defer close(done); s.keepWriting(stop) }()
	s.look(e, watch.String)
	close(stop)
	<-done
	if out, err := a.Stop(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestSeedsHaveEachKeyMapped: what a collector's or Alloy's file says stands in the
// table of the example's README.
func TestSeedsHaveEachKeyMapped(t *testing.T) {
	for _, folder := range []string{"nixos-openobserve", "ecs-mimir"} {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(seed(t, folder+".yaml")), &doc); err != nil {
			t.Fatal(err)
		}
		mapped(t, folder, keysOf(doc.Content[0], nil))
	}
	words := regexp.MustCompile(`(?m)^ *([a-z_]+)(?: *=| *\{)|^([a-z.]+) "`).FindAllStringSubmatch(seed(t, "raspberrypi-grafana-cloud.alloy"), -1)
	var keys []string
	for _, m := range words {
		keys = append(keys, m[1]+m[2])
	}
	mapped(t, "raspberrypi-grafana-cloud", keys)
}

// keysOf are all keys of a document, but for the sections that hold them.
func keysOf(n *yaml.Node, keys []string) []string {
	for i := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			keys = append(keys, n.Content[i].Value)
		} else {
			keys = keysOf(n.Content[i], keys)
		}
	}
	return keys
}

func mapped(t *testing.T, folder string, keys []string) {
	t.Helper()
	sections := []string{"receivers", "processors", "exporters", "service", "extensions", "scrapers", "metrics"}
	readme := readmeOf(t, folder)
	if len(keys) < 10 {
		t.Fatalf("%s: %d keys", folder, len(keys))
	}
	for _, key := range keys {
		if !slices.Contains(sections, key) && !strings.Contains(readme, "`"+key) && !strings.Contains(readme, key+"`") {
			t.Errorf("examples/%s/README.md does not say what becomes of %s", folder, key)
		}
	}
}
