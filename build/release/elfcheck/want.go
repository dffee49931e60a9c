package elfcheck

import (
	"debug/elf"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Want is what a library must be.
type Want struct {
	Machine   elf.Machine
	Class     elf.Class
	HardFloat bool
	// Needed are the libraries that it may and must ask for.
	Needed []string
	// Exports are the names that it may and must export.
	Exports []string
	// GLIBC is the newest version that it may ask for.
	GLIBC Version
	// Size is the limit of the file, in bytes.
	Size int64
}

// MaxSize is what a release's library may weigh: 16 MiB.
const MaxSize = 16 << 20

// entries are what Fluent Bit looks up in a Go output
// (src/proxy/go/go.c of Fluent Bit).
func entries() []string {
	return []string{
		"FLBPluginExit", "FLBPluginExitCtx", "FLBPluginFlushCtx",
		"FLBPluginInit", "FLBPluginRegister", "FLBPluginUnregister",
	}
}

// For gives what the library of a platform (amd64, arm64, armv7) must be:
// nothing needed but glibc 2.34, which Debian 12, Ubuntu 22.04 and the official
// Fluent Bit images have; nothing exported but what Fluent Bit looks up.
func For(platform string) (Want, error) {
	w := Want{
		Needed: []string{"libc.so.6"}, Exports: entries(),
		GLIBC: Version{Major: 2, Minor: 34}, Size: MaxSize,
	}
	switch platform {
	case "amd64":
		w.Machine, w.Class = elf.EM_X86_64, elf.ELFCLASS64
	case "arm64":
		w.Machine, w.Class = elf.EM_AARCH64, elf.ELFCLASS64
	case "armv7":
		w.Machine, w.Class, w.HardFloat = elf.EM_ARM, elf.ELFCLASS32, true
	default:
		return Want{}, fmt.Errorf("look up what %q must be: must be amd64, arm64 or armv7", platform)
	}
	return w, nil
}

// Check compares, and reports every fault at once; nil means none.
func (w Want) Check(x Facts) error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(x.Machine != w.Machine || x.Class != w.Class, "is for %v %v: must be %v %v", x.Machine, x.Class, w.Machine, w.Class)
	fault(x.Data != elf.ELFDATA2LSB, "is %v: must be little-endian", x.Data)
	fault(x.Type != elf.ET_DYN, "is %v: must be a shared library", x.Type)
	fault(w.HardFloat && !x.HardFloat, "passes floats in integer registers: must be built with arm-linux-gnueabihf-gcc")
	fault(!slices.Equal(x.Needed, w.Needed), "needs %s: must be %s", list(x.Needed), list(w.Needed))
	fault(x.SearchPath != "", "searches libraries in %s: must search nowhere", x.SearchPath)
	fault(x.TextRelocations, "has text relocations: every object must be position-independent")
	fault(x.ExecutableStack, "asks for an executable stack")
	fault(x.Debug, "is not stripped")
	extra, missing := difference(x.Exports, w.Exports), difference(w.Exports, x.Exports)
	fault(len(extra) > 0, "exports %s beside what Fluent Bit looks up: build/release/exports.map hides it", list(extra))
	fault(len(missing) > 0, "does not export %s", list(missing))
	fault(w.GLIBC.Less(x.GLIBC), "asks for glibc %v for %s: must run on %v", x.GLIBC, list(x.NewestSymbols), w.GLIBC)
	fault(len(x.ABI) > 0, "asks the loader for %s: must ask for versions alone", list(x.ABI))
	fault(x.Size > w.Size, "has %d bytes: must be at most %d", x.Size, w.Size)
	return errors.Join(faults...)
}

// difference gives what a has and b lacks.
func difference(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// list shortens what nobody would read to the end.
func list(names []string) string {
	switch {
	case len(names) == 0:
		return "nothing"
	case len(names) > 6:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:6], ", "), len(names)-6)
	}
	return strings.Join(names, ", ")
}
