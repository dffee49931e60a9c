// Command fluent-bit-edge-check reads a Fluent Bit configuration, classic or YAML,
// and reports what is wrong with its `edge` outputs and their config_file, before an
// agent is started with it.
//
//	fluent-bit-edge-check [-settings] [-sample FILE|- [-tag TAG]] CONFIG
//	fluent-bit-edge-check version
//
// It exits with 0 where there is no fault, with 1 where there are faults, and with 2
// where it is not used as it should be.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"

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

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// asked is what the command line asks for.
type asked struct {
	settings    bool
	sample, tag string
	stdin       io.Reader
	out         io.Writer
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := asked{stdin: stdin, out: stdout}
	flags := flag.NewFlagSet("fluent-bit-edge-check", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&a.settings, "settings", false, "print the settings that take effect, secrets struck out")
	flags.StringVar(&a.sample, "sample", "", "`file` of sample records, JSON objects (- for standard input): print which metrics they make, and which sinks get what; nothing is sent")
	flags.StringVar(&a.tag, "tag", "app", "Fluent Bit's tag of the sample records")
	flags.Usage = func() {
		fmt.Fprint(stderr, "usage: fluent-bit-edge-check [-settings] [-sample FILE [-tag TAG]] CONFIG\n       fluent-bit-edge-check version\n")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return exitClean
	} else if err != nil {
		return exitUsage
	}
	switch {
	case flags.NArg() != 1:
		flags.Usage()
		return exitUsage
	case flags.Arg(0) == "version":
		fmt.Fprintf(stdout, "fluent-bit-edge-check %s (%s/%s, %s)\n", version, runtime.GOOS, runtime.GOARCH, runtime.Version())
		return exitClean
	}
	return a.examine(flags.Arg(0))
}

// examine prints all faults of a configuration, each with its file and line, or what
// else is asked for.
func (a *asked) examine(file string) int {
	sections, faults := check.Read(file, os.LookupEnv)
	outputs := check.Outputs(sections)
	var good []*check.Output
	for _, s := range outputs {
		o, found := check.Check(s, os.Getenv, version)
		if faults = append(faults, found...); o.Settings != nil {
			good = append(good, o)
		}
	}
	for _, f := range faults {
		fmt.Fprintln(a.out, f)
	}
	if a.settings {
		for _, o := range good {
			printSettings(a.out, o)
		}
	}
	switch {
	case len(faults) > 0:
		fmt.Fprintf(a.out, "%s: %d faults\n", file, len(faults))
		return exitFaults
	case len(outputs) == 0:
		fmt.Fprintf(a.out, "%s: no output of it is called edge\n", file)
		return exitFaults
	}
	fmt.Fprintf(a.out, "%s: %d outputs called edge, no fault\n", file, len(outputs))
	return a.trySample(good)
}

// trySample shows what outputs make of the sample records, if there are any.
func (a *asked) trySample(outputs []*check.Output) int {
	if a.sample == "" {
		return exitClean
	}
	records := a.stdin
	if a.sample != "-" {
		f, err := os.Open(a.sample)
		if err != nil {
			fmt.Fprintln(a.out, err)
			return exitUsage
		}
		defer f.Close()
		records = f
	}
	err := check.Sample(outputs, a.tag, records, a.out)
	if err != nil {
		fmt.Fprintln(a.out, "sample:", err)
		return exitFaults
	}
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
