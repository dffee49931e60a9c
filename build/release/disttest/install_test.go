//go:build dist

package disttest_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"out_edge/build/release/pack"
)

var runnable = regexp.MustCompile("(?s)<!-- run -->\n```sh\n(.*?)```\n")

// TestInstallDocument runs the marked blocks of docs/install.md as they stand,
// in one shell, in a folder with the release. What would change this machine is
// led elsewhere by the programs of stand-ins: absolute paths after sudo lie in
// a root of their own, apt-get is dpkg on that root, and what needs a running
// systemd or a container is written down.
func TestInstallDocument(t *testing.T) {
	doc := string(read(t, filepath.Join(release.Root, "docs/install.md")))
	var script strings.Builder
	script.WriteString("set -eu\n")
	blocks := runnable.FindAllStringSubmatch(doc, -1)
	if len(blocks) < 8 {
		t.Fatalf("docs/install.md has %d marked blocks", len(blocks))
	}
	for _, b := range blocks {
		// Each block starts where the archive was unpacked, or in the folder of
		// the release before that.
		script.WriteString(strings.ReplaceAll(b[1], "cd \"out_edge-linux-$arch\"", "cd \"out_edge-linux-$arch\"; here=$PWD"))
		script.WriteString("cd \"$here\"\n")
	}
	if runtime.GOARCH != "amd64" {
		t.Logf("check.sh speaks of %s; the blocks unpack amd64 all the same", runtime.GOARCH)
	}

	root, log := newDpkgRoot(t), filepath.Join(t.TempDir(), "log")
	out := runScript(t, script.String(), root, log)
	if !strings.Contains(out, "yes: out_edge-linux-") {
		t.Errorf("check.sh does not say yes:\n%s", out)
	}
	want := []string{
		"/etc/containers/systemd/edge.container",
		"/etc/fluent-bit/fluent-bit.conf",
		"/etc/fluent-bit/plugins-edge.conf",
		"/etc/fluent-bit/plugins.conf",
		"/etc/systemd/system/fluent-bit.service.d/50-out-edge.conf",
		"/etc/systemd/system/fluent-bit.service.d/60-out-edge-hardening.conf",
		"/" + stockUnit,
	}
	if got := root.files(t); !sameSet(got, want) {
		t.Errorf("after all blocks there are\n%q, want\n%q", got, want)
	}
	if conf := string(read(t, filepath.Join(string(root), "etc/fluent-bit/fluent-bit.conf"))); !strings.HasPrefix(conf, "[SERVICE]") || !strings.HasSuffix(conf, "    retry_limit  no_limits\n") {
		t.Errorf("fluent-bit.conf is left with\n%s", conf)
	}
	checkLog(t, strings.Split(strings.TrimSpace(string(read(t, log))), "\n"))
}

// checkLog holds what would have been done to the files that are made.
func checkLog(t *testing.T, done []string) {
	for _, line := range []string{
		"sudo systemctl restart fluent-bit",
		"sudo systemctl start edge",
		"podman load -i out_edge-image-amd64.tar",
		"podman healthcheck run edge",
		"podman compose --file container/compose.yaml up -d",
	} {
		if !slices.Contains(done, line) {
			t.Errorf("nobody has done %q:\n%s", line, strings.Join(done, "\n"))
		}
	}
	// Root and users do not see each other's images.
	load := slices.Index(done, "sudo podman load -i out_edge-image-amd64.tar")
	if start := slices.Index(done, "sudo systemctl start edge"); load < 0 || load > start {
		t.Errorf("root starts a container of an image that root has not loaded:\n%s", strings.Join(done, "\n"))
	}
	for _, line := range done {
		if strings.HasPrefix(line, "podman run") && regexp.MustCompile(`--group-add[ =]\d`).MatchString(line) {
			t.Errorf("not root's podman maps the group to nobody: %s", line)
		}
	}
}

// standIns are the programs that the blocks find first.
func standIns(root dpkgRoot, log string) map[string]string {
	record := fmt.Sprintf("#!/bin/sh\necho \"${AS_ROOT:+sudo }${0##*/} $*\" >>%q\n", log)
	return map[string]string{
		"systemctl": record,
		// A container that has just been started does not answer yet.
		"podman": record + fmt.Sprintf("[ \"$1\" != healthcheck ] || [ -e %[1]q ] || { touch %[1]q; exit 1; }\n", log+".up"),
		// A package is on the root until it is removed.
		"apt-get": fmt.Sprintf(`#!/bin/sh
set -eu
become=; [ "$(id -u)" = 0 ] || become=fakeroot
case $1 in
install) [ "$#" = 2 ] && [ -e "$2" ] || { echo "no such package: $2" >&2; exit 1; } ; what=--install ;;
remove) what=--remove ;;
esac
exec $become dpkg --root=%[1]q --force-script-chrootless --force-depends --force-architecture --no-triggers --force-confold $what "$2"
`, root),
		"sudo": fmt.Sprintf(`#!/bin/bash
args=("$1"); shift
for a in "$@"; do case $a in /*) args+=(%q"$a") ;; *) args+=("$a") ;; esac; done
export AS_ROOT=1
exec "${args[@]}"
`, root),
	}
}

func runScript(t *testing.T, script string, root dpkgRoot, log string) string {
	t.Helper()
	amd64, err := pack.Find("amd64")
	if err != nil {
		t.Fatal(err)
	}
	work, bin := t.TempDir(), t.TempDir()
	names := []string{"SHA256SUMS", amd64.Archive()}
	for _, target := range pack.Targets() {
		names = append(names, target.Package(release.Version))
	}
	for _, name := range names {
		if err := os.Symlink(artefact(name), filepath.Join(work, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range standIns(root, log) {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	conf := filepath.Join(string(root), "etc/fluent-bit/fluent-bit.conf")
	if err := os.WriteFile(conf, []byte("[SERVICE]\n    flush 1\n[INPUT]\n    name cpu\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	// The .deb lies beside the archive, not in its folder.
	script = strings.ReplaceAll(script, "here=$PWD\n", "here=$PWD; ln -s ../*.deb .\n")
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir, cmd.Env = work, append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("the blocks end with %v:\n%s", err, out)
	}
	return string(out)
}
