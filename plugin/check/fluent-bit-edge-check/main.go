// Command fluent-bit-edge-check reads a Fluent Bit configuration, classic or YAML,
// and reports what is wrong with its `edge` outputs and their config_file, before an
// agent is started with it.
//
//	fluent-bit-edge-check [-settings] CONFIG   exit 0: no fault, 1: faults, 2: not used as it should be
//	fluent-bit-edge-check version
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"out_edge/plugin/check"
)

// version is set by the linker.
var version = "dev"

// The exit statuses.
const (
	exitClean  = 0
	exitFaults = 1
	exitUsage  = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("fluent-bit-edge-check", flag.ContinueOnError)
	flags.SetOutput(stderr)
	settings := flags.Bool("settings", false, "print the settings that take effect, secrets struck out")
	flags.Usage = func() {
		fmt.Fprint(stderr, "usage: fluent-bit-edge-check [-settings] CONFIG\n       fluent-bit-edge-check version\n")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	switch {
	case flags.NArg() != 1:
		flags.Usage()
		return exitUsage
	case flags.Arg(0) == "version":
		fmt.Fprintln(stdout, "fluent-bit-edge-check", version)
		return exitClean
	}
	return examine(flags.Arg(0), *settings, stdout)
}

// examine prints all faults of a configuration, each with its file and line.
func examine(file string, settings bool, out io.Writer) int {
	sections, faults := check.Read(file, os.LookupEnv)
	outputs := check.Outputs(sections)
	for _, s := range outputs {
		o, found := check.Check(s, os.Getenv, version)
		faults = append(faults, found...)
		if settings && o.Settings != nil {
			printSettings(out, o)
		}
	}
	for _, f := range faults {
		fmt.Fprintln(out, f)
	}
	switch {
	case len(faults) > 0:
		fmt.Fprintf(out, "%s: %d faults\n", file, len(faults))
		return exitFaults
	case len(outputs) == 0:
		fmt.Fprintf(out, "%s: no output of it is called edge\n", file)
		return exitFaults
	}
	fmt.Fprintf(out, "%s: %d outputs called edge, no fault\n", file, len(outputs))
	return exitClean
}

func printSettings(out io.Writer, o *check.Output) {
	fmt.Fprintf(out, "%s: edge\n", o.Place)
	for _, e := range o.Settings.Pipeline.Metrics.Settings {
		from := "set"
		if e.Default {
			from = "default"
		}
		fmt.Fprintf(out, "    %-32s %-24s %s\n", e.Key, e.Value, from)
	}
}
