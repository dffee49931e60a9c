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

// machine is what check.sh is made to see.
type machine struct {
	os, cpu string
	bits    string
	glibc   string // of getconf; "" is an error
	ldd     string
	agent   string // of fluent-bit --version; "" is none
}

func TestCheck(t *testing.T) {
	good := machine{os: "Linux", cpu: "armv7l", bits: "32", glibc: "glibc 2.41", agent: "Fluent Bit v5.1.1"}
	for _, c := range []struct {
		name  string
		spoil func(*machine)
		want  string
		code  int
	}{
		{"A6E's container", func(*machine) {}, "yes: out_edge-linux-armv7, glibc 2.41\nagent: BIN/fluent-bit, Fluent Bit v5.1.1\n", 0},
		{"x86", func(m *machine) { m.cpu, m.bits, m.glibc = "x86_64", "64", "glibc 2.34" }, "yes: out_edge-linux-amd64, glibc 2.34\n", 0},
		{"ARM64", func(m *machine) { m.cpu, m.bits = "aarch64", "64" }, "yes: out_edge-linux-arm64, glibc 2.41\n", 0},
		{"32 bits on a 64-bit kernel", func(m *machine) { m.cpu = "aarch64" }, "yes: out_edge-linux-armv7, glibc 2.41\n", 0},
		{"a glibc after 2", func(m *machine) { m.glibc = "glibc 3.0" }, "yes: out_edge-linux-armv7, glibc 3.0\n", 0},
		{"no agent", func(m *machine) { m.agent = "" }, "agent: no fluent-bit on PATH", 0},
		{"musl", func(m *machine) { m.glibc, m.ldd = "", "musl libc (armv7)" }, "no: this system has musl", 1},
		{"another C library", func(m *machine) { m.glibc, m.ldd = "", "uClibc" }, "no: the C library of this system is not glibc", 1},
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
	bin := t.TempDir()
	scripts := map[string]string{
		"uname":   fmt.Sprintf("case $1 in -s) echo %q ;; -m) echo %q ;; esac", m.os, m.cpu),
		"getconf": fmt.Sprintf("case $1 in LONG_BIT) echo %q ;; GNU_LIBC_VERSION) [ -n %[2]q ] || exit 1; echo %[2]q ;; esac", m.bits, m.glibc),
		"ldd":     fmt.Sprintf("echo %q >&2; exit 1", m.ldd),
	}
	if m.agent != "" {
		scripts["fluent-bit"] = fmt.Sprintf("echo %q", m.agent)
	}
	for name, body := range scripts {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, tool := range []string{"sh", "grep", "head", "ls"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("/bin/sh", "check.sh")
	cmd.Env = []string{"PATH=" + bin}
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(out), bin, "BIN"), cmd.ProcessState.ExitCode()
}
