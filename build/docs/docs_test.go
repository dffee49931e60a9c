package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"out_edge/exporter/rules"
)

func TestDocsAreUpToDate(t *testing.T) {
	for file, tables := range Tables() {
		text, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := Fill(text, tables)
		if err != nil {
			t.Fatal(err)
		}
		if string(want) != string(text) {
			t.Errorf("%s is behind the code: run `make docs`", file)
		}
	}
}

func TestFillWantsItsMarks(t *testing.T) {
	if _, err := Fill([]byte("nothing here"), map[string]string{"x": "y"}); err == nil {
		t.Error("a missing mark passes")
	}
	got, err := Fill([]byte("a<!-- begin x -->\nold<!-- end x -->b"), map[string]string{"x": "new\n"})
	if err != nil || string(got) != "a<!-- begin x -->\nnew\n<!-- end x -->b" {
		t.Errorf("got %q, %v", got, err)
	}
}

// The YAML that README.md shows must be what the plugin takes.
func TestReadmesRulesAreRight(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(text, -1)
	if len(blocks) == 0 {
		t.Fatal("no YAML in README.md")
	}
	for _, b := range blocks {
		if strings.Contains(string(b[1]), "pipeline:") {
			continue // Fluent Bit's own: plugin/check reads those
		}
		if _, err := rules.Parse("README.md", b[1]); err != nil {
			t.Error(err)
		}
	}
}
