//go:build dist

package disttest_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"out_edge/build/release/pack"
)

func TestPackageFields(t *testing.T) {
	for _, target := range pack.Targets() {
		deb := artefact(target.Package(release.Version))
		got := output(t, "dpkg-deb", "--show", "--showformat=${Package} ${Version} ${Architecture} ${Depends}", deb)
		want := "out-edge " + pack.DebianVersion(release.Version) + " " + target.Debian + " libc6 (>= 2.34)"
		if got != want {
			t.Errorf("%s: %q, want %q", filepath.Base(deb), got, want)
		}
	}
}

// The maintainer is the commit's author or who $MAINTAINER names: somebody who
// can be written to.
func TestPackageMaintainer(t *testing.T) {
	want := os.Getenv("MAINTAINER")
	if want == "" {
		want = strings.TrimSpace(output(t, "git", "-C", release.Root, "log", "-1", "--format=%an <%ae>"))
	}
	for _, target := range pack.Targets() {
		if got := maintainer(t, target); got != want {
			t.Errorf("%s: maintainer %q, want %q", target.Debian, got, want)
		}
	}
}

// maintainer is whom the target's package names.
func maintainer(t *testing.T, target pack.Target) string {
	t.Helper()
	return output(t, "dpkg-deb", "--show", "--showformat=${Maintainer}", artefact(target.Package(release.Version)))
}

// stockUnit is where Fluent Bit's package has its unit.
const stockUnit = "usr/lib/systemd/system/fluent-bit.service"

// dpkgRoot is an empty system for dpkg, with Fluent Bit's own files in it.
type dpkgRoot string

func newDpkgRoot(t *testing.T) dpkgRoot {
	t.Helper()
	root := t.TempDir()
	for path, text := range map[string]string{
		"var/lib/dpkg/status":         "",
		"var/lib/dpkg/info/format":    "1\n",
		"etc/fluent-bit/plugins.conf": "[PLUGINS]\n    # Path /path/to/out_gstdout.so\n",
		stockUnit:                     unit,
	} {
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, path), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(root, "var/lib/dpkg/updates"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dpkgRoot(root)
}

// dpkg runs on the root alone: its scripts get DPKG_ROOT and touch nothing here.
func (r dpkgRoot) dpkg(t *testing.T, args ...string) string {
	t.Helper()
	line := []string{"dpkg", "--root=" + string(r), "--force-script-chrootless", "--force-depends", "--force-architecture", "--no-triggers"}
	if os.Geteuid() != 0 {
		line = append([]string{"fakeroot"}, line...)
	}
	line = append(line, args...)
	cmd := exec.Command(line[0], line[1:]...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("dpkg %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// files lists what is in the root, without dpkg's own books.
func (r dpkgRoot) files(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(string(r), func(path string, d fs.DirEntry, err error) error {
		name := strings.TrimPrefix(path, string(r))
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(name, "/var/lib/dpkg"):
			return filepath.SkipDir
		case !d.IsDir():
			found = append(found, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestPackageLife installs, lists, upgrades and removes each package.
func TestPackageLife(t *testing.T) {
	for _, target := range pack.Targets() {
		t.Run(target.Debian, func(t *testing.T) {
			root, deb := newDpkgRoot(t), artefact(target.Package(release.Version))
			before := root.files(t)
			if out := root.dpkg(t, "--install", deb); strings.Contains(out, "out-edge: fluent-bit.service") {
				t.Errorf("with Fluent Bit's own unit, the installation says\n%s", out)
			}
			for _, path := range []string{
				"/usr/lib/fluent-bit/out_edge.so", "/usr/bin/fluent-bit-edge-check", "/etc/fluent-bit/plugins-edge.conf",
				"/usr/lib/systemd/system-generators/out-edge", "/usr/share/out-edge/60-out-edge-hardening.conf",
				"/usr/share/doc/out-edge/copyright", "/usr/share/doc/out-edge/examples/prometheus-exporter/fluent-bit.conf",
			} {
				if _, err := os.Stat(filepath.Join(string(root), path)); err != nil {
					t.Error(err)
				}
				if !strings.Contains(root.dpkg(t, "--listfiles", "out-edge"), path+"\n") {
					t.Errorf("dpkg does not list %s", path)
				}
			}
			if s := root.dpkg(t, "--status", "out-edge"); !strings.Contains(s, "Status: install ok installed") {
				t.Errorf("status:\n%s", s)
			}

			// A change of the user's survives the next version.
			conf := filepath.Join(string(root), "etc/fluent-bit/plugins-edge.conf")
			if err := os.WriteFile(conf, []byte("mine"), 0o644); err != nil {
				t.Fatal(err)
			}
			root.dpkg(t, "--force-confold", "--install", deb)
			if got := string(read(t, conf)); got != "mine" {
				t.Errorf("an upgrade has overwritten %s", conf)
			}

			root.dpkg(t, "--remove", "out-edge")
			if got, want := root.files(t), append([]string{"/etc/fluent-bit/plugins-edge.conf"}, before...); !sameSet(got, want) {
				t.Errorf("after remove: %q, want %q", got, want)
			}
			root.dpkg(t, "--purge", "out-edge")
			if got := root.files(t); !sameSet(got, before) {
				t.Errorf("after purge: %q, want %q", got, before)
			}
		})
	}
}

// A unit of the user's keeps its command line: nothing in the package replaces
// it, and the installation says what to add.
func TestPackageSparesTheUsersUnit(t *testing.T) {
	root := newDpkgRoot(t)
	mine := filepath.Join(string(root), "etc/systemd/system/fluent-bit.service")
	if err := os.MkdirAll(filepath.Dir(mine), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(mine, []byte(strings.Replace(unit, "fluent-bit.conf", "mine.yaml", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	out := root.dpkg(t, "--install", artefact(pack.Targets()[0].Package(release.Version)))
	if want := "add to Fluent Bit's command line -e /usr/lib/fluent-bit/out_edge.so\n"; !strings.Contains(out, want) {
		t.Errorf("the installation does not say %q:\n%s", want, out)
	}
	for _, name := range root.files(t) {
		if strings.Contains(name, "fluent-bit.service.d/") {
			t.Errorf("the package has a drop-in: %s", name)
		}
	}
	if got := root.commandLine(t); got != "" {
		t.Errorf("the service would start with\n%s", got)
	}
}

// With Fluent Bit's own unit, the library is loaded until the package is removed.
func TestPackageLoadsTheLibrary(t *testing.T) {
	root := newDpkgRoot(t)
	root.dpkg(t, "--install", artefact(pack.Targets()[0].Package(release.Version)))
	want := "ExecStart=\nExecStart=/opt/fluent-bit/bin/fluent-bit -c /etc/fluent-bit/fluent-bit.conf -e /usr/lib/fluent-bit/out_edge.so\n"
	if got := root.commandLine(t); got != want {
		t.Errorf("the service would start with\n%s\nwant\n%s", got, want)
	}
}

// commandLine is the ExecStart that the package's generator adds; "" is none.
func (r dpkgRoot) commandLine(t *testing.T) string {
	t.Helper()
	out := t.TempDir()
	cmd := exec.Command(filepath.Join(string(r), "usr/lib/systemd/system-generators/out-edge"), out, out, out)
	cmd.Env = append(os.Environ(), "DPKG_ROOT="+string(r))
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	text, err := os.ReadFile(filepath.Join(out, "fluent-bit.service.d/50-out-edge.conf"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var lines strings.Builder
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "ExecStart=") {
			lines.WriteString(line)
		}
	}
	return lines.String()
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
