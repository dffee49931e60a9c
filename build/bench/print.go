package main

import (
	"fmt"
	"io"
)

// printRows writes a table for each part.
func printRows(w io.Writer, rows []row) {
	cost := map[string]row{}
	for _, r := range rows {
		cost[r.Name] = r
	}
	part := ""
	for _, r := range rows {
		if r.Part != part {
			part = r.Part
			fmt.Fprintf(w, "\n| %s | CPU | bytes | allocations | peak | of the other's CPU | of its bytes | the other |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n", part)
		}
		fmt.Fprintf(w, "| %s | %s a %s | %s | %s | %s | %s |\n", r.Name, nanos(r.CPUNanos, 2), r.Thing,
			unless0("%.1f", r.Bytes), allocs(r), unless0("%.1f MiB", r.PeakMiB), ratios(r, cost[r.Beside]))
	}
}

// nanos writes a time, with some decimals from a µs on.
func nanos(ns float64, decimals int) string {
	switch {
	case ns < 1e3:
		return fmt.Sprintf("%.0f ns", ns)
	case ns < 1e6:
		return fmt.Sprintf("%.*f µs", decimals, ns/1e3)
	}
	return fmt.Sprintf("%.*f ms", decimals, ns/1e6)
}

func unless0(format string, v float64) string {
	if v == 0 {
		return ""
	}
	return fmt.Sprintf(format, v)
}

func allocs(r row) string {
	if r.Switches > 0 {
		return fmt.Sprintf("%.0f switches/s", r.Switches)
	}
	if r.Part == "agents" {
		return ""
	}
	return fmt.Sprintf("%.3g", r.Allocs)
}

// ratios compares a row with another.
func ratios(r, other row) string {
	if other.CPUNanos == 0 {
		return "||"
	}
	size := ""
	if r.Bytes > 0 && other.Bytes > 0 {
		size = fmt.Sprintf("%.2f", r.Bytes/other.Bytes)
	}
	return fmt.Sprintf("%.2f | %s | %s", r.CPUNanos/other.CPUNanos, size, other.Name)
}

// printGrowth writes a table of all curves.
func printGrowth(w io.Writer, curves []curve) {
	for _, c := range curves {
		fmt.Fprintf(w, "\n| %s | CPU a %s | allocations | bytes |\n| --- | --- | --- | --- |\n", c.Name, c.Thing)
		for _, p := range c.Points {
			fmt.Fprintf(w, "| %d | %s | %.3g | %.1f |\n", p.Size, nanos(p.CPUNanos, 2), p.Allocs, p.Bytes)
		}
	}
}
