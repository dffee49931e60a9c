package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// growthEnv makes the test binary a process that prepares a dimension's job and runs it:
// NAME,SIZE,RUNS.
const growthEnv = "BENCH_GROWTH"

func TestMain(m *testing.M) {
	if spec := os.Getenv(growthEnv); spec != "" {
		if err := runGrowth(spec); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func runGrowth(spec string) error {
	part := strings.Split(spec, ";")
	d := dimensionOf(part[0])
	size, err := strconv.Atoi(part[1])
	if err != nil {
		return err
	}
	w, err := newWorld(configOf(d))
	if err != nil {
		return err
	}
	defer w.close(context.Background())
	job, err := d.prepare(w, size)
	for range len(part[2]) { // one character a run
		if err == nil {
			_, err = job()
		}
	}
	return err
}

func dimensionOf(name string) *dimension {
	for _, d := range dimensions() {
		if d.name == name {
			return &d
		}
	}
	panic("no dimension " + name)
}

// worse is how much more than n log n may be.
const worse = 1.15

// TestNothingGrowsFasterThanNLogN counts the instructions of two sizes of everything
// that grows: a thing may cost more where there are many, but only as the logarithm of
// their number. Something quadratic costs ten times as much here.
func TestNothingGrowsFasterThanNLogN(t *testing.T) {
	if _, err := exec.LookPath("valgrind"); err != nil {
		t.Fatal("there is no valgrind: make deps installs it")
	}
	for _, c := range []struct {
		name       string
		small, big int
	}{
		{"records a chunk", 1000, 10_000},
		{"fields a record", 20, 200},
		{"tags", 100, 1000},
		{"series, by remote write", 500, 5000},
		{"series, in a scrape", 500, 5000},
		{"chunks that wait for a receiver", 100, 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			small, big := instructions(t, c.name, c.small)/float64(c.small), instructions(t, c.name, c.big)/float64(c.big)
			t.Logf("%.0f instructions each of %d, %.0f each of %d", small, c.small, big, c.big)
			if limit := small * worse * math.Log(float64(c.big)) / math.Log(float64(c.small)); big > limit {
				t.Errorf("each of %d costs %.0f instructions, each of %d %.0f: more than n log n, which is %.0f", c.small, small, c.big, big, limit)
			}
		})
	}
}

var refs = regexp.MustCompile(`I +refs: +([\d,]+)`)

// instructions is what a job costs: what two take less what one takes.
func instructions(t *testing.T, name string, size int) float64 {
	t.Helper()
	count := func(runs string) float64 {
		cmd := exec.CommandContext(t.Context(), "valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", os.Args[0])
		cmd.Env = append(os.Environ(), "GODEBUG=cpu.all=off,asyncpreemptoff=1", "GOGC=off", "GOMAXPROCS=1", growthEnv+"="+name+";"+strconv.Itoa(size)+";"+runs)
		out, err := cmd.CombinedOutput()
		m := refs.FindSubmatch(out)
		if err != nil || m == nil {
			t.Fatalf("%v\n%s", err, out)
		}
		n, err := strconv.ParseFloat(strings.ReplaceAll(string(m[1]), ",", ""), 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return count("xx") - count("x")
}

// TestAllocationsDoNotGrow counts what one of many allocates, up to sizes at which
// limits begin to act: more than 32,768 points wait for a receiver, more than 4,096
// chunks.
func TestAllocationsDoNotGrow(t *testing.T) {
	for _, c := range []struct {
		name       string
		small, big int
	}{
		{"records a chunk", 1000, 100_000},
		{"fields a record", 20, 200},
		{"tags", 100, 10_000},
		{"series, by remote write", 1000, 50_000},
		{"series, in a scrape", 1000, 20_000},
		{"chunks that wait for a receiver", 256, 8192},
		{"threads that flush", 1, 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			small, big := allocationsOf(t, c.name, c.small), allocationsOf(t, c.name, c.big)
			t.Logf("%v each of %d, %v each of %d", small, c.small, big, c.big)
			if big.times > small.times*worse+1 || big.bytes > small.bytes*worse+512 {
				t.Errorf("each of %d allocates %v, each of %d %v", c.small, small, c.big, big)
			}
		})
	}
}

// allocations is how often one of many allocates, and how much.
type allocations struct{ times, bytes float64 }

func (a allocations) String() string { return fmt.Sprintf("%.2f times, %.0f bytes", a.times, a.bytes) }

// allocationsOf counts once all is warm.
func allocationsOf(t *testing.T, name string, size int) (least allocations) {
	t.Helper()
	d := dimensionOf(name)
	w, err := newWorld(configOf(d))
	if err != nil {
		t.Fatal(err)
	}
	defer w.close(t.Context())
	job, err := d.prepare(w, size)
	if err != nil {
		t.Fatal(err)
	}
	least = allocations{math.Inf(1), math.Inf(1)}
	for range 2 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		things, err := job()
		if err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		least.times = min(least.times, float64(after.Mallocs-before.Mallocs)/float64(things))
		least.bytes = min(least.bytes, float64(after.TotalAlloc-before.TotalAlloc)/float64(things))
	}
	return least
}
