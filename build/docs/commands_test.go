package main

import (
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
