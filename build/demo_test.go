package build_test

import (
	"bufio"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestDemoShowsRecordsAndEndsAtCtrlC runs `make demo` as on a terminal, whose Ctrl-C
// reaches make and all that it has started, until records have arrived.
func TestDemoShowsRecordsAndEndsAtCtrlC(t *testing.T) {
	cmd := exec.Command("make", "-C", "..", "--no-print-directory", "demo")
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MAKE") })
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	group := -cmd.Process.Pid
	defer func() { _ = syscall.Kill(group, syscall.SIGKILL) }()

	arrived := regexp.MustCompile(`[1-9][0-9]* logs and [1-9][0-9]* series points at the intake`)
	var told strings.Builder
	interrupted := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		told.WriteString(lines.Text() + "\n")
		if !interrupted && arrived.Match(lines.Bytes()) {
			interrupted = true
			if err := syscall.Kill(group, syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // make ends by the signal
	text := told.String()
	if !interrupted || !strings.Contains(text, "arrived") {
		t.Errorf("no records arrived, or nothing is said of them at the end:\n%s", text)
	}
	if strings.Contains(text, "make: ***") || strings.Contains(text, "[ warn] [output:edge]") {
		t.Errorf("Ctrl-C looks like a fault:\n%s", text)
	}
}
