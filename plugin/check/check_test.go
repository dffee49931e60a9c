package check_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"out_edge/plugin/check"
)

// environment is what the tests' configurations may use.
func environment(name string) (string, bool) {
	value, ok := map[string]string{"DD_API_KEY": "0123456789abcdef", "EDGE_LISTEN": "127.0.0.1:0",
		"OPENOBSERVE_USER": "root@example.com", "GRAFANA_CLOUD_USER": "123456", "MIMIR_URL": "https://mimir.example.com/api/v1/push", "TEMPO_HOST": "tempo", "NODE_NAME": "node-1",
		"EDGE_DEVICE": "pump-7", "AGGREGATOR": "10.0.0.11"}[name]
	return value, ok
}

func getenv(name string) string {
	value, _ := environment(name)
	return value
}

// faultsOf are all faults of a configuration, as they are printed.
func faultsOf(t *testing.T, file string) (text string, outputs int) {
	t.Helper()
	sections, faults := check.Read(file, environment)
	edge := check.Outputs(sections)
	for _, s := range edge {
		_, found := check.Check(s, getenv, "v1")
		faults = append(faults, found...)
	}
	var b strings.Builder
	for _, f := range faults {
		b.WriteString(filepath.ToSlash(f.Error()) + "\n")
	}
	return b.String(), len(edge)
}

// TestFaultsHaveTheirLines holds each testdata/*.conf and *.yaml to the faults in the
// .txt beside it, in both formats alike.
func TestFaultsHaveTheirLines(t *testing.T) {
	files, err := filepath.Glob("testdata/faults-*.*")
	if err != nil || len(files) == 0 {
		t.Fatal("no configurations", err)
	}
	for _, file := range files {
		if filepath.Ext(file) == ".txt" {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			want, err := os.ReadFile(file + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := faultsOf(t, file); got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestExamplesHaveNoFault(t *testing.T) {
	classic := exampleFiles(t)
	if len(classic) == 0 {
		t.Fatal("no examples")
	}
	files := slices.Clone(classic)
	for _, file := range classic {
		if !strings.HasSuffix(file, "firelens-output.conf") { // FireLens includes it
			files = append(files, strings.TrimSuffix(file, ".conf")+".yaml")
		}
	}
	for _, file := range files {
		t.Chdir(filepath.Dir(file)) // where its head says to run it
		got, outputs := faultsOf(t, file)
		if got != "" || outputs == 0 && !strings.Contains(file, "fleet/device.") { // a device there has none

			t.Errorf("%s: %d outputs, faults:\n%s", file, outputs, got)
		}
	}
}

// exampleFiles are the examples in the classic format, by whole paths.
func exampleFiles(t *testing.T) (files []string) {
	t.Helper()
	root, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	files, err = filepath.Glob(filepath.Join(root, "*", "*.conf"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(files, func(file string) bool { return filepath.Base(file) == "parsers.conf" })
}

func TestWhatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	loop := write("loop.conf", "@INCLUDE loop.conf\n")
	for _, test := range []struct{ name, file, want string }{
		{"a missing file", filepath.Join(dir, "none.conf"), "cannot be read"},
		{"a missing include", write("a.conf", "@INCLUDE b*.conf\n"), "a.conf:1: includes "},
		{"an include of itself", loop, "nested too deep"},
		{"bad YAML", write("c.yaml", "a: [\n"), "c.yaml:1: no YAML: "},
		{"a property before a section", write("d.conf", "name edge\n"), "d.conf:1: stands before the first section"},
		{"an open section", write("e.conf", "[OUTPUT\n"), "e.conf:1: a section must look like [OUTPUT]"},
		{"a variable that is not set", write("f.conf", "[OUTPUT]\n  name edge\n  dd_service ${NOBODY}\n"), "f.conf:3: ${NOBODY} is not set"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, _ := faultsOf(t, test.file); !strings.Contains(got, test.want) {
				t.Errorf("got %q, want it to contain %q", got, test.want)
			}
		})
	}
}

// TestBothFormatsGiveTheSame reads one configuration in both.
func TestBothFormatsGiveTheSame(t *testing.T) {
	for _, file := range []string{"testdata/good.conf", "testdata/good.yaml"} {
		sections, faults := check.Read(file, environment)
		outputs := check.Outputs(sections)
		if len(faults) > 0 || len(outputs) != 2 {
			t.Fatalf("%s: %d outputs, faults %v", file, len(outputs), faults)
		}
		o, found := check.Check(outputs[0], getenv, "v1")
		if len(found) > 0 {
			t.Fatal(found)
		}
		if d := o.Settings.Pipeline.Datadog; d == nil || d.Service != "svc-1" || d.Tags != "env:field" || o.Settings.Pipeline.Metrics.Listen != "127.0.0.1:0" {
			t.Errorf("%s: %+v", file, o.Settings.Pipeline)
		}
	}
}

// TestExamplesAreTheSameInBothFormats compares each example's classic file with the
// YAML beside it, section by section.
func TestExamplesAreTheSameInBothFormats(t *testing.T) {
	for _, file := range exampleFiles(t) {
		if strings.HasSuffix(file, "firelens-output.conf") {
			continue
		}
		classic, yaml := sectionsOf(t, file), sectionsOf(t, strings.TrimSuffix(file, ".conf")+".yaml")
		if classic != yaml {
			t.Errorf("%s differs from the YAML beside it:\n%s\n%s", file, classic, yaml)
		}
	}
}

func sectionsOf(t *testing.T, file string) string {
	t.Helper()
	sections, faults := check.Read(file, environment)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return textOf(sections)
}

// textOf is sections without their places.
func textOf(sections []*check.Section) string {
	var b strings.Builder
	for _, s := range sections {
		b.WriteString("[" + s.Name + "]\n")
		for _, e := range s.Entries {
			b.WriteString(strings.ToLower(e.Key) + " " + e.Value + "\n")
		}
	}
	return b.String()
}
