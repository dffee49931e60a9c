package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// lineCalls are what writes a line into the log, and fieldNames those of the texts
// that a sink gives to its sender.
var (
	lineCalls  = []string{"Warn", "Error", "Info", "Fail", "OK", "logAhead"}
	fieldNames = []string{"NotAccepted", "Accepted", "NoSecret", "Refused"}
)

// TestEachLogLineHasItsEntry: docs/troubleshooting.md has the beginning of every line
// that the plugin writes into the log, and every finding and state of the page.
func TestEachLogLineHasItsEntry(t *testing.T) {
	doc, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(doc)
	lines := map[string]string{}
	for _, room := range []string{"plugin", "exporter", "ddsink"} {
		for _, file := range goFiles(t, "../../"+room) {
			if !strings.Contains(filepath.ToSlash(file), "/fluent-bit-edge-check/") {
				logLines(t, file, lines)
			}
		}
	}
	if len(lines) < 40 {
		t.Fatalf("only %d lines found", len(lines))
	}
	for line, where := range lines {
		if !strings.Contains(text, beginning(line)) {
			t.Errorf("%s: no entry for %q", where, line)
		}
	}
	for _, word := range pageWords(t) {
		if !strings.Contains(text, beginning(word)) {
			t.Errorf("no entry for the page's %q", word)
		}
	}
}

// beginning is what of a line the docs must have: what stands before a value, and of
// a long line no more than its first words.
func beginning(line string) string {
	line, _, _ = strings.Cut(line, "%")
	if i := strings.IndexByte(line, '`'); i > 0 {
		line = line[:i]
	}
	const enough = 28
	if len(line) > enough {
		line = line[:enough]
	}
	return line
}

// logLines adds the texts of a file that begin lines of the log, with where they are.
func logLines(t *testing.T, path string, to map[string]string) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	note := func(e ast.Expr) {
		if text := firstText(e); len(text) > 3 {
			to[text] = set.Position(e.Pos()).String()
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if slices.Contains(lineCalls, calledName(n)) {
				for _, arg := range n.Args {
					if text := firstText(arg); strings.Contains(text, " ") {
						note(arg)
						break
					}
				}
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && slices.Contains(fieldNames, key.Name) {
				note(n.Value)
			}
		}
		return true
	})
}

// firstText is the first text of an expression that joins several, or of the format
// of a Sprintf.
func firstText(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, _ := strconv.Unquote(e.Value)
			return text
		}
	case *ast.BinaryExpr:
		if text := firstText(e.X); text != "" {
			return text
		}
		return firstText(e.Y)
	case *ast.CallExpr:
		if calledName(e) == "Sprintf" {
			return firstText(e.Args[0])
		}
	}
	return ""
}

var sentence = regexp.MustCompile(`[A-Za-z]{4}`)

// pageWords are the states and findings of the page.
func pageWords(t *testing.T) (words []string) {
	t.Helper()
	const path = "../../exporter/statuspage/condition.go"
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.FuncDecl:
			if n.Name.Name == "class" {
				return false
			}
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil && sentence.MatchString(text) {
				words = append(words, text)
			}
		}
		return true
	})
	if len(words) < 8 {
		t.Fatalf("only %q", words)
	}
	return words
}
