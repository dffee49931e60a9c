package guard_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/testkit"
)

const (
	// slack is how far above its stored figure a cost may be.
	slack = 1.05
	// stays is how far a cost may be from its stored figure for that to be kept when the
	// figures are written anew.
	stays = 0.01
	// tries is how often a cost is measured: the hash seed of Go's maps, which is another
	// in each process, moves most by 2 %, and a rule's by 20. The least counts. What is
	// too high then is measured as often again after the others, as what else runs comes
	// and goes.
	tries = 3
)

// benchmark is one that is counted, per repetition.
type benchmark struct {
	pkg, name string
	// few and many are the numbers of repetitions that are compared.
	few, many int
}

var benchmarks = []benchmark{
	{"timefix", "BenchmarkRepair/good", 1000, 101_000},
	{"ddsink", "BenchmarkSteps/decode", 5, 55},
	{"ddsink", "BenchmarkSteps/json", 5, 25},
	{"ddsink", "BenchmarkSteps/gzip", 5, 15},
	{"ddsink", "BenchmarkSteps/zstd", 5, 15},
	{"plugin/cmetrics", "BenchmarkAppendMetrics", 5, 25},
	{"exporter", "BenchmarkApply", 100, 300},
	{"exporter", "BenchmarkObserve/cpu.1", 100, 1100},
	{"exporter", "BenchmarkScrape/identity", 2, 12},
	{"exporter", "BenchmarkScrapeOfFew/identity", 50, 150},
	{"exporter/rules", "BenchmarkObserve/counter", 100, 2100},
	{"exporter/remotewrite", "BenchmarkSend/version_2", 20, 120},
}

// still are the settings of a process that is counted: nothing that depends on the
// machine's processor, on a timer or on the size of the heap.
var still = []string{"GODEBUG=cpu.all=off,asyncpreemptoff=1", "GOGC=off", "GOMAXPROCS=1"}

var cachegrind = []string{"valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"}

func TestGoldenCosts(t *testing.T) {
	if _, err := exec.LookPath("valgrind"); err != nil {
		t.Fatal("there is no valgrind: make deps installs it")
	}
	g := readFigures(t)
	dir := t.TempDir()
	for _, b := range benchmarks {
		t.Run(b.pkg+"/"+b.name, func(t *testing.T) {
			c := counter{bin: testBinary(t, dir, b.pkg), dir: filepath.Join(testkit.Root(t), b.pkg), benchmark: b}
			g.check(t, b.pkg+" "+b.name+" allocations", c.allocations)
			if g.sameGo {
				g.check(t, b.pkg+" "+b.name+" instructions", c.instructions)
			}
		})
	}
	if g.sameGo {
		whole := library(t) // lasts until the end, as it may be asked again
		t.Run("library", func(t *testing.T) { g.check(t, "library record instructions", whole) })
	}
	if !g.sameGo {
		t.Logf("instructions were not compared: the figures are those of %s, this is %s (make golden writes them anew)", g.goVersion, runtime.Version())
	}
	for _, a := range g.again {
		t.Run("again/"+a.key, func(t *testing.T) { g.judge(t, a.key, min(a.cost, g.least(t, a.key, a.measure))) })
	}
	g.write(t)
}

// testBinary builds the tests of a package, once.
func testBinary(t *testing.T, dir, pkg string) string {
	t.Helper()
	bin := filepath.Join(dir, strings.ReplaceAll(pkg, "/", "_")+".test")
	if _, err := os.Stat(bin); err == nil {
		return bin
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", bin, "./"+pkg)
	cmd.Dir = testkit.Root(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the tests of %s: %v\n%s", pkg, err, out)
	}
	return bin
}

// counter counts one benchmark.
type counter struct {
	bin, dir string
	benchmark
}

// run runs the benchmark a number of times.
func (c counter) run(t *testing.T, n int, wrap ...string) string {
	t.Helper()
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(c.name), "/", "$/^") + "$"
	line := append(wrap, c.bin, "-test.run", "^$", "-test.bench", pattern, "-test.benchmem", "-test.benchtime", strconv.Itoa(n)+"x")
	cmd := exec.CommandContext(t.Context(), line[0], line[1:]...)
	cmd.Dir, cmd.Env = c.dir, append(os.Environ(), still...)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "ns/op") {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

func (c counter) instructions(t *testing.T) float64 {
	few, many := refs(t, c.run(t, c.few, cachegrind...)), refs(t, c.run(t, c.many, cachegrind...))
	return (many - few) / float64(c.many-c.few)
}

func (c counter) allocations(t *testing.T) float64 {
	return number(t, c.run(t, c.many), `(\d+) allocs/op`)
}

// refs is the number of instructions that cachegrind reports.
func refs(t *testing.T, out string) float64 {
	t.Helper()
	return number(t, out, `I +refs: +([\d,]+)`)
}

func number(t *testing.T, text, pattern string) float64 {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no %s in:\n%s", pattern, text)
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(m[1], ",", ""), 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// library counts a log record's whole way through the library in the C host, which makes
// the record too: cgo, parking, decode, repair, JSON, gzip, HTTP.
func library(t *testing.T) func(*testing.T) float64 {
	kit, err := harness.NewKit(t.TempDir(), harness.Native())
	if err != nil {
		t.Fatal(err)
	}
	lib, err := kit.Library(t.Context(), "./plugin")
	if err != nil {
		t.Fatal(err)
	}
	intake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(intake.Close)
	run := func(t *testing.T, records int) float64 {
		t.Helper()
		res, err := kit.Run(t.Context(), harness.Run{Library: lib, V5: true, Wrap: cachegrind, Env: still, Timeout: 5 * time.Minute,
			Generate: harness.Generate{Records: records, PerChunk: 1000},
			Outputs:  []harness.Output{{Properties: harness.Props("listen", "off", "apikey", "key", "dd_url", intake.URL, "dd_metrics_url", intake.URL)}}})
		if err != nil || res.Outputs[0].RecordsOK != records {
			t.Fatalf("%d of %d records were delivered: %v", res.Outputs[0].RecordsOK, records, err)
		}
		return refs(t, res.Stderr)
	}
	return func(t *testing.T) float64 { return (run(t, 30_000) - run(t, 10_000)) / 20_000 }
}

// figures are the stored costs.
type figures struct {
	goVersion string
	sameGo    bool
	old       map[string]float64
	lines     []string
	again     []suspect
}

// suspect is a cost that was too high.
type suspect struct {
	key     string
	cost    float64
	measure func(*testing.T) float64
}

const figuresFile = "testdata/costs.txt"

func readFigures(t *testing.T) *figures {
	t.Helper()
	g := &figures{old: map[string]float64{}}
	text, err := os.ReadFile(figuresFile)
	if err != nil && !testkit.Update() {
		t.Fatalf("%v (make golden writes it)", err)
	}
	for line := range strings.Lines(string(text)) {
		cut := strings.LastIndexByte(strings.TrimSpace(line), ' ')
		if key := line[:max(cut, 0)]; key == "go" {
			g.goVersion = strings.TrimSpace(line[cut:])
		} else if v, err := strconv.ParseFloat(strings.TrimSpace(line[cut+1:]), 64); err == nil {
			g.old[key] = v
		}
	}
	g.sameGo = testkit.Update() || g.goVersion == runtime.Version()
	return g
}

// check measures a cost, and judges it unless that is for later.
func (g *figures) check(t *testing.T, key string, measure func(*testing.T) float64) {
	t.Helper()
	cost := g.least(t, key, measure)
	if old, known := g.old[key]; known && cost > old*slack && !testkit.Update() {
		g.again = append(g.again, suspect{key, cost, measure})
		return
	}
	g.judge(t, key, cost)
}

// least measures until the cost is low enough. For the stored figure it is the most that
// counts, so that what differs from process to process does not trip a later check.
func (g *figures) least(t *testing.T, key string, measure func(*testing.T) float64) float64 {
	t.Helper()
	cost := measure(t)
	for range tries - 1 {
		switch {
		case testkit.Update():
			cost = max(cost, measure(t))
		case cost > g.old[key]*slack:
			cost = min(cost, measure(t))
		}
	}
	return cost
}

// judge compares a cost with the stored one.
func (g *figures) judge(t *testing.T, key string, cost float64) {
	t.Helper()
	old, known := g.old[key]
	switch {
	case testkit.Update():
		if known && cost >= old*(1-stays) && cost <= old*(1+stays) {
			cost = old
		}
	case !known:
		t.Errorf("%s is not in %s (make golden writes it)", key, figuresFile)
	case cost > old*slack:
		t.Errorf("%s: %.0f, %.1f %% over the stored %.0f; if that is the price of something good, make golden stores it, and the commit says why", key, cost, 100*(cost/old-1), old)
	case cost < old/slack:
		t.Logf("%s: %.0f, less than the stored %.0f: make golden stores it", key, cost, old)
	}
	g.lines = append(g.lines, fmt.Sprintf("%s %.0f", key, cost))
}

func (g *figures) write(t *testing.T) {
	if !testkit.Update() {
		return
	}
	text := "go " + runtime.Version() + "\n" + strings.Join(g.lines, "\n") + "\n"
	if err := os.MkdirAll(filepath.Dir(figuresFile), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(figuresFile, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
