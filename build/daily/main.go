// Command daily measures what a device sends a day to Datadog and by remote write, by
// what it collects and how often. It prints the table of docs/delivery.md.
//
// Each row is an hour (-hours) of one device: its records, as Fluent Bit's inputs make
// them, go through the whole pipeline and over TLS into a receiver on this machine that
// accepts everything. The hour passes as fast as the machine allows. Bytes are those in
// TCP in both directions, headers of HTTP and TLS included, those of IP and TCP not.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"text/tabwriter"
	"time"
)

func main() {
	log.SetFlags(0)
	hours := flag.Float64("hours", 1, "how long each device runs")
	flag.Parse()
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 0, ' ', 0)
	fmt.Fprintln(w, "| what | inputs | each | Datadog requests a day | Datadog a day | remote write requests a day | remote write a day |")
	fmt.Fprintln(w, "| --- | --- | --- | --- | --- | --- | --- |")
	for _, d := range devices() {
		for _, every := range []time.Duration{time.Second, 10 * time.Second, time.Minute} {
			if err := row(w, d, every, time.Duration(*hours*float64(time.Hour))); err != nil {
				log.Fatal(err)
			}
		}
	}
	if err := w.Flush(); err != nil {
		log.Fatal(err)
	}
}

// row measures one device, and writes what it sends a day.
func row(w *tabwriter.Writer, d device, every, span time.Duration) error {
	used, err := run(context.Background(), d, every, span)
	if err != nil {
		return fmt.Errorf("%s, each %v: %w", d.name, every, err)
	}
	var datadog, remote [2]string
	if !d.logs() {
		remote = [2]string{count(used.remote.requests, span), megabytes(used.remote.bytes, span)}
	}
	if d.rules == "" {
		datadog = [2]string{count(used.datadog.requests, span), megabytes(used.datadog.bytes, span)}
	}
	fmt.Fprintf(w, "| %s | %d | %g s | %s | %s | %s | %s |\n", d.name, len(d.inputs), every.Seconds(),
		datadog[0], datadog[1], remote[0], remote[1])
	return nil
}

// perDay is what becomes of n in a span in a day.
func perDay(n int64, span time.Duration) float64 {
	return float64(n) * float64(24*time.Hour) / float64(span)
}

func count(n int64, span time.Duration) string { return fmt.Sprintf("%.0f", perDay(n, span)) }

func megabytes(n int64, span time.Duration) string {
	return fmt.Sprintf("%.2f MB", perDay(n, span)/1e6)
}
