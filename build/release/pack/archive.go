package pack

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
)

// File is one file of an archive or a folder.
type File struct {
	// Name is the path inside, with slashes.
	Name string
	// Mode is 0o644 or 0o755.
	Mode int64
	Data []byte
}

// WriteArchive writes a .tar.gz that holds the files under the folder dir. Equal
// files and times give equal bytes: sorted by name, owned by root, with one
// modification time and no names of users or machines.
func WriteArchive(w io.Writer, dir string, files []File, modified time.Time) error {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	zw, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return fmt.Errorf("write archive %s: %w", dir, err)
	}
	tw := tar.NewWriter(zw)
	for _, name := range folders(dir, files) {
		if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755, ModTime: modified, Format: tar.FormatUSTAR}); err != nil {
			return fmt.Errorf("write archive %s: %w", dir, err)
		}
	}
	for _, f := range files {
		if err := writeFile(tw, dir, f, modified); err != nil {
			return fmt.Errorf("write archive %s: %s: %w", dir, f.Name, err)
		}
	}
	if err := tw.Close(); err != nil {
		return fmt.Errorf("write archive %s: %w", dir, err)
	}
	if err := zw.Close(); err != nil {
		return fmt.Errorf("write archive %s: %w", dir, err)
	}
	return nil
}

func writeFile(tw *tar.Writer, dir string, f File, modified time.Time) error {
	h := &tar.Header{
		Typeflag: tar.TypeReg, Name: path.Join(dir, f.Name), Mode: f.Mode,
		Size: int64(len(f.Data)), ModTime: modified, Format: tar.FormatUSTAR,
	}
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	_, err := tw.Write(f.Data)
	return err
}

// folders lists dir and every folder below it that holds files, parents first.
func folders(dir string, files []File) []string {
	seen := map[string]bool{dir: true}
	for _, f := range files {
		for p := path.Dir(path.Join(dir, f.Name)); p != "." && !seen[p]; p = path.Dir(p) {
			seen[p] = true
		}
	}
	var names []string
	for name := range seen {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
