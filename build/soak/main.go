// Command soak measures the cost of the library in an agent that has little to do: cpu,
// mem and thermal each second, Datadog (a local intake) and /metrics on, scraped every
// 15 s. It prints a line a minute: memory above that of the bare test host, threads and
// CPU. At the end it prints the maximum, and whether it stayed flat.
//
// The library is read from the disk, as after a boot.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"math"
	"net/http"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"out_edge/build/harness"
	"out_edge/build/intake"
)

func main() {
	minutes := flag.Float64("minutes", 30, "how long to measure")
	listen := flag.String("listen", "127.0.0.1:2029", "address of /metrics")
	arch := flag.String("arch", "", "armv7 or arm64 run under qemu: of armv7 the emulator's own memory is left out, of arm64 it is not")
	flag.Parse()
	if err := run(*minutes, *listen, *arch); err != nil {
		log.Fatal("soak: ", err)
	}
}

func run(minutes float64, listen, name string) error {
	arch := harness.Native()
	switch name {
	case "armv7":
		arch = harness.ARMv7()
	case "arm64":
		arch = harness.ARM64()
	}
	dir, err := os.MkdirTemp("", "out_edge-soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	kit, err := harness.NewKit(dir, arch)
	if err != nil {
		return err
	}
	ctx := context.Background()
	library, err := kit.Library(ctx, "./plugin")
	if err != nil {
		return err
	}
	if err := harness.Uncache(library); err != nil {
		return err
	}
	in, err := intake.Start(intake.Config{CountOnly: true})
	if err != nil {
		return err
	}
	defer in.Close()
	w := watch{minutes: minutes, library: library, end: math.MaxUint64, listen: listen, began: time.Now()}
	if name == "armv7" {
		w.end = harness.GuestEnd
	}
	fmt.Println("minute  resident  anonymous  the library's file  threads  CPU ms")
	p, err := kit.Start(ctx, harness.Run{
		Library: library, V5: true, Threads: 1, RetryLimit: "no_limits",
		Live: []string{"cpu", "mem", "thermal"}, Interval: time.Second,
		Outputs: []harness.Output{{Name: "edge", Properties: harness.Props("listen", listen, "apikey", "k",
			"dd_url", in.URL(), "dd_metrics_url", in.URL())}},
		Seconds: minutes * 60, Timeout: time.Duration(minutes*float64(time.Minute)) + time.Minute,
		ReportEvery: 15 * time.Second, OnReport: w.report,
	})
	if err != nil {
		return err
	}
	w.pid.Store(int64(p.Pid()))
	res, err := p.Wait()
	if err != nil {
		return err
	}
	fmt.Printf("chunks %d, OK %d; at most %d KiB above the host, %d of it anonymous; between the halves it grew by %d KiB\n",
		res.Outputs[0].Chunks, res.Outputs[0].OK, w.most.All, w.most.Anonymous, median(w.second)-median(w.first))
	return nil
}

// started is how many threads the host starts after BeforeLoad: engine and worker.
const started = 2

// watch records the host's memory from each of its reports.
type watch struct {
	minutes       float64
	library       string
	end           uint64 // of the addresses that count
	listen        string
	began         time.Time
	pid           atomic.Int64
	most          harness.Resident
	first, second []int // resident, in each half
}

func (w *watch) report(r harness.Result) {
	scrape(w.listen)
	pid := int(w.pid.Load())
	if pid == 0 {
		return
	}
	now, err := harness.ResidentOf(pid, w.library, w.end)
	if err != nil {
		log.Print("soak: ", err)
		return
	}
	if w.end == math.MaxUint64 { // an emulated host tells the emulator's
		now.All -= r.BeforeLoad.RSSKB
		now.Anonymous -= r.BeforeLoad.RSSAnonKB
	}
	w.most.All, w.most.Anonymous = max(w.most.All, now.All), max(w.most.Anonymous, now.Anonymous)
	at := time.Since(w.began).Minutes()
	if at < w.minutes/2 {
		w.first = append(w.first, now.All)
	} else {
		w.second = append(w.second, now.All)
	}
	if int(math.Round(at*4))%4 == 0 {
		fmt.Printf("%6.1f  %8d  %9d  %18d  %7d  %6d\n", at, now.All, now.Anonymous, now.Library,
			r.Now.Threads-r.BeforeLoad.Threads-started, r.Now.CPUMs)
	}
}

func median(all []int) int {
	slices.Sort(all)
	if len(all) == 0 {
		return 0
	}
	return all[len(all)/2]
}

// scrape reads the page like Prometheus.
func scrape(listen string) {
	resp, err := http.Get("http://" + listen + "/metrics")
	if err != nil {
		log.Print("soak: ", err)
		return
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		log.Print("soak: ", err)
	}
}
