package check_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"out_edge/plugin/check"
)

// configurations are the blocks of a document, in order, that set up an `edge` output.
func configurations(t *testing.T, file string) (classic, yaml []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```").FindAllStringSubmatch(string(text), -1) {
		switch kind, block := m[1], m[2]; {
		case kind == "ini" && strings.Contains(block, "[OUTPUT]"):
			classic = append(classic, block)
		case kind == "yaml" && strings.Contains(block, "name: edge"):
			yaml = append(yaml, block)
		case kind == "" && strings.Contains(block, "[OUTPUT]"):
			t.Errorf("%s: a configuration without `ini`:\n%s", file, block)
		}
	}
	return classic, yaml
}

// sections are those of a configuration's text.
func sections(t *testing.T, name, text string) []*check.Section {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	all, faults := check.Read(path, environment)
	if len(faults) > 0 {
		t.Fatalf("%v in\n%s", faults, text)
	}
	return all
}

// Every configuration in the README and the docs stands there in both formats alike,
// has no fault, and loses nothing in an outage.
func TestConfigurationsInTheDocs(t *testing.T) {
	files, _ := filepath.Glob("../../docs/*.md")
	tried := 0
	for _, file := range append(files, "../../README.md") {
		classic, yaml := configurations(t, file)
		if filepath.Base(file) == "migration.md" { // its classic ones are diffs
			classic = nil
		} else if len(classic) != len(yaml) {
			t.Errorf("%s: %d configurations in the classic format, %d in YAML", file, len(classic), len(yaml))
			continue
		}
		for i, block := range yaml {
			all := sections(t, "c.yaml", block)
			if classic != nil {
				if one, two := textOf(sections(t, "c.conf", classic[i])), textOf(all); one != two {
					t.Errorf("%s differs in its two formats:\n%s\n%s", file, one, two)
				}
			}
			for _, s := range check.Outputs(all) {
				tried++
				wantSafe(t, file, s)
			}
		}
	}
	if tried < 7 {
		t.Errorf("%d outputs", tried)
	}
}

// wantSafe wants an output that is without a fault, and whose chunks Fluent Bit keeps
// until they are delivered.
func wantSafe(t *testing.T, file string, s *check.Section) {
	t.Helper()
	entries := s.Entries
	s.Entries = nil
	for _, e := range entries {
		if e.Key != "config_file" { // of the reader's machine
			s.Entries = append(s.Entries, e)
		}
	}
	_, faults := check.Check(s, func(string) string { return "" }, "v1")
	if len(faults) > 0 {
		t.Errorf("%s: %v", file, faults)
		return
	}
	if limit, _ := s.Get("retry_limit"); limit.Value != "no_limits" {
		t.Errorf("%s: an output that sends, or would with DD_API_KEY, with retry_limit %q", file, limit.Value)
	}
	if _, found := s.Get("workers"); found {
		t.Errorf("%s: `workers`, which are not started", file)
	}
}

// Of the examples none loses anything in an outage; those that have a place on disk
// keep the chunks of each input there.
func TestExamplesAreSafe(t *testing.T) {
	files, _ := filepath.Glob("../../examples/*/fluent-bit.conf")
	onDisk := 0
	for _, file := range files {
		all, _ := check.Read(file, environment)
		for _, s := range check.Outputs(all) {
			wantSafe(t, file, s)
		}
		path := check.Entry{}
		for _, s := range all {
			if s.Name == "service" {
				path, _ = s.Get("storage.path")
			}
		}
		if path.Value == "" {
			continue
		}
		onDisk++
		for _, in := range all {
			if kind, _ := in.Get("storage.type"); in.Name == "input" && kind.Value != "filesystem" {
				t.Errorf("%s: an input with storage.type %q", in.Place, kind.Value)
			}
		}
	}
	if onDisk == 0 {
		t.Error("no example has a place on disk")
	}
}
