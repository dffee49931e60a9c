package harness

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// Kit builds hosts and libraries for one architecture into one folder, each
// once. It is safe for concurrent use.
type Kit struct {
	arch Arch
	dir  string
	root string

	mu    sync.Mutex
	built map[string]*build
}

// build is one artefact: made once, its error kept.
type build struct {
	once sync.Once
	err  error
}

// NewKit makes a Kit that builds into dir, which the caller removes (a test's
// TempDir, or a folder that is kept). It must be called with a working
// directory inside the module.
func NewKit(dir string, arch Arch) (*Kit, error) {
	if err := arch.Check(); err != nil {
		return nil, err
	}
	root, err := Root()
	if err != nil {
		return nil, err
	}
	return &Kit{arch: arch, dir: dir, root: root, built: make(map[string]*build)}, nil
}

// Root is the module's folder.
func Root() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
}

// Arch is the architecture that the Kit builds for.
func (k *Kit) Arch() Arch { return k.arch }

// Root is the module's folder.
func (k *Kit) Root() string { return k.root }

// Host builds the test host and returns its path: as a v5, which exports
// flb_mp_count_log_records, or as a v4, which does not.
func (k *Kit) Host(ctx context.Context, v5 bool) (string, error) {
	name, flags := "host-v4-", []string{"-rdynamic"}
	if v5 {
		name, flags = "host-v5-", []string{"-DHOST_V5", "-rdynamic"}
	}
	return k.make(name+k.arch.Name, func(out string) *exec.Cmd {
		sources, _ := filepath.Glob(filepath.Join(k.root, "build", "host", "*.c"))
		cc := strings.Fields(k.arch.CC)
		args := append(cc[1:], "-std=c11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-o", out)
		args = append(append(args, flags...), sources...)
		return exec.CommandContext(ctx, cc[0], append(args, "-pthread", "-ldl")...)
	})
}

// Library builds a Go package of the module (./plugin) as a c-shared library,
// as `make build` does, and returns its path. Extra flags go to go build.
func (k *Kit) Library(ctx context.Context, pkg string, flags ...string) (string, error) {
	name := strings.NewReplacer("./", "", "/", "_", " ", "_").Replace(strings.Join(append([]string{pkg}, flags...), "_"))
	name += "-" + k.arch.Name + ".so"
	return k.make(name, func(out string) *exec.Cmd {
		args := []string{"build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out}
		cmd := exec.CommandContext(ctx, "go", append(append(args, flags...), pkg)...)
		cmd.Env = k.arch.goEnv()
		return cmd
	})
}

func (k *Kit) make(name string, command func(out string) *exec.Cmd) (string, error) {
	out := filepath.Join(k.dir, name)
	k.mu.Lock()
	b := k.built[name]
	if b == nil {
		b = &build{}
		k.built[name] = b
	}
	k.mu.Unlock()
	b.once.Do(func() { b.err = k.run(name, command(out)) })
	return out, b.err
}

func (k *Kit) run(name string, cmd *exec.Cmd) error {
	if err := os.MkdirAll(k.dir, 0o755); err != nil {
		return fmt.Errorf("build %s: %w", name, err)
	}
	cmd.Dir = k.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return nil
}
