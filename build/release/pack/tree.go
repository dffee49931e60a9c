package pack

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// Release is what the artefacts of one release share.
type Release struct {
	// Root is the source tree, Dist the folder that is made.
	Root, Dist string
	Version    string
	// At is the commit's time: that of every file in every artefact.
	At time.Time
	// Maintainer answers for the packages: Name <address>.
	Maintainer string
}

// Archive gives the files of a target's archive. notices and sbom are made of
// the library; programs go beside it.
func (r Release) Archive(library, notices, sbom []byte, programs ...File) ([]File, error) {
	files, err := r.Documents(notices, sbom)
	if err != nil {
		return nil, err
	}
	for name, source := range map[string]string{
		"LICENSE":                            "LICENSE",
		"check.sh":                           "build/package/check.sh",
		"plugins-edge.conf":                  "build/package/plugins-edge.conf",
		"systemd/50-out-edge.conf":           "build/systemd/50-out-edge.conf",
		"systemd/60-out-edge-hardening.conf": "build/systemd/60-out-edge-hardening.conf",
		"container/edge.container":           "build/container/edge.container",
		"container/compose.yaml":             "build/container/compose.yaml",
		"container/armadillo.conf":           "build/container/armadillo.conf",
	} {
		f, err := r.read(name, source)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	files = append(files, File{Name: "out_edge.so", Mode: 0o644, Data: library})
	files = append(files, programs...)
	return append(files, File{Name: "SHA256SUMS", Mode: 0o644, Data: Sums(files)}), nil
}

// Documents gives what every form of the release brings: the README's excerpt,
// the docs, the examples, the licences and the bill of materials.
func (r Release) Documents(notices, sbom []byte) ([]File, error) {
	files := []File{
		{Name: "THIRD-PARTY-LICENSES.txt", Mode: 0o644, Data: notices},
		{Name: "out_edge.cdx.json", Mode: 0o644, Data: sbom},
	}
	changes, err := r.read("CHANGELOG.md", "CHANGELOG.md")
	if err != nil {
		return nil, err
	}
	files = append(files, changes)
	for _, folder := range []string{"docs", "examples"} {
		found, err := r.walk(folder)
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	readme, err := r.read("README.md", "README.md")
	if err != nil {
		return nil, err
	}
	files = append(files, readme)
	there := make(map[string]bool)
	for _, f := range files {
		for name := f.Name; name != "."; name = path.Dir(name) {
			there[name] = true
		}
	}
	has := func(path string) bool { return there[path] }
	for i, f := range files {
		switch {
		case f.Name == readme.Name:
			files[i].Data = []byte(Excerpt(string(f.Data), has))
		case strings.HasSuffix(f.Name, ".md"):
			files[i].Data = []byte(KeepLinks(f.Name, string(f.Data), has))
		}
	}
	return files, nil
}

func (r Release) read(name, source string) (File, error) {
	path := filepath.Join(r.Root, source)
	info, err := os.Stat(path)
	if err != nil {
		return File{}, fmt.Errorf("collect %s: %w", name, err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return File{}, fmt.Errorf("collect %s: %w", name, err)
	}
	mode := int64(0o644)
	if info.Mode()&0o100 != 0 {
		mode = 0o755
	}
	return File{Name: name, Mode: mode, Data: data}, nil
}

// walk collects a folder, without Go code, tests' data and hidden files.
func (r Release) walk(folder string) ([]File, error) {
	var files []File
	err := filepath.WalkDir(filepath.Join(r.Root, folder), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "testdata":
			return filepath.SkipDir
		case d.IsDir(), strings.HasSuffix(path, ".go"), strings.HasPrefix(d.Name(), "."):
			return nil
		}
		name, err := filepath.Rel(r.Root, path)
		if err != nil {
			return err
		}
		f, err := r.read(filepath.ToSlash(name), name)
		files = append(files, f)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("collect %s: %w", folder, err)
	}
	return files, nil
}

// WriteFolder writes files below dir, with the release's time, and modes that no
// umask changes.
func (r Release) WriteFolder(dir string, files []File) error {
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("write %s: %w", f.Name, err)
		}
		if err := os.WriteFile(path, f.Data, fs.FileMode(f.Mode)); err != nil {
			return fmt.Errorf("write %s: %w", f.Name, err)
		}
		// The umask has had its say; the mode is part of the release.
		if err := os.Chmod(path, fs.FileMode(f.Mode)); err != nil {
			return fmt.Errorf("write %s: %w", f.Name, err)
		}
	}
	return r.touch(dir)
}

// touch gives everything below dir the release's time, and every folder the
// mode that everybody may enter, for packers that take both from the files.
func (r Release) touch(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		if d.IsDir() {
			if err := os.Chmod(path, 0o755); err != nil {
				return err
			}
		}
		return os.Chtimes(path, r.At, r.At)
	})
}

// WriteTarball writes the target's archive into the release's folder.
func (r Release) WriteTarball(t Target, files []File) error {
	var b bytes.Buffer
	if err := WriteArchive(&b, "out_edge-linux-"+t.Name, files, r.At); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.Dist, t.Archive()), b.Bytes(), 0o644)
}
