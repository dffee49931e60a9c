// Command soak measures what the library costs an agent that has little to do:
// cpu, mem and thermal each second, Datadog (a local intake) and /metrics on,
// scraped every 15 s. It prints a line a minute: memory on top of the bare test
// host, threads and CPU; at the end, whether memory stayed flat.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"out_edge/build/harness"
	"out_edge/build/intake"
)

func main() {
	minutes := flag.Float64("minutes", 30, "how long to measure")
	listen := flag.String("listen", "127.0.0.1:2029", "address of /metrics")
	arch := flag.String("arch", "", "armv7 or arm64 run under qemu, whose memory is counted too")
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
	in, err := intake.Start(intake.Config{CountOnly: true})
	if err != nil {
		return err
	}
	defer in.Close()
	var early, late harness.Usage
	began := time.Now()
	fmt.Println("minute  RSS above the host  of it anonymous  threads  CPU ms")
	res, err := kit.Run(ctx, harness.Run{
		Library: library, V5: true, Threads: 1, RetryLimit: "no_limits",
		Live: []string{"cpu", "mem", "thermal"}, Interval: time.Second,
		Outputs: []harness.Output{{Name: "edge", Properties: harness.Props("listen", listen, "apikey", "k",
			"dd_url", in.URL(), "dd_metrics_url", in.URL())}},
		Seconds: minutes * 60, Timeout: time.Duration(minutes*float64(time.Minute)) + time.Minute,
		ReportEvery: 15 * time.Second,
		OnReport: func(r harness.Result) {
			scrape(listen)
			at := time.Since(began).Minutes()
			if at < minutes/2 {
				early = r.Now
			}
			late = r.Now
			if int(at*4)%4 == 0 {
				fmt.Printf("%6.1f  %8d kB        %8d kB      %5d   %6d\n", at, r.Now.RSSKB-r.BeforeLoad.RSSKB,
					r.Now.RSSAnonKB-r.BeforeLoad.RSSAnonKB, r.Now.Threads, r.Now.CPUMs)
			}
		},
	})
	if err != nil {
		return err
	}
	fmt.Printf("chunks %d, OK %d; second half grew by %d kB; peak %d kB above the host\n", res.Outputs[0].Chunks, res.Outputs[0].OK,
		late.RSSKB-early.RSSKB, res.Now.PeakRSSKB-res.BeforeLoad.RSSKB)
	return nil
}

// scrape reads the page as a Prometheus would.
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
