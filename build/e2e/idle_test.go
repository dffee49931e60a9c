package e2e_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/intake"
)

const (
	idleSeconds = 30
	scrapeEvery = 5.       // seconds
	maxThreads  = 10       // beside the host's
	maxGrowth   = 2 << 10  // KiB
	maxMemory   = 16 << 10 // KiB, above the host, once start-up is over
)

// What the library costs an agent that has little to do, and that it stays so.
func TestIdleCost(t *testing.T) {
	t.Parallel()
	idleCost(t, kit, func(_ int, _ string, r harness.Result) (int, error) { return r.Now.RSSKB - r.BeforeLoad.RSSKB, nil })
}

// Under qemu the host tells the emulator's memory; the emulated program's, the
// host's own included, lies below GuestEnd.
func TestIdleCostOnARMv7(t *testing.T) {
	t.Parallel()
	k, err := armv7()
	if err != nil {
		t.Fatal(err)
	}
	idleCost(t, k, func(pid int, library string, _ harness.Result) (int, error) {
		sum, err := harness.ResidentOf(pid, library, harness.GuestEnd)
		return sum.All, err
	})
}

// idleSample is what a host held at a time.
type idleSample struct {
	seconds           float64
	resident, threads int // KiB; beside the host's
}

// idleCost runs a host with little to do; resident gives the library's share.
func idleCost(t *testing.T, k *harness.Kit, resident func(pid int, library string, r harness.Result) (int, error)) {
	t.Helper()
	const ofHost = 2 // threads after BeforeLoad: engine, worker
	in := startIntake(t, intake.Config{CountOnly: true})
	own := filepath.Join(t.TempDir(), "out_edge.so") // mapped by no other test
	data, err := os.ReadFile(libraryOf(t, k))
	if err := errors.Join(err, os.WriteFile(own, data, 0o600), harness.Uncache(own)); err != nil {
		t.Fatal(err)
	}
	due, next := make(chan struct{}, idleSeconds), scrapeEvery // of the host's time; not at its end
	var pid atomic.Int64
	var samples []idleSample // the reader's until Wait returns
	r := harness.Run{Library: own, V5: true, Threads: 1, Live: []string{"cpu", "mem", "thermal"}, Interval: time.Second, Sysfs: thermalSysfs(t),
		Seconds: idleSeconds, ReportEvery: 250 * time.Millisecond, Outputs: []harness.Output{serving(toIntake(in))},
		OnReport: func(r harness.Result) {
			for ; next <= min(r.Seconds, idleSeconds-scrapeEvery); next += scrapeEvery {
				due <- struct{}{}
			}
			if pid.Load() == 0 {
				return
			}
			kib, err := resident(int(pid.Load()), own, r)
			if err != nil {
				t.Errorf("read memory: %v", err)
			}
			samples = append(samples, idleSample{r.Seconds, kib, r.Now.Threads - r.BeforeLoad.Threads - ofHost})
		}}
	l := startOn(t, k, r)
	pid.Store(int64(l.Pid()))
	scraped := scrape(t, l.address(), due)
	res, err := l.Wait()
	close(due) // no report comes any more
	if err != nil {
		t.Fatal(err)
	}
	<-scraped
	second, last := residentOf(t, samples, idleSeconds/3., 2*idleSeconds/3.), residentOf(t, samples, 2*idleSeconds/3., idleSeconds)
	threads := 0
	for _, s := range samples {
		threads = max(threads, s.threads)
	}
	t.Logf("%d KiB resident above the bare host, then %d KiB; at most %d threads; %d ms of CPU in %d s",
		second, last, threads, res.Now.CPUMs-res.AfterInit.CPUMs, idleSeconds)
	if threads < 1 || threads > maxThreads {
		t.Errorf("%d threads, want 1 to %d", threads, maxThreads)
	}
	if last < 1 || last > maxMemory {
		t.Errorf("%d KiB resident above the bare host, want 1 to %d", last, maxMemory)
	}
	if last-second > maxGrowth {
		t.Errorf("resident memory grew from %d to %d KiB", second, last)
	}
	if o := res.Outputs[0]; o.OK != o.Chunks || o.Chunks < 2*idleSeconds {
		t.Errorf("%+v\n%s", o, res.Stderr)
	}
}

// scrape fetches /metrics each time that it is due.
func scrape(t *testing.T, addr string, due <-chan struct{}) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range due {
			if _, page := ask(t, "http://"+addr+"/metrics"); page == "" {
				t.Error("/metrics is empty")
			}
		}
	}()
	return done
}

// residentOf is the median of a part of the run, which must have been looked at
// once a second.
func residentOf(t *testing.T, samples []idleSample, from, to float64) int {
	t.Helper()
	var all []int
	for _, s := range samples {
		if s.seconds >= from && s.seconds < to {
			all = append(all, s.resident)
		}
	}
	if float64(len(all)) < to-from {
		t.Fatalf("%d reports between %v s and %v s, want at least one a second", len(all), from, to)
	}
	slices.Sort(all)
	return all[len(all)/2]
}
