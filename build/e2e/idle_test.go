package e2e_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/intake"
)

// What the library costs an agent that has little to do, and that it stays so.
func TestIdleCost(t *testing.T) {
	t.Parallel()
	const (
		ofHost     = 3        // threads: main, engine, worker
		maxThreads = 10       // beside them
		maxGrowth  = 2 << 10  // KiB
		maxMemory  = 16 << 10 // KiB, above the host, once start-up is over
		seconds    = 30
	)
	in := startIntake(t, intake.Config{CountOnly: true})
	own := filepath.Join(t.TempDir(), "out_edge.so") // mapped by no other test
	data, err := os.ReadFile(library(t))
	if err := errors.Join(err, os.WriteFile(own, data, 0o600), harness.Uncache(own)); err != nil {
		t.Fatal(err)
	}
	r := harness.Run{Library: own, V5: true, Threads: 1, Live: []string{"cpu", "mem", "thermal"}, Interval: time.Second, Sysfs: thermalSysfs(t),
		Seconds: seconds, ReportEvery: 100 * time.Millisecond, Outputs: []harness.Output{serving(toIntake(in))}}
	l := start(t, r)
	addr := l.address()
	scraped := scrape(t, addr, 5)
	res, err := l.Wait()
	if err != nil {
		t.Fatal(err)
	}
	<-scraped
	second, last := rssOf(res.Reports, seconds/3., 2*seconds/3.), rssOf(res.Reports, 2*seconds/3., seconds)
	threads := 0
	for _, rep := range res.Reports {
		threads = max(threads, rep.Now.Threads-ofHost)
	}
	t.Logf("%d KiB resident above the bare host (%d KiB of it anonymous), at most %d threads; %d KiB, then %d KiB; %d ms of CPU in %d s",
		res.Now.RSSKB-res.BeforeLoad.RSSKB, res.Now.RSSAnonKB-res.BeforeLoad.RSSAnonKB, threads, second, last, res.Now.CPUMs-res.AfterInit.CPUMs, seconds)
	if threads > maxThreads {
		t.Errorf("%d threads, over %d", threads, maxThreads)
	}
	if above := last - res.BeforeLoad.RSSKB; above > maxMemory {
		t.Errorf("%d KiB resident above the bare host, over %d", above, maxMemory)
	}
	if last-second > maxGrowth {
		t.Errorf("resident memory grew from %d to %d KiB", second, last)
	}
	if o := res.Outputs[0]; o.OK != o.Chunks || o.Chunks < 2*seconds {
		t.Errorf("%+v\n%s", o, res.Stderr)
	}
}

// scrape fetches /metrics n times, one in 5 s.
func scrape(t *testing.T, addr string, n int) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range n {
			<-time.After(5 * time.Second)
			if _, page := ask(t, "http://"+addr+"/metrics"); page == "" {
				t.Error("/metrics is empty")
			}
		}
	}()
	return done
}

// rssOf is the median resident memory, in KiB, of a part of the run.
func rssOf(reports []harness.Result, from, to float64) int {
	var all []int
	for _, r := range reports {
		if r.Seconds >= from && r.Seconds < to {
			all = append(all, r.Now.RSSKB)
		}
	}
	slices.Sort(all)
	if len(all) == 0 {
		return 0
	}
	return all[len(all)/2]
}
