package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"out_edge/build/intake"
)

// tolerance is how far a line's time may be from when it was written: the agent
// stamps a line when it reads it.
const tolerance = 2500 * time.Millisecond

// entry is a log as the intake received it.
type entry struct {
	Message   string `json:"message"`
	Timestamp int64  `json:"timestamp"`
}

func (d *demo) introduce(carrier string) {
	fmt.Fprintf(d.out, `
out_edge runs in %s

  metrics  http://%[2]s/metrics
  page     http://%[2]s/
  repairs  http://%[2]s/debug/time
  log file %s (lines that you append arrive too)

Fluent Bit's own datadog output multiplies seconds by 1000. On 32-bit ARM that leaves
32 bits, read with a sign: Datadog answers 202 to such a log and never shows it.
Every few seconds: the latest logs as the intake received them, and beside the time
that it got the one that out_datadog would have sent from a 32-bit device.

  sent by out_edge   out_datadog, 32 bits
`, carrier, d.listen, d.logFile)
}

// watch shows what arrives until ctx ends.
func (d *demo) watch(ctx context.Context) {
	tick := time.NewTicker(showEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			d.show(ctx)
		}
	}
}

func (d *demo) show(ctx context.Context) {
	logs := d.intake.Logs()
	fmt.Fprintf(d.out, "\n%s  %d logs and %d series points at the intake\n", time.Now().UTC().Format(trueTime), len(logs), d.intake.Count(intake.Series))
	for _, l := range logs[d.shown:] {
		e, err := parse(l)
		if err != nil {
			fmt.Fprintln(d.out, "  unreadable:", err)
			continue
		}
		fmt.Fprintf(d.out, "  %16d   %20s   %s\n", e.Timestamp, wouldHaveSent(e), e.Message)
		if strings.HasPrefix(e.Message, marker) {
			d.explain(e)
		}
	}
	d.shown = len(logs)
	d.showMetrics(ctx)
}

// wouldHaveSent is the timestamp that out_datadog sends of a log on a 32-bit device,
// and the year that it means.
func wouldHaveSent(e entry) string {
	at, ok := writtenAt(e.Message)
	if !ok { // a line of the user's own
		at = time.UnixMilli(e.Timestamp)
	}
	wrapped := int64(int32(uint32(at.UnixMilli())))
	return fmt.Sprintf("%d (%d)", wrapped, time.UnixMilli(wrapped).UTC().Year())
}

// explain says what a garbled line's time was, and what became of it.
func (d *demo) explain(e entry) {
	left := uint32(e.Timestamp)
	fmt.Fprintf(d.out, "      ↑ its time came in as seconds %08x, the low 32 bits of milliseconds: %s, or %d if read with a sign; repaired\n",
		left, time.Unix(int64(left), 0).UTC().Format(time.DateOnly), int32(left))
}

// showMetrics shows a few lines of /metrics.
func (d *demo) showMetrics(ctx context.Context) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.listen+"/metrics", nil)
	if err != nil {
		return
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if ctx.Err() == nil { // at the end a request may be under way
			fmt.Fprintln(d.out, "  /metrics:", err)
		}
		return
	}
	defer resp.Body.Close()
	for sc := bufio.NewScanner(resp.Body); sc.Scan(); {
		for _, want := range []string{`edge_cpu_usage_ratio{cpu="total",mode="total"}`, `edge_memory_bytes{state="used"}`,
			"edge_temperature_celsius{", `edge_time_repairs_total{reason="wrapped_ms"}`} {
			if strings.HasPrefix(sc.Text(), want) {
				fmt.Fprintln(d.out, "  "+sc.Text())
			}
		}
	}
}

func parse(l intake.Entry) (e entry, err error) {
	err = json.Unmarshal(l.JSON, &e)
	return e, err
}

// errShort is in what may be missing because the demo ended so soon.
var errShort = errors.New("; give it 10 seconds at least")

// verdict is nil if logs and metrics arrived, and each line with its own time.
func (d *demo) verdict() error {
	logs := d.intake.Logs()
	if len(logs) == 0 {
		return fmt.Errorf("no log arrived%w", errShort)
	}
	if d.intake.Count(intake.Series) == 0 {
		return fmt.Errorf("no metric arrived%w", errShort)
	}
	garbled := 0
	for _, l := range logs {
		e, err := parse(l)
		if err != nil {
			return err
		}
		at, ok := writtenAt(e.Message)
		if !ok {
			continue // a line of the user's own
		}
		if off := time.UnixMilli(e.Timestamp).Sub(at); off.Abs() > tolerance {
			return fmt.Errorf("%q arrived with a time that is %v off", e.Message, off)
		}
		if strings.HasPrefix(e.Message, marker) {
			garbled++
		}
	}
	if garbled == 0 {
		return fmt.Errorf("no line with a garbled time arrived%w", errShort)
	}
	fmt.Fprintf(d.out, "%d logs and %d series points arrived; %d of them came in with a garbled time, and all left with the right one.\n"+
		"From a 32-bit device, out_datadog would have sent %d of the %d logs with a time that Datadog does not show.\n",
		len(logs), d.intake.Count(intake.Series), garbled, len(logs), len(logs))
	return nil
}
