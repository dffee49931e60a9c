//go:build dist

package disttest_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"out_edge/build/release/pack"
)

// TestReproducible makes the armv7 artefacts once more: from a copy of the
// sources in another folder, and the library with an empty build cache and
// another temporary folder, the rest by somebody with a cautious umask, elsewhere
// on Earth.
func TestReproducible(t *testing.T) {
	target, err := pack.Find("armv7")
	if err != nil {
		t.Fatal(err)
	}
	tree := filepath.Join(t.TempDir(), "another", "place")
	copyTree(t, tree)

	t.Run("library", func(t *testing.T) { sameLibrary(t, tree, target) })

	dist := filepath.Join(t.TempDir(), "dist")
	cmd := exec.Command("sh", "-c", `umask 077; exec "$@"`, "sh", "go", "run", "./build/release", "dist", "-targets", target.Name, "-version", release.Version,
		"-epoch", strconv.FormatInt(release.At.Unix(), 10), "-tags", os.Getenv("TAGS"), "-dist", dist)
	cmd.Dir, cmd.Env = tree, append(os.Environ(), "TZ=Asia/Tokyo", "LC_ALL=tr_TR.UTF-8", "MAINTAINER="+maintainer(t, target))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{
		target.Archive(), target.SBOM(), target.Package(release.Version),
		"image/" + target.Name + "/healthcheck", "image/" + target.Name + "/out_edge.so",
	} {
		same(t, name, filepath.Join(dist, name))
	}
	openFolders(t, filepath.Join(dist, "image"))
}

// sameLibrary builds the library on a machine with settings of its own: with
// them, headers would come from a folder where they are wrong, and cryptography
// from another module.
func sameLibrary(t *testing.T, tree string, target pack.Target) {
	headers := t.TempDir()
	if err := os.WriteFile(filepath.Join(headers, "stdlib.h"), []byte("#error the user's own header\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CPATH", headers)
	t.Setenv("GOFIPS140", "latest")
	library := filepath.Join(t.TempDir(), "out_edge.so")
	b := pack.Build{Root: tree, Version: release.Version, At: release.At, Tags: os.Getenv("TAGS"), Env: []string{"GOCACHE=" + t.TempDir(), "TMPDIR=" + t.TempDir()}}
	if err := b.Library(t.Context(), target, library); err != nil {
		t.Fatal(err)
	}
	same(t, target.Library(), library)
}

// openFolders fails for what the image's user could not enter or read.
func openFolders(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if mode := info.Mode().Perm(); mode != 0o644 && mode != 0o755 || d.IsDir() && mode != 0o755 {
			t.Errorf("%s has mode %o", path, mode)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, name, second string) {
	t.Helper()
	if !bytes.Equal(read(t, artefact(name)), read(t, second)) {
		t.Errorf("%s: the second run gives other bytes", name)
	}
}

// copyTree copies what git knows or would add.
func copyTree(t *testing.T, to string) {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = release.Root
	list, err := cmd.Output()
	if err != nil {
		t.Fatalf("list the sources: %v", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		from := filepath.Join(release.Root, name)
		info, err := os.Stat(from)
		if os.IsNotExist(err) {
			continue // deleted, and not yet said to git
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, read(t, from), info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
}
