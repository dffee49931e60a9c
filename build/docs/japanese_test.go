package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// translation is a Japanese file and what of the English one it covers: up to the
// heading until, or all.
type translation struct{ english, japanese, until string }

var translations = []translation{
	{"README.md", "README.ja.md", "\n## Properties\n"},
	{"docs/armadillo.md", "docs/armadillo.ja.md", ""},
}

// TestJapaneseIsInStep: headings by their depth, tables by their size and their code,
// and all code stand in both languages in the same order.
func TestJapaneseIsInStep(t *testing.T) {
	for _, tr := range translations {
		english, japanese := readRoot(t, tr.english), readRoot(t, tr.japanese)
		if tr.until != "" {
			english, _, _ = strings.Cut(english, tr.until)
		}
		for what, of := range map[string]func(string) []string{"headings": headings, "code": codeBlocks, "tables": tables} {
			en, ja := of(english), of(japanese)
			if !slices.Equal(en, ja) {
				t.Errorf("%s: %s differ from %s:\n%s\n\n%s", tr.japanese, what, tr.english, strings.Join(en, "\n"), strings.Join(ja, "\n"))
			}
		}
	}
}

func readRoot(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile("../../" + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	fence   = regexp.MustCompile("(?ms)^```.*?^```$")
	indent  = regexp.MustCompile(`(?m)^    .*$`)
	heading = regexp.MustCompile(`(?m)^#+ `)
	tick    = regexp.MustCompile("`[^`]+`")
)

// headings are their depths.
func headings(text string) []string {
	return heading.FindAllString(fence.ReplaceAllString(text, ""), -1)
}

func codeBlocks(text string) []string {
	return append(fence.FindAllString(text, -1), indent.FindAllString(fence.ReplaceAllString(text, ""), -1)...)
}

// tables are their rows' code, and how many cells they have.
func tables(text string) (rows []string) {
	for line := range strings.Lines(fence.ReplaceAllString(text, "")) {
		if strings.HasPrefix(line, "|") {
			code := tick.FindAllString(line, -1)
			slices.Sort(code)
			rows = append(rows, strings.Repeat("|", strings.Count(line, "|"))+strings.Join(code, " "))
		}
	}
	return rows
}
