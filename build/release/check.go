package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"out_edge/build/release/elfcheck"
)

// check prints the facts of each library, and returns all faults.
func check(w io.Writer, libraries []string) error {
	if len(libraries) == 0 {
		return errors.New("name the libraries to check")
	}
	var faults []error
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "library\tmachine\tMiB\tneeds\tglibc\tfor\texports")
	for _, path := range libraries {
		x, err := elfcheck.Read(path)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		fmt.Fprintf(tw, "%s\t%v\t%.2f\t%s\t%v\t%s\t%d\n", path, x.Machine, float64(x.Size)/(1<<20),
			strings.Join(x.Needed, " "), x.GLIBC, strings.Join(x.NewestSymbols, " "), len(x.Exports))
		if err := checkFor(path, platformOf(x)); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(append(faults, tw.Flush())...)
}

// platformOf returns the name of the library's platform.
func platformOf(x elfcheck.Facts) string {
	switch x.Machine {
	case elf.EM_X86_64:
		return "amd64"
	case elf.EM_AARCH64:
		return "arm64"
	case elf.EM_ARM:
		return "armv7"
	}
	return strings.ToLower(strings.TrimPrefix(x.Machine.String(), "EM_"))
}
