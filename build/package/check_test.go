// Package packaging_test holds check.sh to its words.
package packaging_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The loaders of the C libraries.
const (
	loaderAMD64 = "lib64/ld-linux-x86-64.so.2"
	loader386   = "lib/ld-linux.so.2"
	loaderARM64 = "lib/ld-linux-aarch64.so.1"
	loaderARMHF = "lib/ld-linux-armhf.so.3"
	loaderARMEL = "lib/ld-linux.so.3"
	loaderMusl  = "lib/ld-musl-armhf.so.1"
)

// machine is what check.sh is made to see.
type machine struct {
	os, cpu string
	bits    string
	loaders []string
	glibc   string // of getconf; "" is an error
	ldd     string // of ldd --version; "" is an error
	loader  string // of each loader's --version; "" is an error
	agent   string // of fluent-bit --version; "" is none
}

func TestCheck(t *testing.T) {
	good := machine{os: "Linux", cpu: "armv7l", bits: "32", loaders: []string{loaderARMHF}, glibc: "glibc 2.41", ldd: "ldd (Debian GLIBC 2.41-12) 2.41", agent: "Fluent Bit v5.1.1"}
	for _, c := range []struct {
		name  string
		spoil func(*machine)
		want  string
		code  int
	}{
		{"A6E's container", func(*machine) {}, "yes: out_edge-linux-armv7, glibc 2.41\nagent: BIN/fluent-bit, Fluent Bit v5.1.1\n", 0},
		{"x86", func(m *machine) {
			m.cpu, m.bits, m.loaders, m.glibc = "x86_64", "64", []string{loaderAMD64}, "glibc 2.34"
		}, "yes: out_edge-linux-amd64, glibc 2.34\n", 0},
		{"x86 with 32-bit programs beside", func(m *machine) { m.cpu, m.bits, m.loaders = "x86_64", "64", []string{loaderAMD64, loader386} }, "yes: out_edge-linux-amd64, glibc 2.41\n", 0},
		{"ARM64", func(m *machine) { m.cpu, m.bits, m.loaders = "aarch64", "64", []string{loaderARM64} }, "yes: out_edge-linux-arm64, glibc 2.41\n", 0},
		{"32 bits on a 64-bit kernel", func(m *machine) { m.cpu = "aarch64" }, "yes: out_edge-linux-armv7, glibc 2.41\n", 0},
		{"the same without getconf", func(m *machine) { m.cpu, m.bits, m.glibc = "aarch64", "", "" }, "yes: out_edge-linux-armv7, glibc 2.41\n", 0},
		{"a glibc after 2", func(m *machine) { m.glibc = "glibc 3.0" }, "yes: out_edge-linux-armv7, glibc 3.0\n", 0},
		{"glibc without getconf", func(m *machine) { m.bits, m.glibc, m.ldd = "", "", "ldd (Ubuntu GLIBC 2.35-0ubuntu3.8) 2.35" }, "yes: out_edge-linux-armv7, glibc 2.35\n", 0},
		{"another's glibc without getconf", func(m *machine) { m.bits, m.glibc, m.ldd = "", "", "ldd (GNU libc) 2.39" }, "yes: out_edge-linux-armv7, glibc 2.39\n", 0},
		{"glibc with its loader alone", func(m *machine) {
			m.bits, m.glibc, m.ldd, m.loader = "", "", "", "ld.so (GNU libc) stable release version 2.36."
		}, "yes: out_edge-linux-armv7, glibc 2.36\n", 0},
		{"old glibc without getconf", func(m *machine) { m.glibc, m.ldd = "", "ldd (GNU libc) 2.31" }, "no: this system has glibc 2.31, and the library needs 2.34", 1},
		{"a loader that says nothing", func(m *machine) { m.glibc, m.ldd = "", "" }, "no: the C library of this system is not glibc 2.34 or newer", 1},
		{"no agent", func(m *machine) { m.agent = "" }, "agent: no fluent-bit on PATH", 0},
		{"musl", func(m *machine) { m.loaders, m.glibc, m.ldd = []string{loaderMusl}, "", "musl libc (armhf)" }, "no: this system has musl", 1},
		{"musl without ldd", func(m *machine) { m.loaders, m.glibc, m.ldd = []string{loaderMusl}, "", "" }, "no: this system has musl", 1},
		{"musl with a loader like glibc's", func(m *machine) { m.glibc, m.ldd = "", "musl libc (armhf)" }, "no: this system has musl", 1},
		{"glibc with a loader like musl's", func(m *machine) { m.loaders = []string{loaderARMHF, loaderMusl} }, "yes: out_edge-linux-armv7, glibc 2.41\n", 0},
		{"another C library", func(m *machine) { m.loaders, m.glibc, m.ldd = nil, "", "uClibc" }, "no: the C library of this system is not glibc: there is no ROOT/lib/ld-linux-armhf.so.3", 1},
		{"armel on ARMv7", func(m *machine) { m.loaders = []string{loaderARMEL} }, "no: the programs of this system pass floats in integer registers (armel), and the library is hard-float (armhf)", 1},
		{"32-bit x86 on a 64-bit kernel", func(m *machine) { m.cpu, m.loaders = "x86_64", []string{loader386} }, "no: the kernel is 64-bit and the programs are 32-bit x86", 1},
		{"the same without getconf", func(m *machine) { m.cpu, m.bits, m.glibc, m.loaders = "x86_64", "", "", []string{loader386} }, "no: the kernel is 64-bit and the programs are 32-bit x86", 1},
		{"the same with 64-bit programs beside", func(m *machine) { m.cpu, m.loaders = "x86_64", []string{loader386, loaderAMD64} }, "no: the kernel is 64-bit and the programs are 32-bit x86", 1},
		{"old glibc", func(m *machine) { m.glibc = "glibc 2.31" }, "no: this system has glibc 2.31, and the library needs 2.34", 1},
		{"just too old", func(m *machine) { m.glibc = "glibc 2.33" }, "no: this system has glibc 2.33", 1},
		{"ARMv6", func(m *machine) { m.cpu = "armv6l" }, "no: the processor is armv6l, and the library needs ARMv7", 1},
		{"big-endian", func(m *machine) { m.cpu = "s390x" }, "no: no library is made for s390x: there are amd64, arm64 and armv7, all little-endian", 1},
		{"another system", func(m *machine) { m.os = "Darwin" }, "no: the library is for Linux, and this is Darwin", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := good
			c.spoil(&m)
			out, code := m.check(t)
			if code != c.code || !strings.Contains(out, c.want) {
				t.Errorf("ends with %d:\n%s\nwant %d:\n%s", code, out, c.code, c.want)
			}
		})
	}
}

// check runs the script with a PATH that holds the machine's answers and the
// few tools that it needs.
func (m machine) check(t *testing.T) (string, int) {
	t.Helper()
	bin, root := t.TempDir(), t.TempDir()
	scripts := map[string]string{
		"uname":   fmt.Sprintf("case $1 in -s) echo %q ;; -m) echo %q ;; esac", m.os, m.cpu),
		"getconf": fmt.Sprintf("case $1 in LONG_BIT) [ -n %[1]q ] || exit 1; echo %[1]q ;; GNU_LIBC_VERSION) [ -n %[2]q ] || exit 1; echo %[2]q ;; esac", m.bits, m.glibc),
		"ldd":     fmt.Sprintf("[ -n %[1]q ] || exit 127; echo %[1]q >&2", m.ldd),
	}
	if m.agent != "" {
		scripts["fluent-bit"] = fmt.Sprintf("echo %q", m.agent)
	}
	script := func(path, body string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, body := range scripts {
		script(filepath.Join(bin, name), body)
	}
	for _, name := range m.loaders {
		script(filepath.Join(root, name), fmt.Sprintf("[ -n %[1]q ] || exit 127; echo %[1]q", m.loader))
	}
	for _, tool := range []string{"sh", "head", "ls"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("/bin/sh", "check.sh")
	cmd.Env = []string{"PATH=" + bin, "OUT_EDGE_ROOT=" + root}
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(bin, "BIN", root, "ROOT").Replace(string(out)), cmd.ProcessState.ExitCode()
}
