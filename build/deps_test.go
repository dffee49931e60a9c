// Package build_test holds the scripts of this folder to their words.
package build_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// deps runs deps.sh for the test target on a machine that has go and the programs
// of this map alone, stand-ins that all write down how they were called.
func deps(t *testing.T, programs map[string]string) (calls, output string, err error) {
	t.Helper()
	bin := t.TempDir()
	log := filepath.Join(bin, "log")
	for name, body := range programs {
		text := "#!/bin/sh\necho \"${0##*/} $*\" >>'" + log + "'\n" + body + "\n"
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("/bin/sh", "deps.sh", "test")
	cmd.Env = []string{"PATH=" + bin}
	out, err := cmd.CombinedOutput()
	told, _ := os.ReadFile(log) // none, if nothing was called
	return string(told), string(out), err
}

// machine has what deps.sh calls; sudo does nothing but for apt-get.
func machine(update, install string) map[string]string {
	return map[string]string{
		"go": "", "id": "echo 1000", "tee": "", "sudo": `case "$1" in apt-get) shift; apt-get "$@" ;; esac`,
		"apt-get": `case "$*" in update*) ` + update + ` ;; *) ` + install + ` ;; esac`,
	}
}

// A package list that cannot be fetched stops nothing; what cannot be installed
// does.
func TestDepsSurvivesAnIndexThatIsDown(t *testing.T) {
	for _, c := range []struct {
		name, update, install string
		fails                 bool
	}{
		{"all is well", ":", ":", false},
		{"an index is down", "exit 100", ":", false},
		{"a package is nowhere", "exit 100", "exit 100", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			calls, output, err := deps(t, machine(c.update, c.install))
			if (err != nil) != c.fails {
				t.Errorf("error %v\n%s", err, output)
			}
			if !strings.Contains(calls, "apt-get update") || !strings.Contains(calls, " install -y -qq --no-install-recommends ") || !strings.Contains(calls, " valgrind") {
				t.Errorf("called\n%s", calls)
			}
		})
	}
}

// Without apt-get the packages are named.
func TestDepsNamesWhatIsMissing(t *testing.T) {
	_, output, err := deps(t, map[string]string{"go": ""})
	if err == nil || !strings.Contains(output, "these Debian packages are needed, or what your system calls them: ") || !strings.Contains(output, "valgrind") {
		t.Errorf("error %v\n%s", err, output)
	}
}
