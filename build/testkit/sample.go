package testkit

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"out_edge/plugin/metric"
)

// CheckSamples checks samples against the contract of Sample, whatever they were
// decoded from.
func CheckSamples(tb testing.TB, samples []metric.Sample) {
	tb.Helper()
	for _, s := range samples {
		if !validName(s.Series.Name, ":") || s.Series.DatadogName == "" && hasLetter(s.Series.Name) {
			tb.Fatalf("names %q, %q", s.Series.Name, s.Series.DatadogName)
		}
		if s.UnixNano <= 0 {
			tb.Fatalf("time %d", s.UnixNano)
		}
		for i, l := range s.Series.Labels {
			if !validName(l.Name, "") || l.Value == "" {
				tb.Fatalf("label %q=%q", l.Name, l.Value)
			}
			if i > 0 && l.Name <= s.Series.Labels[i-1].Name {
				tb.Fatalf("label %q after %q", l.Name, s.Series.Labels[i-1].Name)
			}
		}
		isDist := s.Series.Kind == metric.Histogram || s.Series.Kind == metric.Summary
		if isDist != (s.Dist != nil) && !metric.IsStale(s.Value) {
			tb.Fatalf("kind %d with distribution %v", s.Series.Kind, s.Dist)
		}
		if isDist && s.Dist != nil {
			checkDistribution(tb, s.Series.Kind, s.Dist)
		}
	}
}

func checkDistribution(tb testing.TB, kind metric.Kind, d *metric.Distribution) {
	tb.Helper()
	if !slices.IsSorted(d.Bounds) || slices.ContainsFunc(d.Bounds, math.IsNaN) {
		tb.Fatalf("bounds %v", d.Bounds)
	}
	if kind == metric.Summary {
		if len(d.Values) != len(d.Bounds) || d.Counts != nil {
			tb.Fatalf("summary %+v", d)
		}
		return
	}
	if len(d.Counts) != len(d.Bounds) || d.Values != nil {
		tb.Fatalf("histogram %+v", d)
	}
}

func validName(name, extra string) bool {
	for i, c := range name {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || extra != "" && c == ':'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

func hasLetter(s string) bool {
	return slices.ContainsFunc([]byte(s), func(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' })
}

// RenderSample returns a sample in Prometheus' format, the time in nanoseconds.
func RenderSample(s metric.Sample) string {
	var b strings.Builder
	b.WriteString([...]string{"gauge ", "counter ", "untyped ", "histogram ", "summary "}[s.Series.Kind])
	b.WriteString(s.Series.Name)
	if len(s.Series.Labels) > 0 {
		b.WriteString("{")
		for i, l := range s.Series.Labels {
			renderComma(&b, i)
			fmt.Fprintf(&b, "%s=%q", l.Name, l.Value)
		}
		b.WriteString("}")
	}
	if d := s.Dist; d != nil {
		fmt.Fprintf(&b, " count=%d sum=%v", d.Count, d.Sum)
		for i, bound := range d.Bounds {
			if d.Counts != nil {
				fmt.Fprintf(&b, " le%v=%d", bound, d.Counts[i])
			} else {
				fmt.Fprintf(&b, " q%v=%v", bound, d.Values[i])
			}
		}
	} else {
		b.WriteString(" " + strconv.FormatFloat(s.Value, 'g', -1, 64))
	}
	if s.HasDelta {
		fmt.Fprintf(&b, " delta=%v", s.Delta)
	}
	fmt.Fprintf(&b, " @%d #%d", s.UnixNano, s.Index)
	return b.String()
}

// RenderSamples returns a line for each sample.
func RenderSamples(samples []metric.Sample) []string {
	var all []string
	for _, s := range samples {
		all = append(all, RenderSample(s))
	}
	return all
}
