package pack

import (
	"bytes"
	"cmp"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// Notice is the licence under which a module is linked into the library.
type Notice struct {
	// Path and Version name the module; Go itself is std.
	Path, Version string
	// ID is the licence's SPDX identifier.
	ID string
	// Text is the licence, and the notices that must go with it.
	Text string
}

// Notices collects the licences of all modules that the files, a library and
// programs, were linked from. A module without a licence that is known here is an
// error: nobody has yet looked whether it may be given away.
func Notices(ctx context.Context, root string, files ...string) ([]Notice, error) {
	modules, goVersion, err := linked(files)
	if err != nil {
		return nil, err
	}
	dirs, err := moduleDirs(ctx, root)
	if err != nil {
		return nil, fmt.Errorf("collect licences: %w", err)
	}
	goroot, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("collect licences: find Go: %w", err)
	}
	var notices []Notice
	var faults []error
	add := func(path, version, dir string) {
		n, err := notice(path, version, dir)
		faults = append(faults, err)
		notices = append(notices, n)
	}
	add("std", goVersion, strings.TrimSpace(string(goroot)))
	for _, m := range modules {
		add(m.Path, m.Version, dirs[m.Path])
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("collect licences: %w", err)
	}
	slices.SortFunc(notices, func(a, b Notice) int { return cmp.Compare(a.Path, b.Path) })
	return notices, nil
}

// linked are the foreign modules that files were linked from, each once, and the
// version of Go.
func linked(files []string) (modules []*debug.Module, goVersion string, err error) {
	seen := make(map[string]bool)
	for _, file := range files {
		build, err := buildinfo.ReadFile(file)
		if err != nil {
			return nil, "", fmt.Errorf("collect licences of %s: %w", file, err)
		}
		goVersion = build.GoVersion
		for _, m := range build.Deps {
			if !own(m) && !seen[m.Path] {
				seen[m.Path] = true
				modules = append(modules, m)
			}
		}
	}
	return modules, goVersion, nil
}

// own tells whether a folder of this repository stands in for the module.
func own(m *debug.Module) bool { return m.Replace != nil && strings.HasPrefix(m.Replace.Path, ".") }

// moduleDirs maps the modules of the build to their folders.
func moduleDirs(ctx context.Context, root string) (map[string]string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-mod=readonly", "-m", "-json=Path,Dir", "all")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list modules: %w", err)
	}
	dirs := make(map[string]string)
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var m struct{ Path, Dir string }
		switch err := dec.Decode(&m); {
		case errors.Is(err, io.EOF):
			return dirs, nil
		case err != nil:
			return nil, fmt.Errorf("list modules: %w", err)
		}
		dirs[m.Path] = m.Dir
	}
}

func notice(path, version, dir string) (Notice, error) {
	n := Notice{Path: path, Version: version}
	if dir == "" {
		return n, fmt.Errorf("%s %s is not in the module cache: `go mod download` brings it", path, version)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return n, err
	}
	for _, e := range entries {
		upper := strings.ToUpper(e.Name())
		licence := strings.HasPrefix(upper, "LICENSE") || strings.HasPrefix(upper, "COPYING")
		if e.IsDir() || !licence && !strings.HasPrefix(upper, "NOTICE") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return n, err
		}
		n.Text += strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")) + "\n\n"
		if id := Identify(string(text)); licence && n.ID == "" {
			n.ID = id
		}
	}
	if n.ID == "" {
		return n, fmt.Errorf("%s %s has no licence that is known here", path, version)
	}
	return n, nil
}

// Identify names a licence by its text; "" is none of those that may be linked
// into a library under Apache-2.0 without a further thought.
func Identify(text string) string {
	words := strings.Join(strings.Fields(text), " ")
	has := func(s string) bool { return strings.Contains(words, s) }
	switch {
	case has("GNU GENERAL PUBLIC LICENSE"), has("GNU LESSER"), has("GNU AFFERO"), has("Mozilla Public License"):
		return ""
	case has("Apache License Version 2.0, January 2004"), has("Licensed under the Apache License, Version 2.0"):
		return "Apache-2.0"
	case has("Redistribution and use in source and binary forms") && (has("Neither the name") || has("names of its contributors")):
		return "BSD-3-Clause"
	case has("Redistribution and use in source and binary forms"):
		return "BSD-2-Clause"
	case has("Permission is hereby granted, free of charge"):
		return "MIT"
	case has("Permission to use, copy, modify, and/or distribute this software"):
		return "ISC"
	}
	return ""
}

// NoticeFile is all licences in one text, each text once with the modules that
// it covers.
func NoticeFile(notices []Notice) []byte {
	covered := make(map[string][]string)
	var order []string
	for _, n := range notices {
		if covered[n.Text] == nil {
			order = append(order, n.Text)
		}
		covered[n.Text] = append(covered[n.Text], n.Path+" "+n.Version+" ("+n.ID+")")
	}
	var b strings.Builder
	b.WriteString("out_edge is linked with the following software, under the licences that follow each.\n")
	for _, text := range order {
		b.WriteString("\n" + strings.Repeat("-", 78) + "\n" + strings.Join(covered[text], "\n") + "\n\n" + text)
	}
	return []byte(b.String())
}
