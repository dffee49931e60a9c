package elfcheck_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"out_edge/build/release/elfcheck"
)

func TestVersion(t *testing.T) {
	for _, c := range []struct {
		in, want string
	}{{"2.34", "2.34"}, {"2.3.2", "2.3.2"}, {"2.4", "2.4"}} {
		v, err := elfcheck.ParseVersion(c.in)
		if err != nil || v.String() != c.want {
			t.Errorf("ParseVersion(%q) = %v, %v", c.in, v, err)
		}
	}
	if _, err := elfcheck.ParseVersion("PRIVATE"); err == nil {
		t.Error(`ParseVersion("PRIVATE") succeeded`)
	}
	ascending := []elfcheck.Version{{}, {Major: 2, Minor: 3, Patch: 2}, {Major: 2, Minor: 4}, {Major: 2, Minor: 34}, {Major: 3}}
	if !slices.IsSortedFunc(ascending, func(a, b elfcheck.Version) int {
		if a.Less(b) {
			return -1
		}
		return 1
	}) {
		t.Errorf("not ascending: %v", ascending)
	}
}

func TestFor(t *testing.T) {
	if _, err := elfcheck.For("s390x"); err == nil || err.Error() != `look up what "s390x" must be: must be amd64, arm64 or armv7` {
		t.Errorf("For(s390x): %v", err)
	}
}

// good is a library without a fault, for the cases to break.
func good() elfcheck.Facts {
	return elfcheck.Facts{
		Machine: elf.EM_ARM, Class: elf.ELFCLASS32, Data: elf.ELFDATA2LSB, Type: elf.ET_DYN, HardFloat: true,
		Needed: []string{"libc.so.6"},
		Exports: []string{
			"FLBPluginExit", "FLBPluginExitCtx", "FLBPluginFlushCtx",
			"FLBPluginInit", "FLBPluginRegister", "FLBPluginUnregister",
		},
		GLIBC: elfcheck.Version{Major: 2, Minor: 34}, Size: elfcheck.MaxSize,
	}
}

func TestCheck(t *testing.T) {
	want, err := elfcheck.For("armv7")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		spoil func(*elfcheck.Facts)
		fault string
	}{
		{"good", func(*elfcheck.Facts) {}, ""},
		{"machine", func(x *elfcheck.Facts) { x.Machine, x.Class = elf.EM_AARCH64, elf.ELFCLASS64 }, "is for EM_AARCH64 ELFCLASS64: must be EM_ARM ELFCLASS32"},
		{"endianness", func(x *elfcheck.Facts) { x.Data = elf.ELFDATA2MSB }, "is ELFDATA2MSB: must be little-endian"},
		{"type", func(x *elfcheck.Facts) { x.Type = elf.ET_EXEC }, "is ET_EXEC: must be a shared library"},
		{"float", func(x *elfcheck.Facts) { x.HardFloat = false }, "passes floats in integer registers: must be built with arm-linux-gnueabihf-gcc"},
		{"needed", func(x *elfcheck.Facts) { x.Needed = []string{"libc.so.6", "libresolv.so.2"} }, "needs libc.so.6, libresolv.so.2: must be libc.so.6"},
		{"static", func(x *elfcheck.Facts) { x.Needed = nil }, "needs nothing: must be libc.so.6"},
		{"search path", func(x *elfcheck.Facts) { x.SearchPath = "/home/me/lib" }, "searches libraries in /home/me/lib: must search nowhere"},
		{"text relocations", func(x *elfcheck.Facts) { x.TextRelocations = true }, "has text relocations: every object must be position-independent"},
		{"stack", func(x *elfcheck.Facts) { x.ExecutableStack = true }, "asks for an executable stack"},
		{"debug", func(x *elfcheck.Facts) { x.Debug = true }, "is not stripped"},
		{"extra exports", func(x *elfcheck.Facts) {
			x.Exports = append(x.Exports, "ZSTD_compress", "_cgo_topofstack", "crosscall2", "d", "e", "f", "g", "h")
		}, "exports ZSTD_compress, _cgo_topofstack, crosscall2, d, e, f and 2 more beside what Fluent Bit looks up: build/release/exports.map hides it"},
		{"missing export", func(x *elfcheck.Facts) { x.Exports = x.Exports[1:] }, "does not export FLBPluginExit"},
		{"glibc", func(x *elfcheck.Facts) {
			x.GLIBC, x.NewestSymbols = elfcheck.Version{Major: 2, Minor: 38}, []string{"__isoc23_strtol"}
		}, "asks for glibc 2.38 for __isoc23_strtol: must run on 2.34"},
		{"ABI", func(x *elfcheck.Facts) { x.ABI = []string{"GLIBC_ABI_DT_RELR"} }, "asks the loader for GLIBC_ABI_DT_RELR: must ask for versions alone"},
		{"size", func(x *elfcheck.Facts) { x.Size++ }, "has 16777217 bytes: must be at most 16777216"},
		{"two at once", func(x *elfcheck.Facts) { x.Debug, x.ExecutableStack = true, true }, "asks for an executable stack\nis not stripped"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := good()
			c.spoil(&x)
			got := ""
			if err := want.Check(x); err != nil {
				got = err.Error()
			}
			if got != c.fault {
				t.Errorf("fault %q, want %q", got, c.fault)
			}
		})
	}
}

// TestRead holds the reader to libraries that the compiler made to be good and
// bad, so that each fact is seen to be read and not assumed.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(dir, "lib.c")
	code := "#include <stdlib.h>\nint visible(void) { return rand(); }\nstatic int hidden(void) { return 1; }\nint (*user)(void) = hidden;\n"
	if err := os.WriteFile(source, []byte(code), 0o644); err != nil {
		t.Fatal(err)
	}
	compile := func(name string, flags ...string) elfcheck.Facts {
		t.Helper()
		out := filepath.Join(dir, name)
		args := append([]string{"-shared", "-o", out, source}, flags...)
		if b, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
			t.Fatalf("gcc %v: %v\n%s", args, err, b)
		}
		x, err := elfcheck.Read(out)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}

	x := compile("good.so", "-fPIC", "-s", "-Wl,-z,noexecstack")
	if x.Type != elf.ET_DYN || x.TextRelocations || x.ExecutableStack || x.Debug || x.SearchPath != "" {
		t.Errorf("good.so: %+v", x)
	}
	if !slices.Equal(x.Needed, []string{"libc.so.6"}) {
		t.Errorf("good.so needs %q", x.Needed)
	}
	if !slices.Contains(x.Exports, "visible") || !slices.Contains(x.Exports, "user") || slices.Contains(x.Exports, "hidden") || slices.Contains(x.Exports, "rand") {
		t.Errorf("good.so exports %q", x.Exports)
	}
	if x.GLIBC == (elfcheck.Version{}) || !slices.Contains(x.NewestSymbols, "rand") {
		t.Errorf("good.so binds %q to glibc %v", x.NewestSymbols, x.GLIBC)
	}
	if info, err := os.Stat(filepath.Join(dir, "good.so")); err != nil || info.Size() != x.Size {
		t.Errorf("good.so has %d bytes, read %d (%v)", info.Size(), x.Size, err)
	}

	x = compile("bad.so", "-fPIC", "-g", "-Wl,-z,execstack", "-Wl,-rpath,/somewhere", "-Wl,--no-as-needed", "-lm")
	if !x.ExecutableStack || !x.Debug || x.SearchPath != "/somewhere" || !slices.Contains(x.Needed, "libm.so.6") {
		t.Errorf("bad.so: %+v", x)
	}
	if _, err := elfcheck.Read(source); err == nil {
		t.Error("a C file was read as a library")
	}
}

// TestReadFaults holds the check to a library for each fault that a compiler's
// flag makes, and to one without: each is seen in the file, and nothing else.
func TestReadFaults(t *testing.T) {
	const code = `
		double scale(double x) { return 2 * x; }
		static int hidden(void) { return 1; }
		int (*user)(void) = hidden;
		extern int shared;
		int *where(void) { return &shared; }
		int shared;
	`
	const (
		amd64 = "x86_64-linux-gnu-gcc"
		arm   = "arm-linux-gnueabihf-gcc"
	)
	source := filepath.Join(t.TempDir(), "lib.c")
	if err := os.WriteFile(source, []byte(code), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, compiler string
		flags          []string
		fault          string
	}{
		{"sound on amd64", amd64, []string{"-fPIC"}, ""},
		{"sound on armv7", arm, []string{"-fPIC"}, ""},
		{"text relocations", arm, []string{"-fno-pic", "-mword-relocations", "-Wl,-z,notext"}, "has text relocations: every object must be position-independent"},
		{"softfp", arm, []string{"-fPIC", "-mfloat-abi=softfp", "-nostartfiles"}, "passes floats in integer registers: must be built with arm-linux-gnueabihf-gcc"},
		{"packed relocations", amd64, []string{"-fPIC", "-Wl,-z,pack-relative-relocs"}, "asks the loader for GLIBC_ABI_DT_RELR: must ask for versions alone"},
		{"executable stack", amd64, []string{"-fPIC", "-Wl,-z,execstack"}, "asks for an executable stack"},
		{"not stripped", amd64, []string{"-fPIC", "-Wl,--discard-none"}, "is not stripped"},
		{"search path", amd64, []string{"-fPIC", "-Wl,-rpath,/somewhere"}, "searches libraries in /somewhere: must search nowhere"},
		{"another library", amd64, []string{"-fPIC", "-Wl,--no-as-needed", "-lm"}, "needs libc.so.6, libm.so.6: must be libc.so.6"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "lib.so")
			args := []string{"-shared", "-O2", "-Wl,--build-id=none"}
			if c.name != "not stripped" {
				args = append(args, "-s")
			}
			args = append(append(args, "-o", out, source, "-Wl,--no-as-needed", "-lc"), c.flags...)
			if b, err := exec.Command(c.compiler, args...).CombinedOutput(); err != nil {
				t.Fatalf("%s %q: %v\n%s", c.compiler, args, err, b)
			}
			x, err := elfcheck.Read(out)
			if err != nil {
				t.Fatal(err)
			}
			platform := map[string]string{amd64: "amd64", arm: "armv7"}[c.compiler]
			want, err := elfcheck.For(platform)
			if err != nil {
				t.Fatal(err)
			}
			want.Exports = []string{"scale", "shared", "user", "where"}
			got := ""
			if err := want.Check(x); err != nil {
				got = err.Error()
			}
			if got != c.fault {
				t.Errorf("fault %q, want %q", got, c.fault)
			}
		})
	}
}
