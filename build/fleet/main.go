// Command fleet measures what remote write costs: many simulated devices push to
// one Prometheus, and each push goes through the real sender, encoder and HTTP
// client. It prints the table of docs/remote-write.md.
//
// A device pushes once a minute. The minutes pass as fast as the machine allows;
// CPU time and bytes are then those of a day by 1,440 pushes. Prometheus
// (Debian's package) runs as a process of its own, a fresh one for each row, and
// is asked at the end whether it has every sample.
//
// With -failover two of them stand behind a balancer, and one is killed while the
// devices push: no sample may be lost.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"
	"text/tabwriter"

	"out_edge/exporter/remotewrite"
)

func main() {
	log.SetFlags(0)
	devices := flag.Int("devices", 1000, "simulated devices")
	minutes := flag.Int("minutes", 5, "pushes of each device")
	kill := flag.Bool("failover", false, "instead: two Prometheus behind a balancer, and kill one in between")
	flag.Parse()
	ctx := context.Background()
	if *kill {
		found, want, err := failover(ctx, *devices, *minutes)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d devices, %d pushes each, one of two receivers killed in between: %d of %d samples are there\n", *devices, *minutes, found, want)
		return
	}
	fmt.Printf("%d devices, %d pushes each, %d cores (%s), %s\n\n", *devices, *minutes, runtime.NumCPU(), cpuModel(), runtime.Version())
	var results []result
	for _, p := range plans() {
		p.devices, p.minutes = *devices, *minutes
		r, err := run(ctx, p)
		if err != nil {
			log.Fatalf("%s: %v", p.name(), err)
		}
		results = append(results, r)
	}
	print(os.Stdout, results)
	if err := tryGzip(ctx, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// plan is one row.
type plan struct {
	devices, minutes int
	// every is the seconds between two samples of a series.
	every       int
	version     string
	compression remotewrite.Compression
	receiver    receiverKind
	// reconnect gives the connection up after each push, as a minute's silence
	// does.
	reconnect bool
}

func (p plan) compressionName() string {
	return [...]string{"snappy", "none"}[p.compression]
}

func (p plan) connection() string {
	if p.reconnect {
		return "new"
	}
	return "kept"
}

func (p plan) name() string {
	return fmt.Sprintf("version %s, %s, every %d s, %s, %s connection", p.version, p.compressionName(), p.every, p.receiver, p.connection())
}

func plans() []plan {
	var all []plan
	for _, every := range []int{60, 10} {
		for _, c := range []remotewrite.Compression{remotewrite.Snappy, remotewrite.Stored} {
			all = append(all, plan{every: every, version: remotewrite.Version1, compression: c, reconnect: true})
		}
		all = append(all,
			plan{every: every, version: remotewrite.Version1},
			plan{every: every, version: remotewrite.Version2, receiver: official, reconnect: true},
			plan{every: every, version: remotewrite.Version1, receiver: encrypted, reconnect: true},
			plan{every: every, version: remotewrite.Version1, receiver: encrypted})
	}
	return all
}

// result is what a plan cost, a push.
type result struct {
	plan
	samples          float64
	raw, wire, zstd  float64
	up, down         float64 // over TCP, headers of HTTP and TLS included
	sender, receiver float64 // CPU seconds
}

const pushesADay = 24 * 60

func print(w io.Writer, results []result) {
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprintln(t, "| version\t| compression\t| receiver\t| connection\t| samples a push\t| body, raw\t| body, sent\t| (zstd)\t| up a push\t| down a push\t| a device and day\t| device CPU a day\t| receiver CPU a device and day\t|")
	fmt.Fprintln(t, "| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t|")
	for _, r := range results {
		receiverCPU := "–"
		if r.plan.receiver == prometheus {
			receiverCPU = fmt.Sprintf("%.2f s", r.receiver*pushesADay)
		}
		senderCPU := fmt.Sprintf("%.2f s", r.sender*pushesADay)
		if r.plan.receiver != prometheus { // its receiver runs in this process
			senderCPU = "–"
		}
		fmt.Fprintf(t, "| %s\t| %s\t| %s\t| %s\t| %.0f\t| %.0f B\t| %.0f B\t| %.0f B\t| %.0f B\t| %.0f B\t| %.2f MB\t| %s\t| %s\t|\n",
			r.version, r.compressionName(), r.plan.receiver, r.connection(), r.samples, r.raw, r.wire, r.zstd, r.up, r.down,
			(r.up+r.down)*pushesADay/1e6, senderCPU, receiverCPU)
	}
	_ = t.Flush()
}
