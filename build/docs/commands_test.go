package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each block of commands runs in a test (build/release/disttest types those marked with
// `run`), or says what it needs that a test has not.
func TestEachCommandIsRunOrSaysWhatItNeeds(t *testing.T) {
	mark := regexp.MustCompile(`^<!-- (run|needs: \S.*|begin \S+) -->$`)
	blocks := 0
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*/README.md", "build/testdata/*/README.md"} {
		files, err := filepath.Glob("../../" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(string(text), "\n")
			for i, line := range lines {
				if line != "```sh" && line != "```console" && line != "```bash" {
					continue
				}
				blocks++
				if i == 0 || !mark.MatchString(lines[i-1]) {
					t.Errorf("%s:%d: no test runs these commands: write `<!-- needs: … -->` before them, or `<!-- run -->`", file, i+1)
				}
			}
		}
	}
	if blocks < 30 {
		t.Errorf("only %d blocks", blocks)
	}
}

// played are the kinds of files below examples/ that tests load: by TestExamples, the
// check, promtool and the dashboards' tests. The rest says in its README that none does.
var played = regexp.MustCompile(`(^|/)(fluent-bit|with-rules|with-node-exporter|device)\.(conf|yaml)$|(^|/)(rules|parsers|web|prometheus|values|daemonset|servicemonitor)\.(yaml|yml|conf|password)$|^(alerts|dashboards)/|recording-rules\.yml$`)

func TestEachFileOfAnExampleIsPlayedOrSaysThatItIsNot(t *testing.T) {
	root := os.DirFS("../../examples")
	files := 0
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "README.md" || played.MatchString(path) {
			return err
		}
		files++
		folder, file, _ := strings.Cut(path, "/")
		readme, err := fs.ReadFile(root, folder+"/README.md")
		for line := range strings.Lines(string(readme)) {
			if strings.HasPrefix(line, "Not run by a test") && strings.Contains(line, file) {
				return err
			}
		}
		t.Errorf("no test plays examples/%s, and its README does not say so", path)
		return err
	})
	if err != nil || files < 10 {
		t.Errorf("%d files: %v", files, err)
	}
}
