//go:build dist

package disttest_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// unit stands in for what Fluent Bit's Debian package installs.
const unit = `[Unit]
Description=Fluent Bit
Requires=network.target
After=network.target
[Service]
Type=simple
ExecStart=/opt/fluent-bit/bin/fluent-bit -c /etc/fluent-bit/fluent-bit.conf
Restart=always
[Install]
WantedBy=multi-user.target
`

// scoredBy is the systemd whose scores the documents state: others weigh other
// settings.
const scoredBy = "252"

// system is a root with the unit and some of our drop-ins.
func system(t *testing.T, dropins ...string) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "usr/lib/systemd/system")
	if err := os.MkdirAll(dir+"/fluent-bit.service.d", 0o755); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"fluent-bit.service": unit, "network.target": "[Unit]\n", "sysinit.target": "[Unit]\n", "basic.target": "[Unit]\n",
		"shutdown.target": "[Unit]\nDefaultDependencies=no\n", "-.slice": "[Unit]\n", "system.slice": "[Unit]\n",
	}
	for _, name := range dropins {
		files["fluent-bit.service.d/"+name] = string(read(t, filepath.Join(release.Root, "build/systemd", name)))
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	agent := filepath.Join(root, "opt/fluent-bit/bin/fluent-bit")
	if err := os.MkdirAll(filepath.Dir(agent), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(agent, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return root
}

// exposure is systemd's score: 10 is all doors open.
func exposure(t *testing.T, root string) float64 {
	t.Helper()
	// It ends with 1 above a threshold, so the text counts, not the status.
	out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--root="+root, "--no-pager", "fluent-bit.service").CombinedOutput()
	m := regexp.MustCompile(`Overall exposure level for fluent-bit.service: ([0-9.]+)`).FindSubmatch(out)
	if m == nil {
		t.Fatalf("systemd-analyze security: %v\n%s", err, out)
	}
	score, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return score
}

func TestExposure(t *testing.T) {
	bare := exposure(t, system(t))
	loaded := exposure(t, system(t, "50-out-edge.conf"))
	hardened := exposure(t, system(t, "50-out-edge.conf", "60-out-edge-hardening.conf"))
	if loaded > bare {
		t.Errorf("50-out-edge.conf raises the exposure from %.1f to %.1f", bare, loaded)
	}
	if hardened >= 2.5 || bare-hardened < 5 {
		t.Errorf("hardening brings the exposure from %.1f to %.1f, want below 2.5 and at least 5 less", bare, hardened)
	}
	fields := strings.Fields(output(t, "systemd-analyze", "--version"))
	if len(fields) < 2 || fields[1] != scoredBy {
		t.Logf("systemd %v scores %.1f and %.1f; the documents state those of systemd %s", fields, bare, hardened, scoredBy)
		return
	}
	stated := fmt.Sprintf("from %.1f to %.1f (systemd %s)", bare, hardened, scoredBy)
	for _, name := range []string{"README.md", "docs/install.md"} {
		if doc := string(read(t, filepath.Join(release.Root, name))); !strings.Contains(doc, stated) {
			t.Errorf("%s does not say that the exposure goes %q", name, stated)
		}
	}
}

// systemd knows every line of the drop-ins.
func TestDropInsAreUnderstood(t *testing.T) {
	root := system(t, "50-out-edge.conf", "60-out-edge-hardening.conf")
	out, err := exec.Command("systemd-analyze", "verify", "--man=no", "--root="+root, "fluent-bit.service").CombinedOutput()
	if text := string(out); strings.Contains(text, "Unknown") || strings.Contains(text, "out-edge") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, text)
	}
}
