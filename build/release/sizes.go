package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"out_edge/build/release/pack"
)

// variant is one way to build the library.
type variant struct {
	name string
	// real lists the modules that are used instead of their stubs in go.mod.
	real []string
	tags string
}

// sizes builds the library as released, and with one difference at a time. It prints
// the size of each difference, and the parts of the library.
func sizes(ctx context.Context, w io.Writer, build pack.Build, targets []pack.Target) error {
	dir, err := os.MkdirTemp("", "out_edge-sizes")
	if err != nil {
		return fmt.Errorf("measure sizes: %w", err)
	}
	defer os.RemoveAll(dir)
	variants, err := variantsOf(ctx, build)
	if err != nil {
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "platform\tMiB\tdifference in kB\t  variant")
	for _, t := range targets {
		var base int64
		for _, v := range variants {
			size, err := measure(ctx, build, t, v, dir)
			if err != nil {
				return err
			}
			if base == 0 {
				base = size
			}
			fmt.Fprintf(tw, "%s\t%.2f\t%+d\t  %s\n", t.Name, float64(size)/(1<<20), (size-base)/1000, v.name)
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, t := range targets {
		if err := parts(ctx, w, build, t, dir); err != nil {
			return err
		}
	}
	return nil
}

// variantsOf returns the release itself, one variant for each module that a folder of
// this repository replaces, and one without HTTP/2.
func variantsOf(ctx context.Context, build pack.Build) ([]variant, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "edit", "-json")
	cmd.Dir = build.Root
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("read go.mod: %w", err)
	}
	var mod struct {
		Replace []struct{ Old, New struct{ Path string } }
	}
	if err := json.NewDecoder(bytes.NewReader(out)).Decode(&mod); err != nil {
		return nil, fmt.Errorf("read go.mod: %w", err)
	}
	variants := []variant{{name: "as released", tags: build.Tags}}
	for _, r := range mod.Replace {
		if strings.HasPrefix(r.New.Path, ".") {
			variants = append(variants, variant{name: "with the real " + r.Old.Path, real: []string{r.Old.Path}, tags: build.Tags})
		}
	}
	return append(variants, variant{name: "without HTTP/2 (-tags nethttpomithttp2)", tags: strings.Trim(build.Tags+",nethttpomithttp2", ",")}), nil
}

// measure builds one variant with a go.mod of its own.
func measure(ctx context.Context, build pack.Build, t pack.Target, v variant, dir string) (int64, error) {
	mod := filepath.Join(dir, "go.mod")
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(build.Root, name))
		if err != nil {
			return 0, fmt.Errorf("measure %s: %w", v.name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return 0, fmt.Errorf("measure %s: %w", v.name, err)
		}
	}
	for _, module := range v.real {
		cmd := exec.CommandContext(ctx, "go", "mod", "edit", "-dropreplace="+module, mod)
		if out, err := cmd.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("measure %s: %w\n%s", v.name, err, out)
		}
	}
	build.Tags = v.tags
	// A go.sum without the dropped module's line is completed on the way.
	build.Flags = []string{"-modfile=" + mod, "-mod=mod"}
	out := filepath.Join(dir, t.Library())
	if err := build.Library(ctx, t, out); err != nil {
		return 0, fmt.Errorf("measure %s: %w", v.name, err)
	}
	info, err := os.Stat(out)
	if err != nil {
		return 0, fmt.Errorf("measure %s: %w", v.name, err)
	}
	return info.Size(), nil
}
