package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"out_edge/exporter/hostmetrics"
	"out_edge/exporter/registry"
	"out_edge/exporter/rules"
	"out_edge/plugin/delivery"
)

// counting are the functions and methods that take a reason.
var counting = regexp.MustCompile(`^(Dropped|Adjusted|Refused|RefusedByRule|Drop|DropEach|DropAll|Absorb|Absorbed|countGone|countSamplesGone|refuse|drop)$`)

var reasonText = regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)

// TestEveryReasonIsDocumented: what the code names as a reason, in a constant or where
// it is counted, stands in delivery.Reasons; and nothing stands there that no code names.
func TestEveryReasonIsDocumented(t *testing.T) {
	named, literals := make(map[string]bool), make(map[string]bool)
	for _, room := range []string{"plugin", "exporter", "ddsink"} {
		for _, file := range goFiles(t, "../../"+room) {
			collect(t, file, named, literals)
		}
	}
	for _, reason := range slices.Concat(registry.Reasons(), hostmetrics.Reasons(), rules.Reasons()) {
		named[reason] = true
	}
	listed := make(map[string]bool)
	for _, r := range delivery.Reasons {
		if listed[r.Name] || r.Dropped == "" && r.Adjusted == "" || r.Meaning == "" {
			t.Errorf("%q is listed twice, or by halves", r.Name)
		}
		listed[r.Name] = true
		if !literals[r.Name] {
			t.Errorf("%q is listed, but no code has it", r.Name)
		}
	}
	for reason := range named {
		if !listed[reason] {
			t.Errorf("%q is counted, but not listed in delivery.Reasons", reason)
		}
	}
}

// goFiles are those that are no tests; the list itself is left out.
func goFiles(t *testing.T, dir string) (files []string) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") && d.Name() != "reason.go" {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatal(dir, err)
	}
	return files
}

// collect adds all texts of a file to literals, and to named those of its constants
// reason… and Reason…, and those that stand where something is counted.
func collect(t *testing.T, path string, named, literals map[string]bool) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			add(literals, n)
		case *ast.ValueSpec:
			if strings.HasPrefix(strings.ToLower(n.Names[0].Name), "reason") {
				add(named, n.Values...)
			}
		case *ast.CallExpr:
			if counting.MatchString(calledName(n)) {
				add(named, n.Args...)
			}
		}
		return true
	})
}

// add adds those of the expressions that are texts which may be a reason.
func add(to map[string]bool, all ...ast.Expr) {
	for _, e := range all {
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil && reasonText.MatchString(text) {
				to[text] = true
			}
		}
	}
}

func calledName(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}
