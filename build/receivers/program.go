package receivers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// Program is one that `go install` builds.
type Program struct {
	// Package is its import path, Version its module's: newer ones of these may ask
	// for a newer Go than this module does.
	Package, Version string
	// Tags are build tags.
	Tags string
}

// Programs are all that there are here.
func Programs() []Program { return []Program{victoriaLogs(), victoriaMetrics(), prometheus3()} }

func victoriaLogs() Program {
	return Program{Package: "github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs", Version: "v1.52.1"}
}

func victoriaMetrics() Program {
	return Program{Package: "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics", Version: "v1.151.0"}
}

// prometheus3 is 3.16. Without the service discoveries it takes a minute to build,
// not ten.
func prometheus3() Program {
	return Program{Package: "github.com/prometheus/prometheus/cmd/prometheus", Version: "v0.316.0", Tags: "remove_all_sd"}
}

// Name is the program's file name.
func (p Program) Name() string { return path.Base(p.Package) }

// Path is where the program lies. It is built first where that has not been done,
// which takes minutes and the module proxy; whoever asks meanwhile, in another
// process too, waits.
func (p Program) Path(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find %s: %w", p.Name(), err)
	}
	dir := filepath.Join(cache, "out_edge", "receivers", p.Name()+"-"+p.Version)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("find %s: %w", p.Name(), err)
	}
	unlock, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return "", fmt.Errorf("find %s: %w", p.Name(), err)
	}
	defer unlock()
	file := filepath.Join(dir, p.Name())
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	return file, p.install(ctx, dir)
}

// install builds the program into dir, where it appears whole or not at all.
func (p Program) install(ctx context.Context, dir string) error {
	bin, err := os.MkdirTemp(dir, "new-")
	if err != nil {
		return fmt.Errorf("build %s: %w", p.Name(), err)
	}
	defer os.RemoveAll(bin)
	cmd := exec.CommandContext(ctx, "go", "install", "-tags="+p.Tags, p.Package+"@"+p.Version)
	cmd.Dir = bin // no go.mod of ours
	cmd.Env = append(os.Environ(), "GOBIN="+bin, "GOFLAGS=-mod=mod -trimpath", "GOWORK=off", "CGO_ENABLED=0", "GOOS=", "GOARCH=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s %s: %w\n%s", p.Name(), p.Version, err, lastLines(string(out)))
	}
	return os.Rename(filepath.Join(bin, p.Name()), filepath.Join(dir, p.Name()))
}

// lock waits until this process alone holds a file's lock.
func lock(file string) (unlock func(), err error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, fmt.Errorf("lock %s: %w", file, err)
	}
	return func() { f.Close() }, nil // which gives the lock back
}

func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
