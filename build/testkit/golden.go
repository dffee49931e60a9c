package testkit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Update reports whether golden files are written anew: whether UPDATE=1 is set, as
// `make golden` does for all packages.
func Update() bool { return os.Getenv("UPDATE") != "" }

// Golden compares got with a file of the package's testdata, byte for byte, and fails
// with the first line that differs. If Update is true, it writes the file first.
func Golden(tb testing.TB, file, got string) {
	tb.Helper()
	GoldenFile(tb, filepath.Join("testdata", file), got)
}

// GoldenFile is Golden for any path.
func GoldenFile(tb testing.TB, path, got string) {
	tb.Helper()
	if Update() {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		tb.Fatalf("%v (make golden writes it)", err)
	}
	if got != string(want) {
		tb.Errorf("%s differs (make golden writes it): %s", path, Difference(string(want), got))
	}
}

// Difference returns the first line in which two texts differ.
func Difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d\nwant %s\ngot  %s", i+1, w[i], g[i])
		}
	}
	return fmt.Sprintf("want %d lines, got %d", len(w), len(g))
}
