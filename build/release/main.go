// Command release makes what is published, and checks it.
//
//	release dist   libraries, archives, packages, SBOMs, image context, checksums
//	release check  what a library needs, exports and its size; fails on a fault
//	release sizes  what costs what in a library
//
// `make dist` and `make dist-check` call it; docs/install.md is for users.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"out_edge/build/release/pack"
)

var person = regexp.MustCompile(`^[^<>\n]+ <[^<>@\s]+@[^<>@\s]+>$`)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release: "+err.Error())
		os.Exit(1)
	}
}

func run(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(args) == 0 {
		return fmt.Errorf("choose what to do: dist, check or sizes")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	version := flags.String("version", "dev", "the release's version, as git describes it")
	epoch := flags.Int64("epoch", 0, "time of all files, in seconds since 1970; the commit's")
	dist := flags.String("dist", "dist", "folder to write to")
	targets := flags.String("targets", "amd64,arm64,armv7", "platforms, with commas")
	maintainer := flags.String("maintainer", os.Getenv("MAINTAINER"), "who answers for the packages, as `Name <address>`; else $MAINTAINER")
	tags := flags.String("tags", "", "build tags, with commas")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	root, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	at := time.Unix(*epoch, 0).UTC()
	if at.After(time.Now().Add(time.Hour)) {
		return fmt.Errorf("-epoch %d is in the future: no device would believe its clock before %v", *epoch, at)
	}
	build := pack.Build{Root: root, Version: *version, At: at, Tags: *tags}
	chosen, err := find(*targets)
	if err != nil {
		return err
	}
	switch args[0] {
	case "dist":
		r := pack.Release{Root: root, Dist: *dist, Version: *version, At: at, Maintainer: *maintainer}
		if err := named(r); err != nil {
			return err
		}
		return makeDist(ctx, r, build, chosen)
	case "check":
		return check(os.Stdout, flags.Args())
	case "sizes":
		return sizes(ctx, os.Stdout, build, chosen)
	}
	return fmt.Errorf("no step %q: choose dist, check or sizes", args[0])
}

// named checks that version, time and author are known. Without git the Makefile knows
// none of them.
func named(r pack.Release) error {
	switch {
	case r.Version == "" || r.Version == "dev" || r.At.Unix() <= 0:
		return errors.New("git does not tell which version of which time this is (not installed, no clone, or `dubious ownership`): set VERSION=1.2.3 and SOURCE_DATE_EPOCH=$(date +%s)")
	case !person.MatchString(r.Maintainer):
		return fmt.Errorf("-maintainer = %q: must be like Name <name@example.org>: set MAINTAINER", r.Maintainer)
	}
	return nil
}

func find(names string) ([]pack.Target, error) {
	var targets []pack.Target
	for name := range strings.SplitSeq(names, ",") {
		t, err := pack.Find(name)
		if err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	return targets, nil
}
