package e2e_test

import (
	"debug/elf"
	"regexp"
	"slices"
	"testing"
)

// exports are the entry points that Fluent Bit looks up.
var exports = []string{"FLBPluginExit", "FLBPluginExitCtx", "FLBPluginFlushCtx", "FLBPluginInit", "FLBPluginRegister", "FLBPluginUnregister"}

// besides matches what cgo, the Go runtime and fluent-bit-go export for
// themselves: Go's linker gives no way to hide them.
var besides = regexp.MustCompile(`^(_cgo_\w+|_cgoexp_\w+|x_cgo_\w+|_?x?_?crosscall\w*|crosscall\w*|fatalf|output_get_property|_cgo_panic|_cgo_topofstack)$`)

func TestOnlyThePluginsSymbolsAreExported(t *testing.T) {
	f, err := elf.Open(library(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, s := range symbols {
		switch {
		case s.Section == elf.SHN_UNDEF:
		case slices.Contains(exports, s.Name):
			found = append(found, s.Name)
		case !besides.MatchString(s.Name):
			t.Errorf("the library exports %s", s.Name)
		}
	}
	slices.Sort(found)
	if !slices.Equal(found, exports) {
		t.Errorf("entry points %v, want %v", found, exports)
	}
}
