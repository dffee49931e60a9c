//go:build dist

package disttest_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"out_edge/build/release/pack"
)

// unpack gives an archive's files by their names inside its folder.
func unpack(t *testing.T, path string) map[string][]byte {
	t.Helper()
	zr, err := gzip.NewReader(bytes.NewReader(read(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || !h.ModTime.Equal(release.At) {
			t.Errorf("%s belongs to %d:%d, is of %v", h.Name, h.Uid, h.Gid, h.ModTime)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		_, name, _ := strings.Cut(h.Name, "/")
		if files[name], err = io.ReadAll(tr); err != nil {
			t.Fatal(err)
		}
	}
}

func TestArchives(t *testing.T) {
	for _, target := range pack.Targets() {
		t.Run(target.Name, func(t *testing.T) {
			files := unpack(t, artefact(target.Archive()))
			for _, name := range []string{
				"README.md", "LICENSE", "CHANGELOG.md", "THIRD-PARTY-LICENSES.txt", "check.sh", "docs/install.md", "docs/armadillo.md",
				"examples/armadillo-datadog/fluent-bit.conf", "examples/prometheus-exporter/fluent-bit.conf",
				"systemd/50-out-edge.conf", "systemd/60-out-edge-hardening.conf", "plugins-edge.conf",
				"container/edge.container", "container/compose.yaml", "container/armadillo.conf",
			} {
				if len(files[name]) == 0 {
					t.Errorf("%s is missing or empty", name)
				}
			}
			if !bytes.Equal(files["out_edge.so"], read(t, artefact(target.Library()))) {
				t.Error("out_edge.so is not the library beside the archive")
			}
			var list []pack.File
			for name, data := range files {
				if name != "SHA256SUMS" {
					list = append(list, pack.File{Name: name, Data: data})
				}
			}
			if want := pack.Sums(list); !bytes.Equal(files["SHA256SUMS"], want) {
				t.Errorf("SHA256SUMS is\n%s, want\n%s", files["SHA256SUMS"], want)
			}
		})
	}
}

// The check is a static program of the platform. This machine's says its version, and
// finds no fault in an example.
func TestChecker(t *testing.T) {
	for _, target := range pack.Targets() {
		data := unpack(t, artefact(target.Archive()))["fluent-bit-edge-check"]
		f, err := elf.NewFile(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%s: %v", target.Name, err)
		}
		if needed, _ := f.ImportedLibraries(); f.Machine != machines[target.Name] || len(needed) > 0 {
			t.Errorf("%s: %v, needs %q", target.Name, f.Machine, needed)
		}
		if target.Name != runtime.GOARCH {
			continue
		}
		program := filepath.Join(t.TempDir(), "fluent-bit-edge-check")
		if err := os.WriteFile(program, data, 0o755); err != nil {
			t.Fatal(err)
		}
		if got := output(t, program, "version"); !strings.HasPrefix(got, "fluent-bit-edge-check "+release.Version+" ") {
			t.Errorf("version: %s", got)
		}
		t.Setenv("EDGE_LISTEN", "127.0.0.1:2021")
		example := filepath.Join(release.Root, "examples/prometheus-exporter/fluent-bit.conf")
		if got := output(t, program, example); !strings.Contains(got, "no fault") {
			t.Errorf("an example: %s", got)
		}
	}
}

// machines are the platforms' architectures as ELF names them.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "armv7": elf.EM_ARM}

// A link in the README's excerpt or in the docs leads to something.
func TestLinks(t *testing.T) {
	files := unpack(t, artefact(pack.Targets()[0].Archive()))
	for name, data := range files {
		if !strings.HasSuffix(name, ".md") {
			continue
		}
		for _, part := range strings.Split(string(data), "](")[1:] {
			link, _, _ := strings.Cut(part, ")")
			link, _, _ = strings.Cut(link, "#")
			if link == "" || strings.Contains(link, "://") {
				continue
			}
			goal := filepath.Join(filepath.Dir(name), link)
			if !slices.ContainsFunc(slices.Collect(maps.Keys(files)), func(f string) bool { return f == goal || strings.HasPrefix(f, goal+"/") }) {
				t.Errorf("%s leads to %s, which the archive does not have", name, link)
			}
		}
	}
}

func TestChecksums(t *testing.T) {
	var names []string
	for line := range strings.Lines(string(read(t, artefact("SHA256SUMS")))) {
		_, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		names = append(names, name)
	}
	var want []string
	for _, target := range pack.Targets() {
		want = append(want, target.Library(), target.Archive(), target.SBOM(), target.Package(release.Version))
	}
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("SHA256SUMS lists\n%q, want\n%q", names, want)
	}
	cmd := exec.Command("sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS")
	cmd.Dir = release.Dist
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("sha256sum: %v\n%s", err, out)
	}
}

// Every module that is linked in has a version or a stand-in, and a licence.
func TestSBOM(t *testing.T) {
	for _, target := range pack.Targets() {
		var doc struct {
			BOMFormat  string `json:"bomFormat"`
			Components []struct {
				Name, Version, PURL string
				Licenses            []any
				Properties          []any
			}
		}
		if err := json.Unmarshal(read(t, artefact(target.SBOM())), &doc); err != nil {
			t.Fatal(err)
		}
		if doc.BOMFormat != "CycloneDX" || len(doc.Components) < 10 {
			t.Errorf("%s: %q with %d components", target.SBOM(), doc.BOMFormat, len(doc.Components))
		}
		for _, c := range doc.Components {
			if c.Version == "" || len(c.Licenses) != 1 || c.PURL == "" && len(c.Properties) == 0 {
				t.Errorf("%s: %+v", target.SBOM(), c)
			}
		}
	}
}
