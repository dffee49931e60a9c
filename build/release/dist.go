package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"out_edge/build/release/elfcheck"
	"out_edge/build/release/pack"
	"out_edge/build/release/sbom"
)

// makeDist writes a whole release into an empty folder.
func makeDist(ctx context.Context, r pack.Release, build pack.Build, targets []pack.Target) error {
	if err := os.RemoveAll(r.Dist); err != nil {
		return fmt.Errorf("empty %s: %w", r.Dist, err)
	}
	stage := filepath.Join(r.Dist, "stage")
	if err := os.MkdirAll(stage, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", r.Dist, err)
	}
	var names []string
	for _, t := range targets {
		fmt.Println("release: " + t.Name)
		if err := makeTarget(ctx, r, build, t); err != nil {
			return err
		}
		names = append(names, t.Library(), t.Archive(), t.SBOM(), t.Package(r.Version))
	}
	if err := finishImageContext(r); err != nil {
		return err
	}
	if err := os.RemoveAll(stage); err != nil {
		return fmt.Errorf("remove %s: %w", stage, err)
	}
	return writeSums(r.Dist, names)
}

// makeTarget makes one platform's artefacts.
func makeTarget(ctx context.Context, r pack.Release, build pack.Build, t pack.Target) error {
	library := filepath.Join(r.Dist, t.Library())
	if err := build.Library(ctx, t, library); err != nil {
		return err
	}
	if err := checkFor(library, t.Name); err != nil {
		return err
	}
	checker, err := makeChecker(ctx, r, build, t)
	if err != nil {
		return err
	}
	notices, err := pack.Notices(ctx, r.Root, library, filepath.Join(stageOf(r, t), checker.Name))
	if err != nil {
		return err
	}
	bom, err := sbom.Write(library, sbom.Info{Version: r.Version, At: r.At, License: licenses(notices)})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.Dist, t.SBOM()), bom, 0o644); err != nil {
		return err
	}
	data, err := os.ReadFile(library)
	if err != nil {
		return err
	}
	files, err := r.Archive(data, pack.NoticeFile(notices), bom, checker)
	if err != nil {
		return err
	}
	if err := r.WriteTarball(t, files); err != nil {
		return err
	}
	docs, err := r.Documents(pack.NoticeFile(notices), bom)
	if err != nil {
		return err
	}
	if err := makePackage(ctx, r, t, data, docs); err != nil {
		return err
	}
	return addToImageContext(ctx, r, build, t, append(docs, checker, pack.File{Name: "out_edge.so", Mode: 0o644, Data: data}))
}

// stageOf is the folder that a target's package is made from.
func stageOf(r pack.Release, t pack.Target) string { return filepath.Join(r.Dist, "stage", t.Name) }

// makeChecker builds the program that checks configurations, into the stage.
func makeChecker(ctx context.Context, r pack.Release, build pack.Build, t pack.Target) (pack.File, error) {
	f := pack.File{Name: "fluent-bit-edge-check", Mode: 0o755}
	path, err := filepath.Abs(filepath.Join(stageOf(r, t), f.Name))
	if err != nil {
		return f, err
	}
	if err := build.Program(ctx, t, "./plugin/check/fluent-bit-edge-check", path); err != nil {
		return f, err
	}
	f.Data, err = os.ReadFile(path)
	return f, err
}

// checkFor returns an error when the library does not meet the platform's rules.
func checkFor(library, platform string) error {
	want, err := elfcheck.For(platform)
	if err != nil {
		return err
	}
	facts, err := elfcheck.Read(library)
	if err != nil {
		return err
	}
	if err := want.Check(facts); err != nil {
		return fmt.Errorf("%s: %w", library, err)
	}
	return nil
}

func licenses(notices []pack.Notice) func(path, version string) string {
	return func(path, version string) string {
		if path[0] == '.' {
			return "Apache-2.0" // a folder of this repository
		}
		for _, n := range notices {
			if n.Path == path && n.Version == version {
				return n.ID
			}
		}
		return ""
	}
}

// makePackage writes the Debian package with nfpm.
func makePackage(ctx context.Context, r pack.Release, t pack.Target, library []byte, docs []pack.File) error {
	stage, err := filepath.Abs(stageOf(r, t))
	if err != nil {
		return err
	}
	files := []pack.File{{Name: "out_edge.so", Mode: 0o644, Data: library}}
	for _, f := range docs {
		f.Name = "doc/" + f.Name
		files = append(files, f)
	}
	if err := r.WriteFolder(stage, files); err != nil {
		return err
	}
	target, err := filepath.Abs(filepath.Join(r.Dist, t.Package(r.Version)))
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "tool", "-modfile=build/tools/go.mod", "nfpm",
		"package", "--config", "build/package/nfpm.yaml", "--packager", "deb", "--target", target)
	cmd.Dir = r.Root
	cmd.Env = append(os.Environ(),
		"DEB_ARCH="+t.Debian, "DEB_VERSION="+pack.DebianVersion(r.Version), "STAGE="+stage, "MAINTAINER="+r.Maintainer,
		"SOURCE_DATE_EPOCH="+strconv.FormatInt(r.At.Unix(), 10))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("package %s: %w\n%s", filepath.Base(target), err, out)
	}
	return nil
}

// addToImageContext puts a platform's files where the Containerfile looks.
func addToImageContext(ctx context.Context, r pack.Release, build pack.Build, t pack.Target, all []pack.File) error {
	dir := filepath.Join(r.Dist, "image")
	var files []pack.File
	for _, f := range all {
		switch {
		case f.Name == "THIRD-PARTY-LICENSES.txt", f.Name == "out_edge.cdx.json", f.Name == "out_edge.so", f.Name == "fluent-bit-edge-check":
			f.Name = filepath.Join(t.Name, f.Name)
		case strings.HasPrefix(f.Name, "examples/"):
		default:
			continue
		}
		files = append(files, f)
	}
	if err := r.WriteFolder(dir, files); err != nil {
		return err
	}
	health, err := filepath.Abs(filepath.Join(dir, t.Name, "healthcheck"))
	if err != nil {
		return err
	}
	return build.Program(ctx, t, "./build/container/healthcheck", health)
}

// finishImageContext adds what all platforms share.
func finishImageContext(r pack.Release) error {
	dir := filepath.Join(r.Dist, "image")
	for name, source := range map[string]string{
		"Containerfile": "build/container/Containerfile", "Dockerfile": "build/container/Containerfile", "licenses/LICENSE": "LICENSE",
	} {
		data, err := os.ReadFile(filepath.Join(r.Root, source))
		if err != nil {
			return fmt.Errorf("fill the image's context: %w", err)
		}
		if err := r.WriteFolder(dir, []pack.File{{Name: name, Mode: 0o644, Data: data}}); err != nil {
			return err
		}
	}
	// An empty folder, which becomes the volume's owner and mode.
	if err := os.MkdirAll(filepath.Join(dir, "state"), 0o755); err != nil {
		return fmt.Errorf("fill the image's context: %w", err)
	}
	// Some builders use the name arm64v8.
	if err := os.Symlink("arm64", filepath.Join(dir, "arm64v8")); err != nil {
		return fmt.Errorf("fill the image's context: %w", err)
	}
	return r.WriteFolder(dir, nil)
}

// writeSums writes SHA256SUMS of the artefacts.
func writeSums(dist string, names []string) error {
	files := make([]pack.File, 0, len(names))
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(dist, name))
		if err != nil {
			return fmt.Errorf("sum up: %w", err)
		}
		files = append(files, pack.File{Name: name, Data: data})
	}
	return os.WriteFile(filepath.Join(dist, "SHA256SUMS"), pack.Sums(files), 0o644)
}
