package pack_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"out_edge/build/release/pack"
)

// What is packed is the same whoever packs it: a cautious umask must not end up
// in the modes that packages and images take from the folder.
func TestWriteFolderModes(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	dir := filepath.Join(t.TempDir(), "stage")
	r := pack.Release{At: time.Unix(1_764_771_798, 0)}
	files := []pack.File{{Name: "doc/a/b.txt", Mode: 0o644}, {Name: "bin/run", Mode: 0o755}}
	if err := r.WriteFolder(dir, files); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{
		"": 0o755, "doc": 0o755, "doc/a": 0o755, "doc/a/b.txt": 0o644, "bin": 0o755, "bin/run": 0o755,
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want || !info.ModTime().Equal(r.At) {
			t.Errorf("%q has mode %o of %v, want %o of %v", name, info.Mode().Perm(), info.ModTime(), want, r.At)
		}
	}
}
