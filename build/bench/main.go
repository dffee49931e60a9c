// Command bench measures out_edge beside what others take for the same work, in one run,
// and prints the tables of docs/speed.md. It measures processor time, not wall time, and
// all rows in turn, several rounds; the least of each row counts. So other work on the
// machine changes the ratios little.
//
//   - Steps of a record's way are the benchmarks beside the code; beside them fluent-bit-go's
//     decoder with encoding/json and compress/gzip, and the models of Datadog's client.
//   - Where a fluent-bit is on PATH, whole agents read the same file into out_edge and into
//     Fluent Bit's own outputs. What one takes with the null output is taken off.
//   - Growth is what grows when one thing does: records, fields, tags, series, backlog, workers.
//
// The receiver is a process of its own that only reads.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// settings are the flags.
type settings struct {
	rounds, lines, seconds int
	parts, agent, out      string
	// root is the source tree, dir a folder for what is built.
	root, dir string
}

// row is a line of a table: what one thing (a record, a sample, a series) costs.
type row struct {
	Part  string `json:"part"`
	Name  string `json:"name"`
	Thing string `json:"thing"`
	// CPUNanos is the processor's time a thing; Bytes what leaves, Allocs the
	// allocations, 0 where they are not known. PeakMiB is the agent's memory.
	CPUNanos float64 `json:"cpu_ns"`
	Bytes    float64 `json:"bytes,omitempty"`
	Allocs   float64 `json:"allocs,omitempty"`
	PeakMiB  float64 `json:"peak_mib,omitempty"`
	// Switches are those between threads in a second.
	Switches float64 `json:"switches,omitempty"`
	// Beside is the row that it is compared with.
	Beside string `json:"beside,omitempty"`
}

// report is what is measured in one run: -out writes it, and plots are drawn of it.
type report struct {
	Machine string  `json:"machine"`
	Go      string  `json:"go"`
	Rows    []row   `json:"rows"`
	Growth  []curve `json:"growth"`
}

func main() {
	log.SetFlags(0)
	if len(os.Args) == 2 && os.Args[1] == receiverArg {
		if err := serveReceiver(); err != nil {
			log.Fatal(err)
		}
		return
	}
	var s settings
	flag.IntVar(&s.rounds, "rounds", 5, "how often each row is measured")
	flag.IntVar(&s.lines, "lines", 300_000, "log lines that an agent reads")
	flag.IntVar(&s.seconds, "seconds", 60, "how long quiet agents run, side by side")
	flag.StringVar(&s.parts, "parts", "steps,agents,quiet,growth", "what is measured")
	flag.StringVar(&s.agent, "agent", "", "path of fluent-bit (default: that on PATH)")
	flag.StringVar(&s.out, "out", "", "write the figures to this file too; those of parts that are not measured stay in it")
	plots := flag.String("plot", "", "instead: draw the plots of the figures in -out into this folder")
	flag.Parse()
	var err error
	if *plots != "" {
		err = drawPlots(s.out, *plots)
	} else {
		err = s.run(context.Background())
	}
	if err != nil {
		log.Fatal(err)
	}
}

func (s *settings) run(ctx context.Context) (err error) {
	if s.dir, err = os.MkdirTemp("", "bench"); err != nil {
		return err
	}
	defer os.RemoveAll(s.dir)
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return fmt.Errorf("find the source tree: %w", err)
	}
	s.root = filepath.Dir(strings.TrimSpace(string(mod)))
	if s.agent == "" {
		s.agent, _ = exec.LookPath("fluent-bit")
	}
	r := report{Machine: machine(), Go: runtime.Version()}
	for _, part := range strings.Split(s.parts, ",") {
		measure, known := parts[part]
		if !known {
			return fmt.Errorf("unknown part %q", part)
		}
		if err := measure(s, ctx, &r); err != nil {
			return fmt.Errorf("measure %s: %w", part, err)
		}
	}
	fmt.Printf("%s, %s\n", r.Machine, r.Go)
	printRows(os.Stdout, r.Rows)
	printGrowth(os.Stdout, r.Growth)
	if s.out == "" {
		return nil
	}
	return r.save(s.out)
}

var parts = map[string]func(*settings, context.Context, *report) error{
	"steps":  (*settings).steps,
	"agents": (*settings).agents,
	"quiet":  (*settings).quiet,
	"growth": (*settings).growth,
}

// save writes the figures; those of parts that were not measured stay.
func (r *report) save(path string) error {
	old, err := load(path)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	measured := map[string]bool{}
	for _, row := range r.Rows {
		measured[row.Part] = true
	}
	for _, row := range old.Rows {
		if !measured[row.Part] {
			r.Rows = append(r.Rows, row)
		}
	}
	if len(r.Growth) == 0 {
		r.Growth = old.Growth
	}
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

func load(path string) (r report, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(b, &r)
}

// machine describes the processor.
func machine() string {
	model := runtime.GOARCH
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(b), "model name\t: "); ok {
			model, _, _ = strings.Cut(rest, "\n")
		}
	}
	return fmt.Sprintf("%d cores, %s (%s)", runtime.NumCPU(), runtime.GOARCH, strings.TrimSpace(model))
}
