package pack

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Build is how the libraries of one release are compiled.
type Build struct {
	// Root is the source tree.
	Root string
	// Version becomes main.version.
	Version string
	// At becomes main.commitTime: no clock that shows less is believed.
	At time.Time
	// Symbols keeps the names of functions and variables.
	Symbols bool
	// Tags are build tags, separated by commas.
	Tags string
	// Env is added to the environment (another GOCACHE), Flags to go build.
	Env, Flags []string
}

// Library compiles the target's library to out.
//
// Nothing of this machine gets into it: paths are trimmed, the build IDs of Go
// and of the linker are left out, and so is the state of the version control,
// which Version names already.
func (b Build) Library(ctx context.Context, t Target, out string) error {
	if err := t.Check(); err != nil {
		return err
	}
	out, err := filepath.Abs(out)
	if err != nil {
		return fmt.Errorf("build %s: %w", t.Library(), err)
	}
	exports := filepath.Join(b.Root, "build", "release", "exports.map")
	strip := "-s"
	if b.Symbols {
		strip = "-s=false"
	}
	ldflags := strings.Join([]string{
		strip, "-w", "-buildid=", "-X main.version=" + b.Version, "-X main.commitTime=" + strconv.FormatInt(b.At.Unix(), 10),
		"-extldflags '-Wl,--version-script=" + exports + " -Wl,--build-id=none'",
	}, " ")
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-buildmode=c-shared"}, b.Flags...)
	args = append(args, "-tags="+b.Tags, "-ldflags="+ldflags, "-o", out, "./plugin")
	if err := b.run(ctx, t, true, args); err != nil {
		return fmt.Errorf("build %s: %w", t.Library(), err)
	}
	// Callers load the library; none of them needs cgo's header.
	_ = os.Remove(strings.TrimSuffix(out, ".so") + ".h")
	return os.Chmod(out, 0o644)
}

// Program compiles a Go package without cgo, statically, to out.
func (b Build) Program(ctx context.Context, t Target, pkg, out string) error {
	args := []string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid= -X main.version=" + b.Version, "-o", out, pkg}
	if err := b.run(ctx, t, false, args); err != nil {
		return fmt.Errorf("build %s for %s: %w", pkg, t.Name, err)
	}
	return os.Chmod(out, 0o755)
}

func (b Build) run(ctx context.Context, t Target, cgo bool, args []string) error {
	env, err := t.Env(ctx, cgo)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = b.Root
	cmd.Env = append(env, b.Env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}
