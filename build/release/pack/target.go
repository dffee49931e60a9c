package pack

import (
	"context"
	"encoding/json"
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

// from lists what leads Go to modules, and to where it keeps what it has made;
// go env knows them wherever they are set. Nothing of it is in what is compiled.
func from() []string {
	return []string{
		"GOPROXY", "GONOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GOINSECURE", "GOAUTH", "GOVCS", "GOTOOLCHAIN",
		"GOPATH", "GOMODCACHE", "GOCACHE", "GOCACHEPROG", "GOTMPDIR",
	}
}

// kept lists what programs need of the machine to run and to reach others, and
// what says how much of it they may use.
func kept() []string {
	return []string{
		"PATH", "HOME", "USER", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "SSH_AUTH_SOCK", "NETRC",
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
		"SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSH_COMMAND",
		"GOGC", "GOMEMLIMIT", "GOMAXPROCS",
	}
}

// Env is the environment in which Go compiles for the target: with cgo for the
// library, without for programs. It holds what leads to modules, from the
// environment or `go env -w`, and nothing else of the user's that could change
// the result, be it Go's (GOFLAGS, GOFIPS140) or the compiler's (CPATH).
func (t Target) Env(ctx context.Context, cgo bool) ([]string, error) {
	out, err := exec.CommandContext(ctx, "go", append([]string{"env", "-json"}, from()...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("ask for Go's settings: %w", err)
	}
	settings := make(map[string]string)
	if err := json.Unmarshal(out, &settings); err != nil {
		return nil, fmt.Errorf("ask for Go's settings: %w", err)
	}
	env := []string{"GOENV=off", "GOOS=linux", "GOARCH=" + t.GOARCH, "GOAMD64=v1", "GOARM64=v8.0", "GOFIPS140=off", "GOWORK=off"}
	for _, name := range from() {
		if v := settings[name]; v != "" {
			env = append(env, name+"="+v)
		}
	}
	for _, name := range kept() {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	if t.GOARM != "" {
		env = append(env, "GOARM="+t.GOARM)
	}
	if !cgo {
		return append(env, "CGO_ENABLED=0"), nil
	}
	return append(env, "CGO_ENABLED=1", "CC="+t.CC, "CGO_CFLAGS=-O2 -g0", "CGO_LDFLAGS=-O2"), nil
}
