package registry_test

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"out_edge/build/testkit"
	"out_edge/exporter/registry"
	"out_edge/plugin/cmetrics"
	"out_edge/plugin/metric"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// bench is a Registry with what a test looks at.
type bench struct {
	*registry.Registry
	t      testing.TB
	clock  *testkit.Clock
	page   *registry.Page
	series metric.Interner
	in     cmetrics.Interner
	ended  []string
	log    logBook
	tally  registry.Tally
}

// logBook keeps log lines as text.
type logBook struct{ lines []string }

func (b *logBook) Enabled(context.Context, slog.Level) bool { return true }
func (b *logBook) WithAttrs([]slog.Attr) slog.Handler       { return b }
func (b *logBook) WithGroup(string) slog.Handler            { return b }
func (b *logBook) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	b.lines = append(b.lines, line)
	return nil
}

func newBench(t testing.TB, ttl time.Duration, limit int) *bench {
	b := &bench{t: t, clock: testkit.NewClock(testkit.Start)}
	b.in.Series = &b.series
	log := slog.New(&b.log)
	b.page = registry.NewPage(log, func(any) {})
	b.Registry = b.page.Open(registry.Config{TTL: ttl, Limit: limit, Log: log,
		Ended: func(s *metric.Series) { b.ended = append(b.ended, text(s)) }})
	return b
}

// text writes a series as PromQL does.
func text(s *metric.Series) string {
	var labels []string
	for _, l := range s.Labels {
		labels = append(labels, fmt.Sprintf("%s=%q", l.Name, l.Value))
	}
	if labels == nil {
		return s.Name
	}
	return s.Name + "{" + strings.Join(labels, ",") + "}"
}

// sample makes one that was measured a millisecond ago.
func (b *bench) sample(kind metric.Kind, name string, v float64, labels ...metric.Label) metric.Sample {
	return metric.Sample{Series: b.series.Intern(metric.Series{Name: name, Kind: kind, Labels: labels}),
		UnixNano: b.clock.Now().Wall - 1e6, Value: v}
}

// take applies samples and adds up what became of them.
func (b *bench) take(origin registry.Origin, tag string, samples ...metric.Sample) []metric.Sample {
	kept, t := b.Apply(registry.Batch{Samples: samples, Tag: tag, At: b.clock.Now(), Origin: origin})
	for i := range t {
		b.tally[i] += t[i]
	}
	return kept
}

// flush applies a flush of a sequence at its time.
func (b *bench) flush(f testkit.Flush) []metric.Sample {
	b.clock.Advance(f.At.Sub(b.clock.Now().Time()))
	samples, err := cmetrics.Append(nil, f.Payload, f.At.UnixNano(), &b.in)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.take(registry.FromEvent, f.Tag, samples...)
}

// shown are the page's series, without buckets, sorted.
func (b *bench) shown() (lines []string) {
	b.Expire(b.clock.Now())
	ch := make(chan prometheus.Metric, 10_000)
	b.page.Collect(ch)
	close(ch)
	for m := range ch {
		var d dto.Metric
		if err := m.Write(&d); err != nil {
			b.t.Fatal(err)
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(m.Desc().String(), `Desc{fqName: "`), `"`)
		for _, l := range d.Label {
			name += fmt.Sprintf(" %s=%s", l.GetName(), l.GetValue())
		}
		value := d.GetGauge().GetValue() + d.GetCounter().GetValue() + d.GetUntyped().GetValue() + float64(d.GetHistogram().GetSampleCount())
		lines = append(lines, fmt.Sprintf("%s %v", name, value))
	}
	slices.Sort(lines)
	return lines
}

func wantLines(t testing.TB, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// Two scrapes with the same series are two sources: the first is used, the other
// refused and counted, and one line says what to do.
func TestTwoSourcesAreNeverMixed(t *testing.T) {
	b := newBench(t, 10*time.Minute, 0)
	last := 0.0
	for _, f := range testkit.Sequence(t, "two-scrapes") {
		for _, s := range b.flush(f) {
			if f.Tag != "one" {
				t.Errorf("%s of %s is passed on", s.Series.Name, f.Tag)
			}
			if s.Series.Name == "app_requests_total" {
				if s.Value < last || s.HasDelta && s.Delta != 10 {
					t.Errorf("%v after %v, grown by %v", s.Value, last, s.Delta)
				}
				last = s.Value
			}
		}
	}
	if n := b.tally[registry.SecondSource]; n != 27 {
		t.Errorf("%d samples refused, want 27", n)
	}
	wantLines(t, b.log.lines, "records of two tags make the same series, which can have one source: the first is used, the other is refused and counted as second_source; "+
		"set `tag_label` to tell them apart by a label, or keep one of them away with `match` series=app_requests_total used=one refused=two")
	wantLines(t, b.shown(), "app_queue_length 4", fmt.Sprintf("app_requests_total %v", last), "app_seconds 24")
}

// What comes again with its old time has the event's, at every event.
func TestUnchangedSeriesHold(t *testing.T) {
	b := newBench(t, 10*time.Minute, 0)
	var event []metric.Sample
	before := map[*metric.Series]int64{}
	for i, f := range slices.DeleteFunc(testkit.Sequence(t, "unchanged"), func(f testkit.Flush) bool { return f.Tag != "fb" }) {
		event = b.flush(f)
		newest := int64(0)
		for _, s := range event {
			if s.UnixNano != f.At.UnixNano() { // it has a time of its own
				newest = max(newest, s.UnixNano)
			}
		}
		for _, s := range event {
			if i > 0 && before[s.Series] != 0 && newest-s.UnixNano > int64(1100*time.Millisecond) {
				t.Errorf("event %d: %s is %v old", i, text(s.Series), time.Duration(newest-s.UnixNano))
			}
			if s.UnixNano <= before[s.Series] {
				t.Errorf("event %d: %s comes with the same time again", i, text(s.Series))
			}
			before[s.Series] = s.UnixNano
		}
	}
	if len(event) != len(b.shown()) || len(event) < 64 {
		t.Errorf("%d samples in the last event, %d series shown", len(event), len(b.shown()))
	}
}

// The series of a file system that was unmounted age from their own last time, while
// the others stay.
func TestUnpluggedSeriesAge(t *testing.T) {
	const ttl = time.Minute
	b := newBench(t, ttl, 0)
	flushes := testkit.Sequence(t, "unplugged")
	for _, f := range flushes {
		b.flush(f)
	}
	last := flushes[len(flushes)-1]
	stick := func() (n int) {
		for _, l := range b.shown() {
			if strings.Contains(l, "/mnt/stick") {
				n++
			}
		}
		return n
	}
	if stick() != 7 {
		t.Fatalf("%d series of the stick", stick())
	}
	// The input goes on: the same event with new times, but for the stick's.
	for range 70 {
		b.clock.Advance(time.Second)
		last.At = b.clock.Now().Time()
		samples, err := cmetrics.Append(nil, last.Payload, 1, &b.in)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range samples {
			if !strings.Contains(text(s.Series), "/mnt/stick") {
				samples[i].UnixNano = last.At.UnixNano()
			}
		}
		for _, s := range b.take(registry.FromEvent, last.Tag, samples...) {
			if strings.Contains(text(s.Series), "/mnt/stick") {
				t.Fatalf("%s is passed on", text(s.Series))
			}
		}
	}
	if n := stick(); n != 0 {
		t.Errorf("%d series of the stick", n)
	}
	if len(b.shown()) != 14 || len(b.ended) != 7 {
		t.Errorf("%d series, ended %q", len(b.shown()), b.ended)
	}
}

// A counter that has grown in each event and then stands still is not abandoned:
// its program renews it only when it grows.
func TestCounterThatStandsStillHolds(t *testing.T) {
	b := newBench(t, time.Minute, 0)
	at := int64(0)
	still, lively := 0.0, 0.0
	for i := range 200 {
		b.clock.Advance(time.Second)
		lively++
		if i < 5 {
			still++
			at = b.clock.Now().Wall - 1e6
		}
		samples := []metric.Sample{b.sample(metric.Counter, "c_total", lively, metric.Label{Name: "name", Value: "lively"}),
			b.sample(metric.Counter, "c_total", still, metric.Label{Name: "name", Value: "still"})}
		samples[1].UnixNano = at
		kept := b.take(registry.FromEvent, "fb", samples...)
		if len(kept) != 2 || kept[1].UnixNano != b.clock.Now().Wall-1e6 {
			t.Fatalf("event %d: %+v", i, kept)
		}
	}
	wantLines(t, b.shown(), "c_total name=lively 200", "c_total name=still 5")
}

// A gauge has one source too, and changes hands when that has been silent.
func TestGaugesHaveOneSource(t *testing.T) {
	b := newBench(t, time.Minute, 0)
	g := func(v float64) metric.Sample { return b.sample(metric.Gauge, "g", v) }
	b.take(registry.FromHost, "a", g(1))
	if kept := b.take(registry.FromHost, "b", g(2)); len(kept) != 0 {
		t.Error("two sources")
	}
	b.clock.Advance(50 * time.Second)
	b.take(registry.FromHost, "a", g(3))
	b.clock.Advance(50 * time.Second)
	b.take(registry.FromHost, "b", g(4))
	wantLines(t, b.shown(), "g 3")
	for range 3 {
		b.clock.Advance(50 * time.Second) // more than 2.5 of a's intervals
		b.take(registry.FromHost, "b", g(5))
	}
	wantLines(t, b.shown(), "g 5")
}

// A gauge of the host inputs lives for 2.5 of its own intervals, once two samples have
// shown what that is.
func TestSlowGaugesLive(t *testing.T) {
	b := newBench(t, 10*time.Minute, 0)
	take := func(v float64) { b.take(registry.FromHost, "thermal", b.sample(metric.Gauge, "temp", v)) }
	take(20)
	b.clock.Advance(10*time.Minute + 1)
	wantLines(t, b.shown())
	b.clock.Advance(5*time.Minute - 1)
	for i := range 3 {
		take(float64(i))
		b.clock.Advance(15 * time.Minute)
		wantLines(t, b.shown(), fmt.Sprintf("temp %d", i))
	}
	take(9)
	b.clock.Advance(37*time.Minute + 30*time.Second)
	wantLines(t, b.shown(), "temp 9")
	b.clock.Advance(1)
	wantLines(t, b.shown())
}

// At the limit, the totals that have been silent longest make room for live gauges.
func TestSilentTotalsMakeRoom(t *testing.T) {
	b := newBench(t, 10*time.Minute, 4)
	id := func(v string) metric.Label { return metric.Label{Name: "id", Value: v} }
	for _, n := range []string{"1", "2"} {
		b.take(registry.FromEvent, "t", b.sample(metric.Counter, "dead_total", 1, id(n)))
		b.clock.Advance(time.Second)
	}
	b.clock.Advance(time.Minute)
	b.take(registry.FromEvent, "t", b.sample(metric.Counter, "live_total", 1), b.sample(metric.Gauge, "g", 1, id("1")))
	b.clock.Advance(5 * time.Minute)
	b.take(registry.FromEvent, "t", b.sample(metric.Gauge, "g", 2, id("2")))
	if b.tally[registry.OverLimit] != 1 {
		t.Error("a live total made room")
	}
	b.clock.Advance(5 * time.Minute)
	b.take(registry.FromEvent, "t", b.sample(metric.Counter, "live_total", 2), b.sample(metric.Gauge, "g", 1, id("1")), b.sample(metric.Gauge, "g", 2, id("2")))
	wantLines(t, b.shown(), "dead_total id=2 1", "g id=1 1", "g id=2 2", "live_total 2")
	wantLines(t, b.ended, `dead_total{id="1"}`)
	wantLines(t, b.log.lines, "`series_limit` is reached: totals that have been silent longest make room, and other new series are refused and counted as series_limit; this is said once "+
		"series_limit=4 series=4 largest=dead_total (2), g (1), live_total (1)")
}

// A staleness marker ends a series everywhere, a total too.
func TestStalenessMarkerEndsASeries(t *testing.T) {
	b := newBench(t, 0, 0)
	b.take(registry.FromEvent, "rw", b.sample(metric.Gauge, "g", 1), b.sample(metric.Counter, "c_total", 1), b.sample(metric.Gauge, "nan", math.NaN()))
	b.clock.Advance(time.Second)
	stale := math.Float64frombits(metric.StaleNaN)
	kept := b.take(registry.FromEvent, "rw", b.sample(metric.Gauge, "g", stale), b.sample(metric.Counter, "c_total", stale),
		b.sample(metric.Gauge, "never", stale), b.sample(metric.Gauge, "nan", math.NaN()))
	if len(kept) != 1 || kept[0].Series.Name != "nan" {
		t.Errorf("passed on: %+v", kept)
	}
	wantLines(t, b.shown(), "nan NaN")
	wantLines(t, b.ended, "g", "c_total")
	b.clock.Advance(time.Second)
	b.take(registry.FromEvent, "rw", b.sample(metric.Gauge, "g", 2))
	wantLines(t, b.shown(), "g 2", "nan NaN")
}

// Names stand side by side as long as their lines differ; a true clash names both.
func TestNamesSideBySide(t *testing.T) {
	b := newBench(t, 0, 0)
	hist := b.sample(metric.Histogram, "q", 0)
	hist.Dist = &metric.Distribution{Count: 1, Bounds: []float64{1}, Counts: []uint64{1}}
	summary := b.sample(metric.Summary, "s", 0)
	summary.Dist = &metric.Distribution{}
	b.take(registry.FromEvent, "t", b.sample(metric.Gauge, "x", 1), b.sample(metric.Counter, "x_total", 2), hist,
		b.sample(metric.Gauge, "q_max", 3), b.sample(metric.Counter, "q_total", 4), summary, b.sample(metric.Counter, "s_total", 5))
	if b.tally[registry.Conflict] != 0 {
		t.Errorf("%d conflicts", b.tally[registry.Conflict])
	}
	b.take(registry.FromEvent, "t", b.sample(metric.Gauge, "q_sum", 1), b.sample(metric.Gauge, "q_sum", 1))
	if b.tally[registry.Conflict] != 2 {
		t.Errorf("%d conflicts, want 2", b.tally[registry.Conflict])
	}
	wantLines(t, b.log.lines, "two metrics would have lines of one name on /metrics: the first is shown, the other is counted as name_conflict; "+
		"rename one of them with metric_relabel_configs shown=q refused=q_sum")
}
