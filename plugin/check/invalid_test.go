package check_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"out_edge/exporter/rules"
	"out_edge/plugin/check"
)

// found are the faults of a configuration, without the places that are in it itself.
func found(t *testing.T, file string) (all []string) {
	t.Helper()
	sections, faults := check.Read(file, environment)
	for _, s := range check.Outputs(sections) {
		_, more := check.Check(s, getenv, "v1")
		faults = append(faults, more...)
	}
	for _, f := range faults {
		if f.File == file {
			all = append(all, f.Text)
		} else {
			all = append(all, f.Error())
		}
	}
	slices.Sort(all)
	return all
}

// The check finds all that plugin/config finds in the same properties, in both formats,
// each at the line of its key.
func TestFindsEachFaultOfTheProperties(t *testing.T) {
	text, err := os.ReadFile("../config/testdata/invalid-everything.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(string(text)), "\n")
	slices.Sort(want)
	for _, file := range []string{"testdata/everything.conf", "testdata/everything.yaml"} {
		if got := found(t, file); !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", file, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		config, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(config), "\n")
		sections, _ := check.Read(file, environment)
		_, faults := check.Check(check.Outputs(sections)[0], getenv, "v1")
		for _, f := range faults {
			key := strings.Split(f.Text, "`")[1]
			if !strings.Contains(lines[f.Line-1], key) {
				t.Errorf("%s is said to be in the line %q", f, lines[f.Line-1])
			}
		}
	}
}

// The check finds all that the rules' reader finds in each of its invalid files, at the
// same lines, in both formats.
func TestFindsEachFaultOfTheRules(t *testing.T) {
	files, err := filepath.Glob("../../exporter/rules/testdata/invalid-*.yaml")
	if err != nil || len(files) < 90 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	dir := t.TempDir()
	for _, file := range files {
		f, err := rules.Load(file)
		if err == nil {
			err = f.CheckPrefix("edge")
		}
		if err == nil {
			t.Errorf("%s has no fault", file)
			continue
		}
		want := strings.Split(err.Error(), "\n")
		slices.Sort(want)
		for name, format := range map[string]string{
			"c.conf": "[OUTPUT]\n    name edge\n    match *\n    config_file %s\n",
			"c.yaml": "pipeline:\n  outputs:\n    - {name: edge, match: '*', config_file: %s}\n",
		} {
			config := filepath.Join(dir, name)
			if err := os.WriteFile(config, fmt.Appendf(nil, format, file), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := found(t, config); !slices.Equal(got, want) {
				t.Errorf("%s in %s:\n%s\nwant\n%s", file, name, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}
