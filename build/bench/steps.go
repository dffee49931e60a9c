package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"out_edge/build/testkit"
)

// benchTime is how long each benchmark runs in a round.
const benchTime = "200ms"

// step is a benchmark beside the code.
type step struct {
	pkg, bench string
	row
}

// Names of what the steps are compared with.
const (
	theirDecode = "fluent-bit-go's decoder"
	theirJSON   = "fluent-bit-go, encoding/json"
	theirGzip   = "fluent-bit-go, encoding/json, compress/gzip"
	theirModels = "fluent-bit-go, Datadog's models"
)

// steps of a log record, and of samples.
func stepsOf() []step {
	record := func(bench, name, beside string) step {
		return step{"ddsink", "BenchmarkSteps/" + bench, row{Part: "log record", Name: name, Thing: "record", Beside: beside}}
	}
	flush := func(compress string) step {
		return step{"plugin/pipeline", "BenchmarkFlush/" + compress, row{Part: "log record", Name: "a whole flush, " + compress, Thing: "record", Beside: theirGzip}}
	}
	sample := func(pkg, bench, name, thing string) step {
		return step{pkg, bench, row{Part: "metrics", Name: name, Thing: thing}}
	}
	return []step{
		record("decode", "decode", theirDecode), record("repair", "decode, repair", theirDecode),
		record("json", "decode, repair, JSON", theirJSON), record("gzip", "decode, repair, JSON, gzip", theirGzip),
		record("zstd", "decode, repair, JSON, zstd", theirGzip),
		flush("off"), flush("gzip"), flush("zstd"),
		sample("exporter", "BenchmarkObserve/cpu.1", "a cpu record → series shown", "op"),
		sample("exporter/rules", "BenchmarkObserve/counter", "a record → a rule's counter", "op"),
		sample("exporter/rules", "BenchmarkObserve/histogram", "a record → a rule's histogram", "op"),
		sample("plugin/cmetrics", "BenchmarkAppendMetrics", "a metrics event → samples", "sample"),
		sample("exporter", "BenchmarkApply", "samples → series shown", "sample"),
		sample("exporter", "BenchmarkScrape/identity", "a scrape, client included", "series"),
		sample("exporter/remotewrite", "BenchmarkSend/version_2", "remote write", "sample"),
	}
}

// steps measures them in turn, with the baseline.
func (s *settings) steps(ctx context.Context, r *report) error {
	intake, err := startReceiver()
	if err != nil {
		return err
	}
	defer intake.close()
	all, theirs := stepsOf(), baselineRows()
	baseline, err := s.build(ctx, filepath.Join(s.root, "build", "bench", "baseline"), "build", ".")
	if err != nil {
		return err
	}
	for range s.rounds {
		for i := range all {
			if err := s.stepOnce(ctx, &all[i], intake.addr); err != nil {
				return err
			}
		}
		if err := baselineOnce(ctx, baseline, theirs); err != nil {
			return err
		}
		if _, err := intake.received(); err != nil {
			return err
		}
	}
	for _, one := range all {
		r.Rows = append(r.Rows, one.row)
	}
	r.Rows = append(r.Rows, theirs...)
	return nil
}

// build builds a package, or its tests, in a folder of a module.
func (s *settings) build(ctx context.Context, dir string, args ...string) (string, error) {
	bin := filepath.Join(s.dir, strings.NewReplacer("/", "_", ".", "").Replace(dir+strings.Join(args, "_")))
	if _, err := os.Stat(bin); err == nil {
		return bin, nil
	}
	cmd := exec.CommandContext(ctx, "go", append(args[:len(args)-1:len(args)-1], "-o", bin, args[len(args)-1])...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go %s in %s: %w\n%s", strings.Join(args, " "), dir, err, out)
	}
	return bin, nil
}

// stepOnce runs a benchmark for a moment.
func (s *settings) stepOnce(ctx context.Context, one *step, intake string) error {
	bin, err := s.build(ctx, s.root, "test", "-c", "./"+one.pkg)
	if err != nil {
		return err
	}
	pattern := "^" + strings.ReplaceAll(one.bench, "/", "$/^") + "$"
	cmd := exec.CommandContext(ctx, bin, "-test.run", "^$", "-test.bench", pattern, "-test.benchmem", "-test.benchtime", benchTime)
	cmd.Dir, cmd.Env = filepath.Join(s.root, one.pkg), append(os.Environ(), "GOMAXPROCS=1", "BENCH_INTAKE=http://"+intake)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", one.bench, err, out)
	}
	got := metricsOf(string(out))
	cpu, ok := got["cpu-ns/"+one.Thing]
	if !ok {
		return fmt.Errorf("%s reports no cpu-ns/%s:\n%s", one.bench, one.Thing, out)
	}
	one.least(cpu)
	one.Bytes, one.Allocs = got["B/record"], got["allocs/op"]
	if one.Thing == "record" {
		one.Allocs /= 1000
	}
	return nil
}

// least keeps the least time.
func (r *row) least(cpu float64) {
	if r.CPUNanos == 0 || cpu < r.CPUNanos {
		r.CPUNanos = cpu
	}
}

var metricPattern = regexp.MustCompile(`\s([\d.]+) (\S+)`)

// metricsOf are the figures of a benchmark's line, by unit.
func metricsOf(out string) map[string]float64 {
	got := map[string]float64{}
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "Benchmark") {
			continue
		}
		for _, m := range metricPattern.FindAllStringSubmatch(line, -1) {
			got[m[2]], _ = strconv.ParseFloat(m[1], 64)
		}
	}
	return got
}

func baselineRows() []row {
	var all []row
	for _, name := range []string{theirDecode, theirJSON, theirGzip, theirModels} {
		all = append(all, row{Part: "log record", Name: name, Thing: "record"})
	}
	return all
}

// baselineOnce lets others' code work on the same records.
func baselineOnce(ctx context.Context, bin string, rows []row) error {
	cmd := exec.CommandContext(ctx, bin)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stdin = bytes.NewReader(testkit.LogChunk(1000, 1764771798))
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("run the baseline: %w", err)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		var name string
		var cpu, size, allocs float64
		if _, err := fmt.Sscan(line, &name, &cpu, &size, &allocs); err != nil {
			return fmt.Errorf("read the baseline's %q: %w", line, err)
		}
		rows[i].least(cpu)
		rows[i].Bytes, rows[i].Allocs = size, allocs
	}
	return nil
}
