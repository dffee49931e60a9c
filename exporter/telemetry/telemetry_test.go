package telemetry_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"

	"out_edge/build/testkit"
	"out_edge/exporter/telemetry"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

func newTelemetry() (*telemetry.Telemetry, *testkit.Clock) {
	c := testkit.NewClock(testkit.Start)
	return new(telemetry.Group).Open("", telemetry.Config{Prefix: "edge", Version: "v1", Clock: c}), c
}

// lines are the series whose names start with one of the prefixes.
func lines(t *testing.T, tel *telemetry.Telemetry, prefixes ...string) (found []string) {
	t.Helper()
	all, err := tel.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range all {
		var text strings.Builder
		if _, err := expfmt.MetricFamilyToText(&text, family); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(text.String()) {
			if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(line, p) }) {
				found = append(found, strings.TrimSuffix(line, "\n"))
			}
		}
	}
	return found
}

// A sink's counters stand at 0 with all their reasons before anything has happened.
func TestSinkStandsAtZero(t *testing.T) {
	tel, _ := newTelemetry()
	tel.AddSink("toy", []string{"broken", "shutdown"}, []string{"bent"})
	tel.AddSink("toy", []string{"broken"}, nil) // again: as before
	state := tel.State().Sinks["toy"]
	if state == nil || len(state.DropReasons) != 2 || len(state.AdjustReasons) != 1 {
		t.Fatalf("got %+v", state)
	}
	want := []string{
		`edge_adjusted_records_total{reason="bent",sink="toy"} 0`,
		`edge_last_delivery_timestamp_seconds{sink="prometheus"} 0`,
		`edge_last_delivery_timestamp_seconds{sink="toy"} 0`,
		`edge_records_total{result="delivered",sink="prometheus"} 0`,
		`edge_records_total{result="delivered",sink="toy"} 0`,
		`edge_records_total{result="dropped",sink="decode"} 0`,
		`edge_records_total{result="dropped",sink="prometheus"} 0`,
		`edge_records_total{result="dropped",sink="toy"} 0`,
		`edge_records_total{result="retried",sink="toy"} 0`,
	}
	if got := lines(t, tel, "edge_adjusted", "edge_last", "edge_records"); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Every sink that sends has reasons of its own, and the datadog sinks an endpoint.
func TestKnownSinks(t *testing.T) {
	tel, _ := newTelemetry()
	for _, sink := range []string{delivery.SinkDatadog, delivery.SinkDatadogMetrics, delivery.SinkRemoteWrite} {
		tel.AddSink(sink, delivery.DropReasons(sink), delivery.AdjustReasons(sink))
		state := tel.State().Sinks[sink]
		for _, reason := range []string{delivery.ReasonRejected, delivery.ReasonTooLarge, "shutdown", "panic"} {
			if n, there := state.DropReasons[reason]; !there || n != 0 {
				t.Errorf("%s: no %s", sink, reason)
			}
		}
		if len(state.AdjustReasons) == 0 {
			t.Errorf("%s: no reasons of adjustments", sink)
		}
	}
	if got := lines(t, tel, "edge_datadog_requests_total{", "edge_remote_write_requests_total{", "edge_datadog_sent_bytes_total{"); len(got) != 7 {
		t.Errorf("got %s, want 2 of endpoints, 1 of remote write and 4 of bytes", strings.Join(got, "\n"))
	}
}

// What counts as a fault of a sink, and what ends it.
func TestState(t *testing.T) {
	tel, c := newTelemetry()
	tel.Request("logs", "400") // an entry's fault
	tel.Request("logs", delivery.CodeCanceled)
	if s := tel.State().Sinks[delivery.SinkDatadog]; s.Last.Failing != 0 || s.Last.Code != "400" {
		t.Errorf("got %+v", s.Last)
	}
	tel.Request("logs", "503")
	began := int64(c.Now().Elapsed())
	c.Advance(time.Second)
	now := int64(c.Now().Elapsed())
	tel.Request("logs", delivery.CodeTimeout)
	if s := tel.State().Sinks[delivery.SinkDatadog]; s.Last.Failing != began || s.Last.Fault != now || s.Last.Code != delivery.CodeTimeout {
		t.Errorf("got %+v", s.Last)
	}
	tel.Delivered(delivery.SinkDatadog, 3)
	tel.Dropped(delivery.SinkDatadog, delivery.ReasonTooLarge, 2)
	tel.Dropped(delivery.SinkPrometheus, "wrapped", 1) // nothing to worry about
	tel.Skew(-90 * time.Second)
	tel.Repairs(timefix.Counts{timefix.WrappedMs: 4})
	s := tel.State()
	sink := s.Sinks[delivery.SinkDatadog]
	want := telemetry.SinkTimes{Delivered: now, Dropped: now, Reason: delivery.ReasonTooLarge, Fault: now, Code: delivery.CodeTimeout}
	if sink.Last != want || sink.Delivered != 3 || sink.Dropped != 2 || sink.DropReasons[delivery.ReasonTooLarge] != 2 {
		t.Errorf("got %+v", sink)
	}
	if s.Sinks[delivery.SinkPrometheus].Last.Dropped != 0 || s.Skew != -90*time.Second || s.Repairs[timefix.WrappedMs] != 4 {
		t.Errorf("got %+v", s)
	}
}

// The series of an output that is alone have no label output. Those of several have,
// all of them, under the name that Fluent Bit has for the output, or a number.
func TestSeveralOutputsAreToldApart(t *testing.T) {
	var group telemetry.Group
	cfg := telemetry.Config{Prefix: "edge", Clock: testkit.NewClock(testkit.Start), Labels: []metric.Label{{Name: "output", Value: "theirs"}, {Name: "site", Value: "a"}}}
	first := group.Open("edge.0", cfg)
	want := func(tel *telemetry.Telemetry, line string) {
		t.Helper()
		if got := lines(t, tel, "edge_clock_skew_seconds{"); len(got) != 1 || got[0] != line {
			t.Errorf("got %s, want %s", got, line)
		}
	}
	want(first, `edge_clock_skew_seconds{site="a"} 0`)
	second, third, fourth := group.Open("edge.0", cfg), group.Open("", cfg), group.Open("lte\xff", cfg)
	want(first, `edge_clock_skew_seconds{output="edge.0",site="a"} 0`)
	want(second, `edge_clock_skew_seconds{output="1",site="a"} 0`)
	want(third, `edge_clock_skew_seconds{output="2",site="a"} 0`)
	want(fourth, `edge_clock_skew_seconds{output="lte�",site="a"} 0`)
	for _, tel := range []*telemetry.Telemetry{fourth, third, first, first} {
		tel.Close()
	}
	want(second, `edge_clock_skew_seconds{site="a"} 0`)
	first.Delivered(delivery.SinkDatadog, 1) // a late one does no harm
}

// A series of another program that could not be told from one's own is the plugin's,
// with and without the label output.
func TestOwnSeriesAreOwned(t *testing.T) {
	var group telemetry.Group
	tel := group.Open("edge.0", telemetry.Config{Prefix: "edge", Clock: testkit.NewClock(testkit.Start)})
	skew := tel.Families()[slices.IndexFunc(tel.Families(), func(f *telemetry.Family) bool { return f.Name == "edge_clock_skew_seconds" })]
	for _, c := range []struct {
		labels []metric.Label
		owned  bool
	}{
		{nil, true},
		{[]metric.Label{{Name: "output", Value: "edge.0"}}, true},
		{[]metric.Label{{Name: "output", Value: "edge.1"}}, false},
		{[]metric.Label{{Name: "instance", Value: "pump-7"}, {Name: "output", Value: "edge.0"}}, false},
	} {
		if got := skew.Owns(&metric.Series{Labels: c.labels}); got != c.owned {
			t.Errorf("%v: %v", c.labels, got)
		}
	}
}

// The text of an unknown code says nothing, and breaks nothing.
func TestOutcomeOf(t *testing.T) {
	for code, want := range map[string]delivery.Action{"202": delivery.Delivered, "503": delivery.Retry, "413": delivery.Split,
		delivery.CodeTLS: delivery.Retry, "?": delivery.Retry} {
		if got := telemetry.OutcomeOf(code).Action; got != want {
			t.Errorf("%s: %v, want %v", code, got, want)
		}
	}
}

// TestTheFirstOfAReasonIsSaid: once a sink and reason, where there is something to do
// about it, and not when the series is made.
func TestTheFirstOfAReasonIsSaid(t *testing.T) {
	var said []string
	tel := new(telemetry.Group).Open("", telemetry.Config{Prefix: "edge", Clock: testkit.NewClock(testkit.Start),
		First: func(sink, reason, cure string, n int) {
			said = append(said, fmt.Sprint(sink, " ", reason, " ", n, " ", cure != ""))
		}})
	tel.AddSink(delivery.SinkRemoteWrite, delivery.DropReasons(delivery.SinkRemoteWrite), nil)
	tel.Dropped(delivery.SinkRemoteWrite, "given_up", 0)
	tel.Dropped(delivery.SinkRemoteWrite, "given_up", 3)
	tel.Dropped(delivery.SinkRemoteWrite, "given_up", 4)
	tel.Dropped(delivery.SinkDatadog, "given_up", 1)
	tel.Dropped(delivery.SinkDatadog, delivery.ReasonRejected, 1) // the sink itself says it
	tel.Dropped(delivery.SinkRemoteWrite, "too_old", 1)           // so does this one
	tel.Dropped(delivery.SinkDatadogMetrics, "too_old", 1)
	tel.Adjusted(delivery.SinkDatadogMetrics, "folded", 2)
	want := []string{"remote_write given_up 3 true", "datadog given_up 1 true", "datadog_metrics too_old 1 true", "datadog_metrics folded 2 true"}
	if !slices.Equal(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
}
