package main

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"out_edge/build/release/elfcheck"
	"out_edge/build/release/pack"
)

const unnamed = "git does not tell which version of which time this is (not installed, no clone, or `dubious ownership`): set VERSION=1.2.3 and SOURCE_DATE_EPOCH=$(date +%s)"

// Without a git that answers, `make dist` ends with words on what to set, and
// takes what is set.
func TestMakeWithoutGit(t *testing.T) {
	dist := t.TempDir()
	for _, c := range []struct {
		set  []string
		want string
	}{
		{nil, unnamed},
		{[]string{"VERSION=v1.0.0"}, unnamed},
		{[]string{"SOURCE_DATE_EPOCH=1764771798"}, unnamed},
		{[]string{"VERSION=v1.0.0", "SOURCE_DATE_EPOCH=1764771798"}, "set MAINTAINER"},
	} {
		cmd := exec.Command("make", append([]string{"-C", "../..", "--no-print-directory", "--old-file=deps-dist", "dist", "DIST=" + dist}, c.set...)...)
		cmd.Env = append(slices.DeleteFunc(os.Environ(), ofMake), "GIT_DIR="+filepath.Join(dist, "none"), "GOFLAGS=-buildvcs=false")
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "release: ") || !strings.Contains(string(out), c.want) {
			t.Errorf("make dist %v ends with %v:\n%s", c.set, err, out)
		}
	}
}

// ofMake tells whether a variable comes from a make that runs this test.
func ofMake(kv string) bool {
	name, _, _ := strings.Cut(kv, "=")
	return slices.Contains([]string{"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "VERSION", "SOURCE_DATE_EPOCH", "MAINTAINER"}, name)
}

func TestRunRefuses(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "choose what to do: dist, check or sizes"},
		{[]string{"ship"}, "no step \"ship\": choose dist, check or sizes"},
		{[]string{"check"}, "name the libraries to check"},
		{[]string{"dist", "-version", "dev", "-epoch", "1764771798"}, unnamed},
		{[]string{"dist", "-version", "v1.0.0", "-epoch", "0"}, unnamed},
		{[]string{"dist", "-version", "v1.0.0", "-epoch", "1764771798", "-maintainer", ""}, `-maintainer = "": must be like Name <name@example.org>: set MAINTAINER`},
		{[]string{"dist", "-version", "v1.0.0", "-epoch", "1764771798", "-maintainer", "A. N. Author"}, `-maintainer = "A. N. Author": must be like Name <name@example.org>: set MAINTAINER`},
		{[]string{"dist", "-targets", "amd64,mips"}, `find target "mips": must be one of amd64, arm64, armv7`},
	} {
		if err := run(c.args); err == nil || err.Error() != c.want {
			t.Errorf("run(%q) = %v, want %q", c.args, err, c.want)
		}
	}
}

func TestCheckReportsEveryFault(t *testing.T) {
	dir := t.TempDir()
	none, text := filepath.Join(dir, "none.so"), filepath.Join(dir, "text.so")
	if err := os.WriteFile(text, []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err := check(&out, []string{none, text})
	if err == nil || !strings.Contains(err.Error(), none) || !strings.Contains(err.Error(), text) {
		t.Errorf("check = %v, want a fault for each file", err)
	}
}

func TestPlatformOf(t *testing.T) {
	for machine, want := range map[elf.Machine]string{
		elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64", elf.EM_ARM: "armv7", elf.EM_S390: "s390",
	} {
		if got := platformOf(elfcheck.Facts{Machine: machine}); got != want {
			t.Errorf("platformOf(%v) = %q, want %q", machine, got, want)
		}
	}
}

func TestLicenses(t *testing.T) {
	of := licenses([]pack.Notice{{Path: "example.org/a", Version: "v1.0.0", ID: "MIT"}})
	for _, c := range []struct{ path, version, want string }{
		{"example.org/a", "v1.0.0", "MIT"},
		{"example.org/a", "v2.0.0", ""},
		{"./build/release/trim/codec", "v1.1.7", "Apache-2.0"},
	} {
		if got := of(c.path, c.version); got != c.want {
			t.Errorf("licence of %s %s = %q, want %q", c.path, c.version, got, c.want)
		}
	}
}
