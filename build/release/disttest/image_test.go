//go:build dist

package disttest_test

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"out_edge/build/release/pack"
)

const (
	standIn         = "localhost/standin:latest"
	imageMaintainer = "A. N. Author <author@example.org>"
	imageSource     = "https://git.example/out_edge"
)

// image is what an archive that `podman load` reads says.
type image struct {
	tags   []string
	config config
	files  map[string]tar.Header
	data   map[string][]byte
}

// config is the image's, in Docker's format (the only one with Healthcheck).
type config struct {
	Architecture, Variant, OS string
	Config                    struct {
		User            string
		Env             []string
		Entrypoint, Cmd []string
		Labels          map[string]string
		ExposedPorts    map[string]struct{}
		Volumes         map[string]struct{}
		Healthcheck     struct {
			Test                           []string
			Interval, Timeout, StartPeriod int64
			Retries                        int
		}
	}
}

// storage keeps buildah off this machine's images, and lets it run in places
// without an overlay file system.
func storage(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	conf := filepath.Join(dir, "storage.conf")
	text := fmt.Sprintf("[storage]\ndriver = \"vfs\"\ngraphroot = %q\nrunroot = %q\n", dir+"/graph", dir+"/run")
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("buildah", "--root", dir+"/graph", "--runroot", dir+"/run", "rmi", "--all", "--force").Run()
	})
	return append(os.Environ(), "CONTAINERS_STORAGE_CONF="+conf, "BUILDAH_ISOLATION=chroot")
}

func TestImage(t *testing.T) {
	env := storage(t)
	buildah := func(args ...string) {
		t.Helper()
		cmd := exec.Command("buildah", args...)
		cmd.Env = env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("buildah %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	var platforms []string
	for _, target := range pack.Targets() {
		platforms = append(platforms, target.Platform)
	}
	buildah("build", "--format", "docker", "--platform", strings.Join(platforms, ","), "--manifest", standIn, "testdata/base")

	dist := t.TempDir()
	output(t, "cp", "-a", artefact("image"), dist) // with the modes, which count
	build := func() {
		t.Helper()
		cmd := exec.Command("build/container/image.sh", release.Version, dist)
		cmd.Dir = release.Root
		cmd.Env = append(env, "BUILDER=buildah", "BASE="+standIn, "MAINTAINER="+imageMaintainer, "SOURCE="+imageSource, "SOURCE_DATE_EPOCH="+strconv.FormatInt(release.At.Unix(), 10))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("image.sh: %v\n%s", err, out)
		}
	}
	build()
	for _, target := range pack.Targets() {
		t.Run(target.Name, func(t *testing.T) { checkImage(t, target, openImage(t, filepath.Join(dist, target.Image()))) })
	}
}

// openImage reads an archive: its one image's configuration and files.
func openImage(t *testing.T, path string) image {
	t.Helper()
	members := untar(t, bytes.NewReader(read(t, path)))
	var manifest []struct {
		Config           string
		RepoTags, Layers []string
	}
	parse(t, members.data["manifest.json"], &manifest)
	if len(manifest) != 1 {
		t.Fatalf("%s holds %d images", path, len(manifest))
	}
	im := image{tags: manifest[0].RepoTags, files: make(map[string]tar.Header), data: make(map[string][]byte)}
	parse(t, members.data[manifest[0].Config], &im.config)
	for _, name := range manifest[0].Layers {
		layer := members.data[name]
		if h, ok := members.files[name]; ok && h.Linkname != "" {
			layer = members.data[filepath.Join(filepath.Dir(name), h.Linkname)]
		}
		content := untar(t, bytes.NewReader(layer))
		for name, h := range content.files {
			im.files[name], im.data[name] = h, content.data[name]
		}
	}
	return im
}

func parse(t *testing.T, data []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

func untar(t *testing.T, r io.Reader) image {
	t.Helper()
	im := image{files: make(map[string]tar.Header), data: make(map[string][]byte)}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return im
		}
		if err != nil {
			t.Fatal(err)
		}
		name := strings.Trim(h.Name, "/")
		im.files[name] = *h
		if im.data[name], err = io.ReadAll(tr); err != nil {
			t.Fatal(err)
		}
	}
}

func checkImage(t *testing.T, target pack.Target, im image) {
	c := im.config.Config
	platform := strings.TrimSuffix("linux/"+im.config.Architecture+"/"+im.config.Variant, "/")
	equal(t, "platform", []string{im.config.OS, platform}, []string{"linux", target.Platform})
	equal(t, "tags", im.tags, []string{"localhost/out-edge:latest"})
	equal(t, "user", []string{c.User}, []string{"65532:65532"})
	equal(t, "entrypoint", c.Entrypoint, []string{"/fluent-bit/bin/fluent-bit", "-e", "/fluent-bit/edge/out_edge.so"})
	equal(t, "command", c.Cmd, []string{"-c", "/fluent-bit/etc/edge/prometheus-exporter/fluent-bit.conf"})
	equal(t, "health check", c.Healthcheck.Test, []string{"CMD", "/fluent-bit/edge/healthcheck"})
	if h := c.Healthcheck; h.Interval != 30e9 || h.Timeout != 5e9 || h.StartPeriod != 20e9 || h.Retries != 3 {
		t.Errorf("health check %+v", h)
	}
	for _, v := range []string{"FLUENT_BIT_VERSION=0.0.0"} {
		if !slices.Contains(c.Env, v) {
			t.Errorf("environment %q lacks %s", c.Env, v)
		}
	}
	if _, ok := c.ExposedPorts["2021/tcp"]; !ok {
		t.Errorf("ports %v", c.ExposedPorts)
	}
	if _, ok := c.Volumes["/var/lib/fluent-bit"]; !ok {
		t.Errorf("volumes %v", c.Volumes)
	}
	checkLabels(t, c.Labels)
	checkImageFiles(t, target, im)
}

// checkLabels wants the image to speak for itself: nothing is left of what the
// base says of its version and makers.
func checkLabels(t *testing.T, labels map[string]string) {
	for name, want := range map[string]string{
		"version": release.Version, "author": imageMaintainer, "vendor": "",
		"org.opencontainers.image.title":         "out_edge",
		"org.opencontainers.image.licenses":      "Apache-2.0",
		"org.opencontainers.image.version":       release.Version,
		"org.opencontainers.image.vendor":        "",
		"org.opencontainers.image.authors":       imageMaintainer,
		"org.opencontainers.image.source":        imageSource,
		"org.opencontainers.image.documentation": imageSource,
		"org.opencontainers.image.base.name":     standIn,
	} {
		if got := labels[name]; got != want {
			t.Errorf("label %s is %q, want %q", name, got, want)
		}
	}
	for name, value := range labels {
		ours := strings.HasPrefix(name, "io.buildah.") || strings.HasPrefix(value, "Fluent Bit with the output plugin edge")
		if !ours && (value == "0.0.0" || strings.Contains(strings.ToLower(value), "fluent")) {
			t.Errorf("label %s is the base image's: %q", name, value)
		}
	}
}

func checkImageFiles(t *testing.T, target pack.Target, im image) {
	for name, want := range map[string]struct{ mode, owner int64 }{
		"fluent-bit/bin/fluent-bit":                               {0o755, 0},
		"fluent-bit/edge/out_edge.so":                             {0o644, 0},
		"fluent-bit/edge/healthcheck":                             {0o755, 0},
		"fluent-bit/edge/fluent-bit-edge-check":                   {0o755, 0},
		"fluent-bit/edge/THIRD-PARTY-LICENSES.txt":                {0o644, 0},
		"fluent-bit/etc/edge/armadillo-datadog/fluent-bit.conf":   {0o644, 0},
		"fluent-bit/etc/edge/prometheus-exporter/fluent-bit.conf": {0o644, 0},
		"fluent-bit/edge":                                         {0o755, 0},
		"fluent-bit/etc/edge":                                     {0o755, 0},
		"fluent-bit/etc/edge/prometheus-exporter":                 {0o755, 0},
		"usr/share/doc/out-edge":                                  {0o755, 0},
		"usr/share/doc/out-edge/LICENSE":                          {0o644, 0},
		"var/lib/fluent-bit":                                      {0o755, 65532},
	} {
		h, ok := im.files[name]
		if !ok {
			t.Errorf("/%s is missing", name)
			continue
		}
		if h.Mode&0o777 != want.mode || int64(h.Uid) != want.owner || int64(h.Gid) != want.owner {
			t.Errorf("/%s has mode %o and owner %d:%d, want %o and %d", name, h.Mode&0o777, h.Uid, h.Gid, want.mode, want.owner)
		}
	}
	if !bytes.Equal(im.data["fluent-bit/edge/out_edge.so"], read(t, artefact(target.Library()))) {
		t.Errorf("the image's library is not %s", target.Library())
	}
	f, err := elf.NewFile(bytes.NewReader(im.data["fluent-bit/edge/healthcheck"]))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if libs, err := f.ImportedLibraries(); err == nil && len(libs) > 0 {
		t.Errorf("the health check needs %q", libs)
	}
	if want := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "armv7": elf.EM_ARM}[target.Name]; f.Machine != want {
		t.Errorf("the health check is for %v, want %v", f.Machine, want)
	}
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s %q, want %q", what, got, want)
	}
}
