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

// dpkgRoot is an empty system for dpkg, with Fluent Bit's own files in it.
type dpkgRoot string

func newDpkgRoot(t *testing.T) dpkgRoot {
	t.Helper()
	root := t.TempDir()
	for path, text := range map[string]string{
		"var/lib/dpkg/status":         "",
		"var/lib/dpkg/info/format":    "1\n",
		"etc/fluent-bit/plugins.conf": "[PLUGINS]\n    # Path /path/to/out_gstdout.so\n",
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
			root.dpkg(t, "--install", deb)
			for _, path := range []string{
				"/usr/lib/fluent-bit/out_edge.so", "/etc/fluent-bit/plugins-edge.conf",
				"/usr/lib/systemd/system/fluent-bit.service.d/50-out-edge.conf", "/usr/share/out-edge/60-out-edge-hardening.conf",
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

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
