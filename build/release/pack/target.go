package pack

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Target is a platform that a release has artefacts for.
type Target struct {
	// Name is the platform in the names of artefacts: amd64, arm64, armv7.
	Name string
	// GOARCH and GOARM are what Go is told.
	GOARCH, GOARM string
	// CC is Debian's compiler for the platform, on whichever machine.
	CC string
	// Debian is the platform's name in packages, Platform in container images.
	Debian, Platform string
}

// Targets are the platforms, in the order of every list.
func Targets() []Target {
	return []Target{
		{Name: "amd64", GOARCH: "amd64", CC: "x86_64-linux-gnu-gcc", Debian: "amd64", Platform: "linux/amd64"},
		{Name: "arm64", GOARCH: "arm64", CC: "aarch64-linux-gnu-gcc", Debian: "arm64", Platform: "linux/arm64"},
		{Name: "armv7", GOARCH: "arm", GOARM: "7", CC: "arm-linux-gnueabihf-gcc", Debian: "armhf", Platform: "linux/arm/v7"},
	}
}

// Find gives the target of a name.
func Find(name string) (Target, error) {
	var known []string
	for _, t := range Targets() {
		if t.Name == name {
			return t, nil
		}
		known = append(known, t.Name)
	}
	return Target{}, fmt.Errorf("find target %q: must be one of %s", name, strings.Join(known, ", "))
}

// Library is the file name of the target's library.
func (t Target) Library() string { return "out_edge-linux-" + t.Name + ".so" }

// Archive is the file name of the target's archive.
func (t Target) Archive() string { return "out_edge-linux-" + t.Name + ".tar.gz" }

// SBOM is the file name of the target's bill of materials.
func (t Target) SBOM() string { return "out_edge-linux-" + t.Name + ".cdx.json" }

// Package is the file name of the target's Debian package.
func (t Target) Package(version string) string {
	return "out-edge_" + DebianVersion(version) + "_" + t.Debian + ".deb"
}

// Image is the file name of the target's container image.
func (t Target) Image() string { return "out_edge-image-" + t.Name + ".tar" }

// Check tells whether this machine can compile for the target.
func (t Target) Check() error {
	if _, err := exec.LookPath(t.CC); err != nil {
		return fmt.Errorf("look for %s's compiler: %w: `build/deps.sh dist` installs it", t.Name, err)
	}
	return nil
}

// Env is the environment in which Go compiles for the target: with cgo for the
// library, without for programs. What would change the result, such as the
// user's GOFLAGS, is taken out.
func (t Target) Env(cgo bool) []string {
	env := without(os.Environ(), "GOFLAGS", "GOARM", "GOAMD64", "GOARM64", "GOEXPERIMENT", "CGO_CFLAGS", "CGO_LDFLAGS", "CC")
	env = append(env, "GOOS=linux", "GOARCH="+t.GOARCH, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=")
	if t.GOARM != "" {
		env = append(env, "GOARM="+t.GOARM)
	}
	if !cgo {
		return append(env, "CGO_ENABLED=0")
	}
	return append(env, "CGO_ENABLED=1", "CC="+t.CC, "CGO_CFLAGS=-O2 -g0", "CGO_LDFLAGS=-O2")
}

func without(env []string, names ...string) []string {
	kept := make([]string, 0, len(env))
next:
	for _, kv := range env {
		for _, name := range names {
			if strings.HasPrefix(kv, name+"=") {
				continue next
			}
		}
		kept = append(kept, kv)
	}
	return kept
}
